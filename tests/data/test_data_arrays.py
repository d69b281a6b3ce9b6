"""Numbers from outside: what they become, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.arrays import as_images, as_inputs, as_numbers, as_weights, check_input_shape, check_lengths
from fittool.errors import DataError


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("uint8", "uint8"),
        ("bool", "uint8"),
        ("int8", "int64"),
        (">i4", "int64"),
        ("uint64", "int64"),
        ("float16", "float32"),
        ("float64", "float32"),
        (">f4", "float32"),
        ("longdouble", "float32"),
    ],
)
def test_numbers_are_kept_in_one_of_three_types(given: str, kept: str) -> None:
    result = as_numbers(np.array([0, 1], given), "x")
    assert result.dtype == np.dtype(kept)
    assert result.dtype.isnative
    np.testing.assert_array_equal(result, [0, 1])


def test_uint8_is_not_copied() -> None:
    array = np.zeros((2, 3), np.uint8)
    assert as_numbers(array, "x") is array


def test_a_boolean_of_another_byte_is_one() -> None:
    assert as_numbers(np.array([7, 0], np.uint8).view(bool), "x").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.array(["a"]), "text"),
        (np.array([b"a"]), "bytes"),
        (np.array([1j]), "complex numbers"),
        (np.array(["2020-01-01"], "M8[D]"), "dates"),
        (np.array([object()]), "Python objects"),
        (np.zeros(1, [("a", "f4")]), "structures"),
    ],
)
def test_other_types_are_refused_by_name(array: np.ndarray, word: str) -> None:
    with pytest.raises(DataError, match=f"a.npz: x holds {word}.*numbers were expected"):
        as_numbers(array, "a.npz: x")


def test_a_number_beyond_float32_is_refused_with_its_place() -> None:
    with pytest.raises(DataError, match=r"x\[1, 0\] is 1e\+300, which is too large for float32"):
        as_numbers(np.array([[1.0], [1e300]]), "x")


def test_a_number_beyond_64_bits_is_refused() -> None:
    with pytest.raises(DataError, match="too large for a 64-bit"):
        as_numbers(np.array([2**63], np.uint64), "x")


def test_values_that_are_not_finite_are_counted_and_the_first_is_named() -> None:
    array = np.zeros((4, 3), np.float32)
    array[2, 1], array[3, 0] = np.nan, np.inf
    with pytest.raises(DataError, match=r"a.npz: x holds 2 values that are NaN or infinite, the first at x\[2, 1\]"):
        as_inputs(array, "a.npz: x")


def test_whole_inputs_become_float32() -> None:
    assert as_inputs(np.array([[300]]), "x").dtype == np.float32


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(DataError, match=r"w\[1\] is -1; a weight must be at least 0"):
        as_weights(np.array([1.0, -1.0]), "w", 2)


def test_one_weight_for_each_sample() -> None:
    with pytest.raises(DataError, match=r"shape \(2,\), but \(3,\) was expected"):
        as_weights(np.ones(2), "w", 3)


def test_lengths_that_differ_are_all_named() -> None:
    with pytest.raises(DataError, match="x has 3, y has 2"):
        check_lengths({"x": np.zeros((3, 1)), "y": np.zeros(2)})


def test_no_samples_are_refused() -> None:
    with pytest.raises(DataError, match="x holds no samples"):
        check_lengths({"x": np.zeros((0, 2))})


def test_a_single_number_is_refused() -> None:
    with pytest.raises(DataError, match="y is a single number"):
        check_lengths({"x": np.zeros((3, 1)), "y": np.array(3)})


def test_images_get_their_channel_axis() -> None:
    assert as_images(np.zeros((5, 8, 9))).shape == (5, 8, 9, 1)
    assert as_images(np.zeros((5, 8))).shape == (5, 8)


def test_inputs_of_one_axis_are_refused_with_the_mend() -> None:
    with pytest.raises(DataError, match=r"shape \(3,\).*reshape\(-1, 1\)"):
        check_input_shape(np.zeros(3), "x")
