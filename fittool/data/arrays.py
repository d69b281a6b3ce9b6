"""The rules for arrays that come from outside: which numbers are welcome, as what they are kept, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.errors import DataError, Problem

_SCAN_BYTES = 1 << 24


def as_numbers(array: NDArray[Any], name: str, rows: NDArray[np.int64] | None = None) -> Array:
    """An array in the form in which fittool keeps numbers.

    Args:
        array: (N, …) numbers.
        name: What it is called in messages ("digits.npz: x").
        rows: (N,) which rows of what has that name these are; by default all.

    Returns:
        uint8 and booleans as uint8, other whole numbers as int64, all others as float32; native byte order. The very
        same array where it has that form already.

    Raises:
        DataError: It holds text, objects, dates, structures or complex numbers, or numbers too large for its form.
    """
    kind = array.dtype.kind
    if kind not in "buif":
        raise DataError(f"{name} holds {_kind_in_words(array.dtype)}; numbers were expected.")
    if kind == "b":
        # A file may hold any byte as a boolean; each that is not zero counts as 1.
        return np.not_equal(array.view(np.uint8), 0).astype(np.uint8)
    if array.dtype == np.uint8:
        return array
    if kind == "f":
        return _float32(array, name, rows)
    if kind == "u" and array.dtype.itemsize == 8 and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{name} holds {array.max()}, which is too large for a 64-bit whole number.")
    return array.astype(np.int64, copy=False)


def _float32(array: NDArray[Any], name: str, rows: NDArray[np.int64] | None) -> Array:
    with np.errstate(over="ignore"):
        result: Array = array.astype(np.float32, copy=False)
    if array.dtype.itemsize > 4 and (at := first_not_finite(result)) is not None and np.isfinite(array[at]):
        place = at if rows is None else (int(rows[at[0]]), *at[1:])
        raise DataError(f"{name}{_subscript(place)} is {array[at]}, which is too large for float32. Scale the numbers.")
    return result


def _kind_in_words(dtype: np.dtype[Any]) -> str:
    words = {"O": "Python objects", "U": "text", "S": "bytes", "M": "dates", "m": "time spans", "c": "complex numbers"}
    return words.get(dtype.kind, f"structures ({dtype})")


def as_inputs(array: NDArray[Any], name: str) -> Array:
    """`as_numbers` for (N, …) that a network takes in: whole numbers other than uint8 become float32, and all must be finite.

    Raises:
        DataError: As `as_numbers`; or NaN or infinite values, which are counted, and the first is named.
    """
    result = as_numbers(array, name)
    if result.dtype.kind == "i":
        result = result.astype(np.float32)
    check_finite(result, name)
    return result


def zeros_for_bad_rows(array: NDArray[Any], name: str) -> tuple[Array, dict[int, Problem]]:
    """`as_inputs` for (N, …) of which some rows may hold NaN or infinite values: zeros stand in their place.

    Returns:
        The inputs, and what is wrong with each such row.

    Raises:
        DataError: As `as_numbers`.
    """
    if array.dtype.kind != "f":
        return as_inputs(array, name), {}
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    wrong = ~np.isfinite(values).reshape(len(values), -1)
    bad = {}
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        first = array.reshape(len(array), -1)[row][wrong[row]][0]
        more = f" (and {wrong[row].sum() - 1:,} more values)" if wrong[row].sum() > 1 else ""
        bad[row] = Problem(f"{name}[{row}] holds {first}{more}; finite numbers that float32 can hold were expected.")
    values[list(bad)] = 0
    return values, bad


def as_weights(array: NDArray[Any], name: str, samples: int) -> NDArray[np.float32]:
    """Sample weights as (N,) float32.

    Raises:
        DataError: Not one finite number from 0 for each of `samples`.
    """
    result = as_numbers(array, name).astype(np.float32, copy=False)
    if result.shape == (samples, 1):
        result = result[:, 0]
    if result.shape != (samples,):
        raise DataError(f"{name} has shape {result.shape}, but {(samples,)} was expected: one weight for each sample.")
    check_finite(result, name)
    negative = np.flatnonzero(result < 0)
    if len(negative):
        raise DataError(f"{name}[{negative[0]}] is {result[negative[0]]:g}; a weight must be at least 0.")
    return result


def as_sample_weight(value: Any, name: str, samples: int, outputs: int) -> NDArray[np.float32]:
    """Sample weights for a network with any number of outputs.

    Args:
        value: (N,) weights for all outputs; or for several outputs a tuple or list with (N,) weights or None for each.
        name: What they are called in messages.
        samples: N.
        outputs: How many outputs there are.

    Returns:
        (N,), or (N, outputs).

    Raises:
        DataError: Not one finite number from 0 for each sample.
    """
    if outputs == 1 or not isinstance(value, tuple | list) or not any(np.ndim(part) for part in value):
        return as_weights(np.asarray(value), name, samples)
    if len(value) != outputs:
        raise DataError(f"{name} holds {len(value)} arrays, but there are {outputs} outputs; give an array or None for each.")
    ones = np.ones(samples, np.float32)
    return np.stack([ones if part is None else as_weights(np.asarray(part), name, samples) for part in value], axis=1)


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN and infinities in (N, …).

    Raises:
        DataError: There are some; says how many, and where the first is.
    """
    at = first_not_finite(array)
    if at is not None:
        count = sum(int(np.count_nonzero(~np.isfinite(part))) for _, part in _parts(array))
        number = "1 value that is" if count == 1 else f"{count:,} values that are"
        raise DataError(f"{name} holds {number} NaN or infinite, the first at {name.rpartition(' ')[2]}{_subscript(at)}.")


