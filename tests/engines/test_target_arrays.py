from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.target_arrays import check_one_hot, class_numbers, in_output_shape, targets_and_weights
from fittool.errors import DataError

TWO = (np.zeros(3), np.ones(3))


def test_weights_are_shared_or_given_column_by_column() -> None:
    weights = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
    assert targets_and_weights(TWO, None, 2)[1] == [None, None]
    assert [each.tolist() for each in targets_and_weights(TWO, weights[:, 0], 2)[1] if each is not None] == [[1, 2, 3], [1, 2, 3]]
    assert [each.tolist() for each in targets_and_weights(TWO, weights, 2)[1] if each is not None] == [[1, 2, 3], [4, 5, 6]]


def test_missing_targets_and_weights_are_told() -> None:
    with pytest.raises(DataError, match="has 3 outputs, but the data give 2 targets"):
        targets_and_weights(TWO, None, 3)
    with pytest.raises(DataError, match=r"has 2 outputs, but the sample weights have the shape \(3, 1\)"):
        targets_and_weights(TWO, np.ones((3, 1)), 2)


def test_class_numbers_become_a_row_and_ignored_ones_zero() -> None:
    numbers, counted = class_numbers(np.array([[0, 9], [2, 1]]), (2, 2, 3), ignored=9)
    assert numbers.tolist() == [0, 0, 2, 1]
    assert counted is not None and counted.tolist() == [True, False, True, True]
    assert class_numbers(np.array([[0.0], [2.0]]), (2, 3))[1] is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [([0, 3], "class number 3.*places for 0 to 2"), ([-1, 0], "class number -1"), ([0], r"outputs' shape \(2,\), got \(1,\)")],
)
def test_wrong_class_numbers_are_refused(targets: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        class_numbers(np.array(targets), (2, 3))


@pytest.mark.parametrize(("shape", "output_shape"), [((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 2)), ((4, 2), (4, 2, 1))])
def test_a_last_axis_of_one_may_be_missing_or_too_many(shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
    assert in_output_shape(np.zeros(shape), output_shape).shape == output_shape


@pytest.mark.parametrize(("shape", "output_shape"), [((4,), (4, 2)), ((2, 4), (4, 2)), ((4, 2), (4,))])
def test_targets_of_other_shapes_are_refused(shape: tuple[int, ...], output_shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="expected targets of the outputs' shape"):
        in_output_shape(np.zeros(shape), output_shape)


def test_one_hot_targets_have_the_outputs_shape() -> None:
    check_one_hot(np.zeros((4, 3)), (4, 3))
    with pytest.raises(DataError, match=r"one-hot targets of the outputs' shape \(4, 3\), got \(4,\)"):
        check_one_hot(np.zeros(4), (4, 3))
