"""Loaders whose batches processes make: the same bytes as by threads, from any step on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.memory import CachedDataset
from fittool.data.sources import FolderSource, NpySource, PythonSource, SourceContext
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, ExperimentError, UserCodeError

TURN = partial(augment, Augmentation(rotation_range=30, horizontal_flip=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("cat", "dog", "owl"):
        (tmp_path / name).mkdir()
        for number in range(7):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def some(loader: DatasetLoader | GeneratorLoader, first: int, amount: int) -> list[Batch]:
    batches = loader.batches(first)
    try:
        return list(islice(batches, amount))
    finally:
        batches.close()  # type: ignore[attr-defined]


def bytes_of(batches: list[Batch]) -> list[tuple[bytes, ...]]:
    return [tuple(array.tobytes() for array in (*batch.inputs, *batch.targets)) for batch in batches]


def images(folder: Path) -> Dataset:
    return FolderSource(path=str(folder)).open(SourceContext())


def arrays(folder: Path) -> Dataset:
    return ArrayDataset(np.random.default_rng(0).integers(0, 256, (21, 40, 40, 3), np.uint8), (np.arange(21),))


def mapped_array(folder: Path) -> Dataset:
    np.save(folder / "x.npy", np.random.default_rng(0).integers(0, 256, (21, 40, 40), np.uint8))
    return NpySource(x=str(folder / "x.npy")).open(SourceContext(class_mode=None))


def remembered(folder: Path) -> Dataset:
    return CachedDataset(images(folder))


@pytest.mark.parametrize(
    ("dataset", "workers"),
    [
        (images, 2),
        (arrays, 4),
        (mapped_array, 1),
        (remembered, 1),
        *(
            pytest.param(dataset, workers, marks=pytest.mark.long)
            for dataset in (images, arrays, mapped_array, remembered)
            for workers in (1, 2, 8)
        ),
    ],
)
def test_processes_make_the_same_bytes(folder: Path, dataset: Callable[[Path], Dataset], workers: int) -> None:
    samples = dataset(folder)
    straight = some(DatasetLoader(samples, 4, 7, augment=TURN), 0, 14)
    loader = DatasetLoader(samples, 4, 7, augment=TURN, workers=workers, max_queue_size=3, use_multiprocessing=True)
    assert bytes_of(some(loader, 0, 14)) == bytes_of(straight)


@pytest.mark.parametrize("first", [1, 5, 13])
def test_processes_may_start_at_any_step(folder: Path, first: int) -> None:
    straight = some(DatasetLoader(images(folder), 4, 7, augment=TURN), 0, 20)
    loader = DatasetLoader(images(folder), 4, 7, augment=TURN, workers=2, use_multiprocessing=True)
    assert bytes_of(some(loader, first, 20 - first)) == bytes_of(straight[first:])


def test_class_weights_and_own_targets_arrive(folder: Path) -> None:
    weighted = DatasetLoader(images(folder), 4, class_weight={"cat": 3}, workers=1, use_multiprocessing=True)
    assert 3 in some(weighted, 0, 1)[0].sample_weight  # type: ignore[operator]
    copying = DatasetLoader(
        FolderSource(path=str(folder)).open(SourceContext(class_mode="input")), 4, workers=1, use_multiprocessing=True
    )
    (batch,) = some(copying, 0, 1)
    assert batch.targets is batch.inputs


def test_a_bad_file_is_named(folder: Path) -> None:
    samples = FolderSource(path=str(folder)).open(SourceContext(size=(8, 8)))
    (folder / "owl" / "6.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"owl/6.png: This is no image"):
        some(DatasetLoader(samples, 4, workers=2, use_multiprocessing=True), 0, 6)


def test_a_dead_worker_names_the_files_it_was_at(folder: Path) -> None:
    loader = DatasetLoader(images(folder), 4, augment=dies, shuffle=False, workers=1, use_multiprocessing=True)
    with pytest.raises(UserCodeError, match=r"exit code 7 while it made a batch of pass 1 \(.*cat/0.png and 3 others\)"):
        some(loader, 0, 1)


def dies(*arguments: Any) -> Any:
    os._exit(7)


def pair(value: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full((2, 3), value, np.float32), np.full(2, os.getpid())


def finite() -> Iterator[object]:
    for value in range(4):
        yield pair(value)


def endless() -> Iterator[object]:
    yield from map(pair, count())


def hangs() -> Iterator[object]:
    yield pair(0)
    time.sleep(1000)


def ends() -> Iterator[object]:
    yield pair(0)
    os._exit(4)


class Sequence:
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> object:
        return pair(index)


class Hooked(Sequence):
    def on_epoch_end(self) -> None:
        pass


def loader(function: Callable[[], object], samples: int | None = None, **arguments: Any) -> GeneratorLoader:
    return GeneratorLoader(GeneratorData(function, "data:f", samples), **{"workers": 2, "use_multiprocessing": True} | arguments)


def values(batches: list[Batch]) -> list[float]:
    return [float(batch.inputs[0][0, 0]) for batch in batches]


def processes(batches: list[Batch]) -> set[int]:
    return {int(batch.targets[0][0]) for batch in batches} - {os.getpid()}


@pytest.mark.parametrize(
    ("function", "samples", "most"), [(finite, 8, 1), (endless, 8, 1), (Sequence, None, 2), (Hooked, None, 1)]
)
def test_passes_of_known_length_go_on_in_processes(function: Callable[[], object], samples: int | None, most: int) -> None:
    made = some(loader(function, samples), 0, 10)
    assert values(made) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert len(processes(made)) == most
    assert values(some(loader(function, samples), 6, 4)) == [2, 3, 0, 1]


def test_passes_of_unknown_length_end() -> None:
    made = loader(finite)
    assert values(some(made, 0, 100)) == [0, 1, 2, 3]
    assert values(some(made, 4, 100)) == [0, 1, 2, 3]
    assert values(some(loader(finite), 6, 100)) == [2, 3]


def test_a_pass_that_ends_early_is_an_error() -> None:
    with pytest.raises(UserCodeError, match="data:f gave 4 of 5 batches in pass 1"):
        some(loader(finite, samples=10), 0, 10)


def test_no_more_batches_than_wanted_are_asked_for() -> None:
    assert values(some(loader(finite, samples=100, steps=3), 0, 100)) == [0, 1, 2]


def test_a_generator_that_dies_is_told_with_its_batch() -> None:
    with pytest.raises(
        UserCodeError,
        match=r"Worker 0 \(process \d+\) ended by itself with exit code 4 while it made batch 2 of pass 1 of data:f",
    ):
        some(loader(ends), 0, 3)


@pytest.mark.parametrize("use_multiprocessing", [False, True])
def test_a_generator_that_hangs_is_told_with_its_line(use_multiprocessing: bool) -> None:
    with pytest.raises(UserCodeError, match=r"hangs at .*test_process_loaders.py.* in hangs"):
        some(loader(hangs, timeout=1, use_multiprocessing=use_multiprocessing), 0, 3)


def test_a_first_batch_that_hangs_is_told_too() -> None:
    source = GeneratorData(partial(time.sleep, 1000), "data:f", timeout=0.3)
    with pytest.raises(UserCodeError, match=r"The first batch of data:f was not made within 0.3 s"):
        GeneratorLoader(source)


def test_a_generator_object_cannot_be_sent() -> None:
    given = finite()
    with pytest.raises(ExperimentError, match="cannot be sent to another process"):
        some(loader(partial(iter, given)), 0, 1)


MODULE = """
import numpy as np

def batches(size):
    for number in range(3):
        yield np.full((size, 1), number, "f4"), np.zeros(size)
"""


def test_functions_of_an_experiment_are_found_by_their_file(tmp_path: Path) -> None:
    (tmp_path / "my_data.py").write_text(MODULE)
    source = PythonSource(function="my_data:batches", arguments={"size": 2}).open(SourceContext(tmp_path))
    assert values(some(GeneratorLoader(source, workers=1, use_multiprocessing=True), 0, 5)) == [0, 1, 2]