def first_not_finite(array: NDArray[Any]) -> tuple[int, ...] | None:
    """The index of the first value of (N, …) that is NaN or infinite, or None."""
    if array.dtype.kind != "f":
        return None
    for start, part in _parts(array):
        finite = np.isfinite(part)
        if not finite.all():
            at = np.unravel_index(int(np.argmin(finite)), part.shape)
            return (start + int(at[0]), *map(int, at[1:]))
    return None


def _parts(array: NDArray[Any]) -> list[tuple[int, NDArray[Any]]]:
    """The array in pieces along its first axis, small enough that looking at one costs little memory."""
    rows = max(1, _SCAN_BYTES * len(array) // max(array.nbytes, 1))
    return [(start, array[start : start + rows]) for start in range(0, len(array), rows)]


def check_lengths(arrays: Mapping[str, NDArray[Any]]) -> int:
    """The number of samples, N: all the named arrays must be (N, …).

    Raises:
        DataError: The lengths differ, there are no samples, or one of the arrays is a single number.
    """
    for name, array in arrays.items():
        if array.ndim == 0:
            raise DataError(f"{name} is a single number; an array with one row per sample was expected.")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise DataError(f"The arrays hold different numbers of samples: {listed}.")
    ((name, length),) = list(lengths.items())[:1]
    if length == 0:
        raise DataError(f"{name} holds no samples.")
    return length


def as_images(array: Array) -> Array:
    """(N, H, W) images get their channel axis, (N, H, W, 1); any other shape stays as it is."""
    return array[..., np.newaxis] if array.ndim == 3 else array


def check_input_shape(array: NDArray[Any], name: str) -> None:
    """Refuse inputs of shape (N,), without an axis for features.

    Raises:
        DataError: The array has no axis beside that of the samples, or one of length 0; says how to mend it.
    """
    if array.ndim >= 2 and 0 in array.shape[1:]:
        raise DataError(f"{name} has shape {array.shape}: there is nothing in its samples to learn from. Is an axis missing?")
    if array.ndim < 2:
        raise DataError(
            f"{name} has shape {array.shape}, but inputs of shape (samples, features) or (samples, height, width, channels) were "
            "expected. Save a single feature as x.reshape(-1, 1)."
        )


def _subscript(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]"
