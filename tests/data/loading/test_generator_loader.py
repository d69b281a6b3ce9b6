"""Batches of user code: passes, lengths, forms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count, islice

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.targets import ClassMode
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, UserCodeError


def pair(value: float, size: int = 2) -> tuple[np.ndarray, np.ndarray]:
    return np.full((size, 3), value, np.float32), np.arange(size) % 2


def finite() -> Iterator[object]:
    for value in range(4):
        yield pair(value)


def endless() -> Iterator[object]:
    for value in count():
        yield pair(value)


class Sequence:
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> object:
        return pair(index)


def loader(
    function: Callable[[], object], samples: int | None = None, class_mode: ClassMode = "auto", **arguments: object
) -> GeneratorLoader:
    return GeneratorLoader(GeneratorData(function, "data:f", samples, class_mode), **arguments)  # type: ignore[arg-type]


def values(batches: Iterator[Batch], most: int = 100) -> list[float]:
    return [float(batch.inputs[0][0, 0]) for batch in islice(batches, most)]


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_a_generator_of_unknown_length_ends_with_its_pass(workers: int) -> None:
    made = loader(finite, workers=workers)
    assert made.steps_per_pass is None
    assert values(made.batches(0)) == [0, 1, 2, 3]
    assert values(made.batches(4)) == [0, 1, 2, 3]


def test_a_generator_of_unknown_length_resumes_in_mid_pass() -> None:
    assert values(loader(finite).batches(6)) == [2, 3]
    assert values(loader(finite).batches(8)) == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_known_number_of_samples_makes_passes_without_end(workers: int) -> None:
    made = loader(finite, samples=8, workers=workers)
    assert made.steps_per_pass == 4
    assert values(made.batches(0), 10) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert values(made.batches(6), 4) == [2, 3, 0, 1]


def test_an_object_with_length_and_items_is_a_pass() -> None:
    made = loader(Sequence)
    assert made.steps_per_pass == 4
    assert values(made.batches(2), 4) == [2, 3, 0, 1]


def test_an_endless_generator_is_cut_at_the_number_of_samples() -> None:
    assert values(loader(endless, samples=5).batches(0), 5) == [0, 1, 2, 0, 1]


def test_an_endless_generator_of_unknown_length_goes_on() -> None:
    assert values(loader(endless).batches(0), 6) == [0, 1, 2, 3, 4, 5]


def test_a_pass_that_ends_early_names_both_numbers() -> None:
    batches = loader(finite, samples=12).batches(0)
    assert values(batches, 4) == [0, 1, 2, 3]
    with pytest.raises(UserCodeError, match=r"data:f gave 4 of 6 batches in pass 1 \(samples: 12, in batches of 2\)"):
        next(batches)


def test_a_generator_that_is_used_up_is_told_with_the_mend() -> None:
    once = finite()
    made = loader(lambda: once)
    assert values(made.batches(0)) == [0, 1, 2, 3]
    with pytest.raises(UserCodeError, match=r"gave no batches in pass 2. Return a new generator at each call"):
        values(made.batches(4))


def test_the_function_is_called_once_for_its_first_pass() -> None:
    calls: list[int] = []

    def counted() -> Iterator[object]:
        calls.append(1)
        yield from finite()

    values(loader(counted).batches(0))
    assert len(calls) == 1


def test_no_batches_at_all_are_an_error() -> None:
    with pytest.raises(UserCodeError, match="data:f gave no batches"):
        loader(lambda: iter(()))


@pytest.mark.parametrize("given", [None, pair(0), np.zeros(3), {"x": 1}, "text", 3])
def test_what_gives_no_batches_is_refused(given: object) -> None:
    with pytest.raises(UserCodeError, match=r"data:f gave (nothing|an? \w+).*; expected a generator or list of batches"):
        loader(lambda: given)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (None, "batch 2 is nothing"),
        ((1,), "batch 2 is a tuple of 1; expected"),
        ((1, 2, 3, 4), "batch 2 is a tuple of 4"),
        ((np.zeros((2, 3)), 5), "targets are an int; an array"),
        ((np.zeros((2, 3)), np.zeros(1)), r"arrays of shapes \(2, 3\), \(1,\)"),
        ((np.zeros((0, 3)), np.zeros(0)), "at least one"),
        (
            (np.zeros((2, 4), np.float32), np.array([0, 1])),
            r"inputs are float32 \(4,\) a sample, but those of the first batch were float32 \(3,\)",
        ),
        ((np.zeros((2, 3), np.uint8), np.array([0, 1])), r"inputs are uint8 \(3,\) a sample"),
        ((np.zeros((2, 3)), np.array([0.5, 1])), r"targets are float32 \(\) a sample, but those of the first batch were int64"),
        ((np.full((2, 3), np.nan), np.array([0, 1])), "holds 6 values that are NaN"),
        ((np.array([["a"] * 3] * 2), np.array([0, 1])), "holds text"),
        ((*pair(1), np.ones(2)), "has some sample_weights, but the first batch had no"),
        ((*pair(1), np.ones(3)), r"sample_weights has shape \(3,\)"),
    ],
)
def test_each_batch_is_held_against_the_first(item: object, text: str) -> None:
    batches = loader(lambda: iter([pair(0), item])).batches(0)
    next(batches)
    with pytest.raises(UserCodeError, match=f"data:f, .*{text}"):
        next(batches)


def test_several_inputs_have_numbered_names() -> None:
    made = loader(lambda: [((np.zeros((2, 3)), np.zeros((2, 4))), np.zeros(2))])
    assert made.source.input_shapes == {"input_0": (3,), "input_1": (4,)}


def test_bare_inputs_are_batches_where_no_labels_are_read() -> None:
    batch = next(loader(lambda: [np.zeros((2, 3))], class_mode="input").batches(0))
    assert batch.targets is batch.inputs


def test_class_weights_multiply_sample_weights() -> None:
    made = loader(lambda: [(*pair(0), np.array([2.0, 3.0]))], class_weight={"yes": 10}, class_names=("no", "yes"))
    assert next(made.batches(0)).sample_weight.tolist() == [2, 30]  # type: ignore[union-attr]


def test_class_weights_need_classes() -> None:
    made = loader(lambda: [(np.zeros((2, 3)), np.array([0.5, 1]))], class_weight={1: 2})
    with pytest.raises(ExperimentError, match="class_weight needs targets that are classes, but data:f gives others"):
        next(made.batches(0))


def test_closing_ends_the_generator_and_its_thread() -> None:
    ended: list[int] = []

    def tidy() -> Iterator[object]:
        try:
            yield from endless()
        finally:
            ended.append(1)

    batches = loader(tidy, workers=1).batches(0)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert ended == [1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fittool-data")]
