"""Data on the scale of those that were learnt from: what is certain, what may be meant, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset, Subset
from fittool.data.images.pixel_scale import Rescaled, brought_to, rescale
from fittool.data.input_facts import facts_of
from fittool.errors import DataError

UNIT, EIGHT, SIGNED = (0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)
LEVELS = np.arange(256, dtype=np.uint8)


def images(values: np.ndarray) -> ArrayDataset:
    return ArrayDataset(np.resize(np.asarray(values), (4, 8, 8, 1)), (np.arange(4),))


def test_pixels_are_those_of_a_division_by_255() -> None:
    np.testing.assert_array_equal(rescale(LEVELS, EIGHT, UNIT), (LEVELS / 255).astype(np.float32))
    np.testing.assert_array_equal(rescale(LEVELS, EIGHT, SIGNED), (LEVELS / 127.5 - 1).astype(np.float32))
    np.testing.assert_array_equal(rescale(LEVELS, EIGHT, (0.0, 65535.0)), LEVELS.astype(np.float32) * 257)


def test_floats_come_back_as_levels() -> None:
    np.testing.assert_allclose(rescale((LEVELS / 255).astype(np.float32), UNIT, EIGHT), LEVELS, atol=1e-4)


def test_only_inputs_change_and_targets_that_are_inputs_with_them() -> None:
    arrays = {"input": np.resize(LEVELS, (4, 8, 8, 1))}
    same = ArrayDataset(arrays, tuple(arrays.values()))
    inputs, targets, _ = Rescaled(same, [(EIGHT, UNIT)]).load(np.arange(4))
    assert targets is inputs
    _, (labels,), _ = Rescaled(images(LEVELS), [(EIGHT, UNIT)]).load(np.array([2, 0]))
    assert labels.tolist() == [2, 0]


def test_another_scale_is_another_fingerprint() -> None:
    data = images(LEVELS)
    assert (
        len({data.fingerprint(), Rescaled(data, [(EIGHT, UNIT)]).fingerprint(), Rescaled(data, [(EIGHT, SIGNED)]).fingerprint()})
        == 3
    )


def test_what_is_alike_is_left_as_it_is() -> None:
    data = images(LEVELS)
    assert brought_to(facts_of(data), data).data is data
    assert brought_to(facts_of(data), data).told == ()


def test_other_shapes_are_for_others_to_tell() -> None:
    data = ArrayDataset(np.zeros((4, 3), np.float32), (np.arange(4),))
    assert brought_to(facts_of(images(LEVELS)), data).data is data


def test_a_part_of_some_data_is_brought_as_the_whole() -> None:
    part = Subset(images(LEVELS), np.array([1, 3]))
    brought = brought_to(facts_of(images(LEVELS / 255.0)), part).data
    assert brought.load(np.arange(2))[0][0].max() <= 1


def test_arrays_that_are_no_images_are_never_changed_but_warned_of() -> None:
    learnt = facts_of(ArrayDataset((np.resize(LEVELS, (4, 64)) / 255).astype(np.float32), (np.arange(4),)))
    given = ArrayDataset(np.resize(LEVELS, (4, 64)).astype(np.float32), (np.arange(4),))
    brought = brought_to(learnt, given)
    assert brought.data is given
    assert brought.told == (
        "The values reach from 0 to 255, but the network has learnt from 0 to 1. Are they on the same scale?",
    )


def test_columns_of_a_table_are_not_compared_as_one() -> None:
    learnt = facts_of(ArrayDataset(np.ones((4, 2), np.float32), (np.arange(4),)))
    table = ArrayDataset(np.full((4, 2), 1000, np.float32), (np.arange(4),), feature_names=("a", "b"))
    assert brought_to(learnt, table).told == ()


@pytest.mark.parametrize(
    ("learnt", "given"),
    [
        (LEVELS / 64.0 - 2, LEVELS),  # standardised
        (LEVELS // 16, LEVELS),  # digits from 0 to 15
        (LEVELS.astype(np.float32), LEVELS / 255.0 - 0.5),  # centred
        (LEVELS, (LEVELS > 127).astype(np.float32)),
        (LEVELS / 255.0, LEVELS / 64.0),
    ],
)
def test_what_is_not_certain_is_refused(learnt: np.ndarray, given: np.ndarray) -> None:
    with pytest.raises(
        DataError, match=r"how to bring the ones to the others is not certain\. Prepare them as the training data"
    ):
        brought_to(facts_of(images(learnt)), images(given))
