"""The arithmetic of `fittool.kernels.arithmetic` by kernels: any layout of arrays, brought into that which the kernels take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.kernels.arithmetic import Arithmetic, Axes, Floats
from fittool.kernels.library import Library
from fittool.kernels.signatures import FUNCTIONS

_OF_FLOATS = {"exp": "exponentiate", "log": "take_logarithm", "tanh": "tanh_forward"}
"""Functions that have a kernel in single precision."""


class NativeArithmetic(Arithmetic):
    """Functions, sums and products in the one order that `source/` states; whole numbers are left to NumPy, which is exact there.

    Args:
        library: The kernels.
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def evaluate(self, name: str, x: Any, out: Floats | None, exponent: float = 0.0) -> Floats:
        """A function of each element, (…), by NumPy's name; into `out`, (…), if there is one."""
        given = np.asarray(x)
        if given.dtype not in (np.float32, np.float64):
            given = given.astype(np.float64)
        flat = np.ascontiguousarray(given).reshape(-1)
        target = _target(out, given.shape, given.dtype, flat, in_place=True)
        arrays: dict[str, Any] = {"x": flat, "y": target.reshape(-1)}
        if given.dtype == np.float32 and name in _OF_FLOATS:
            self._library.task(_OF_FLOATS[name], **arrays)()
        else:
            kernel = "evaluate" if given.dtype == np.float32 else "evaluate_doubles"
            self._library.task(kernel, **arrays, function=FUNCTIONS.index(name), exponent=exponent)()
        return _given(target, out)

    def power(self, x: Any, exponent: float) -> Floats:
        """X to a power, element by element, (…)."""
        return self.evaluate("power", x, None, float(exponent))

    def sum(self, x: Any, axis: Axes, dtype: Any, out: Floats | None, keepdims: bool, where: Any) -> Any:
        """The sum of (…) along axes, in double precision, rounded once to x's dtype or the given one."""
        array = np.asarray(x)
        kind = np.dtype(dtype) if dtype is not None else array.dtype
        if array.dtype.kind != "f" and kind.kind != "f":
            return super().sum(x, axis, dtype, out, keepdims, where)
        if where is not True:
            array = np.where(where, array, 0)
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
        axes = tuple(range(array.ndim)) if axis is None else tuple(one % array.ndim for one in np.atleast_1d(axis))
        if not axes:
            return super().sum(array, axes, dtype, out, keepdims, True)
        blocks, shape = _as_blocks(array, axes)
        sums = np.empty((blocks.shape[0], blocks.shape[2]))
        self._library.task("add_up" if array.dtype == np.float32 else "add_up_doubles", x=blocks, sums=sums)()
        if keepdims:
            shape = tuple(1 if number in axes else size for number, size in enumerate(array.shape))
        if out is not None:
            np.copyto(out, sums.reshape(shape), casting="same_kind")
            return out
        return sums.reshape(shape).astype(kind)[()]

    def dot(self, left: Floats, right: Floats) -> Any:
        """The sum of the products of two rows, (n,), each product exact, rounded once to their dtype."""
        return left.dtype.type(self.sum(left.astype(np.float64) * right, None, np.float64, None, False, True))

    def add_rows(self, numbers: NDArray[np.int64], rows: Floats, table: Floats) -> None:
        """Set a table (V, L) to the sums of those rows (n, L) that have the same number, (n,), in their order."""
        if table.dtype != np.float32 or not table.flags.c_contiguous:
            super().add_rows(numbers, rows, table)
            return
        index = np.ascontiguousarray(numbers, np.int64)
        self._library.task("add_rows_by_number", index=index, dy=np.ascontiguousarray(rows), dtable=table)()

    def matmul(self, left: Any, right: Any, out: Floats | None) -> Floats:
        """The products of matrices (…, m, k) and (…, k, n), (…, m, n), each element one chain of fused multiply-adds over k."""
        left, right = np.asarray(left), np.asarray(right)
        if left.dtype != np.float32 or right.dtype != np.float32 or min(left.ndim, right.ndim) < 2:
            return super().matmul(left, right, out)
        shape = (*np.broadcast_shapes(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-1])
        before = shape[:-2]
        if right.ndim == 2 and before:  # one matrix for all: the rows of all are rows of one product
            left, before = np.ascontiguousarray(left).reshape(-1, left.shape[-1]), ()
        by_columns = not left.flags.c_contiguous and left.ndim == right.ndim and left.swapaxes(-1, -2).flags.c_contiguous
        first = left.swapaxes(-1, -2) if by_columns else left
        first, second = (_as_pairs(one, before) for one in (first, right))
        target = _target(out, shape, np.dtype(np.float32), first, second)
        kernel = "product_by_columns" if by_columns else "product"
        self._library.task(kernel, left=first, right=second, out=target.reshape(len(first), -1, right.shape[-1]))()
        return _given(target, out)


def _target(out: Floats | None, shape: tuple[int, ...], dtype: np.dtype[Any], *read: Floats, in_place: bool = False) -> Floats:
    """The array that a kernel writes to: `out` itself where it is one run of memory that nothing else lies in."""
    if out is None or out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        return np.empty(shape, dtype)
    apart = all(not np.may_share_memory(out, one) or (in_place and _is_same(out, one)) for one in read)
    return out if apart else np.empty(shape, dtype)


def _is_same(one: Floats, other: Floats) -> bool:
    return one.ctypes.data == other.ctypes.data and one.nbytes == other.nbytes


def _given(target: Floats, out: Floats | None) -> Floats:
    """The result where the caller wants it."""
    if out is None:
        number: Floats = target[()]  # a number where there are no axes, as NumPy gives it
        return number
    if target is not out:
        np.copyto(out, target, casting="same_kind")
    return out


def _as_blocks(array: Floats, axes: tuple[int, ...]) -> tuple[Floats, tuple[int, ...]]:
    """An array as (before, summed, behind), and the shape without the axes that are summed."""
    others = tuple(number for number in range(array.ndim) if number not in axes)
    shape = tuple(array.shape[number] for number in others)
    first, last = min(axes), max(axes)
    if last - first + 1 != len(axes):  # axes apart are brought together at the end
        array = array.transpose(*others, *sorted(axes))
        first, last = len(others), array.ndim - 1
    sizes = (math.prod(array.shape[:first]), math.prod(array.shape[first : last + 1]), math.prod(array.shape[last + 1 :]))
    return np.ascontiguousarray(array).reshape(sizes), shape


def _as_pairs(array: Floats, before: tuple[int, ...]) -> Floats:
    """Matrices (…, m, n) as (pairs, m, n), repeated where one stands for many."""
    whole = np.broadcast_to(array, (*before, *array.shape[-2:]))
    return np.ascontiguousarray(whole).reshape(math.prod(before), *array.shape[-2:])
