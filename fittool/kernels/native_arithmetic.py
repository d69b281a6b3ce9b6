"""The arithmetic of `fittool.kernels.arithmetic` by kernels: any layout of arrays, brought into that which the kernels take.

Small arrays are copied into memory of the thread's own, for which the call has been laid out and checked once: only lengths
within it change from call to call. That takes a fifth of the time of a call of its own, which small networks feel.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.kernels.arithmetic import Arithmetic, Axes, Floats
from fittool.kernels.library import Library
from fittool.kernels.signatures import FUNCTIONS
from fittool.kernels.tasks import join_tasks

_OF_FLOATS = {"exp": "exponentiate", "log": "take_logarithm", "tanh": "tanh_forward"}
"""Functions that have a kernel in single precision."""
_SIDE = 128
_SMALL = _SIDE * _SIDE
"""The most elements of an array that is copied."""
_MOST_KEPT = 4096
"""Calls of so many arrays are remembered; more come only where engines or batch sizes change again and again."""
_FLOAT, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class NativeArithmetic(Arithmetic):
    """Functions, sums and products in the one order that `source/` states; whole numbers are left to NumPy, which is exact there.

    Args:
        library: The kernels.
    """

    def __init__(self, library: Library) -> None:
        self._library, self._calls = library, _SmallCalls(library)
        self._adding: dict[tuple[int, int], tuple[Any, Floats, Floats]] = {}

    def evaluate(self, name: str, x: Any, out: Floats | None, exponent: float = 0.0) -> Floats:
        """A function of each element, (…), by NumPy's name; into `out`, (…), if there is one."""
        given = np.asarray(x)
        if given.dtype not in (_FLOAT, _DOUBLE):
            given = given.astype(_DOUBLE)
        single = given.dtype == _FLOAT
        kernel = _OF_FLOATS.get(name, "evaluate") if single else "evaluate_doubles"
        further = {} if kernel in _OF_FLOATS.values() else {"function": FUNCTIONS.index(name), "exponent": exponent}
        if given.size <= _SMALL:
            return _given(self._calls.evaluate(kernel, given, further), out, copied=False)
        flat = np.ascontiguousarray(given).reshape(-1)
        target = _target(out, given.shape, given.dtype, flat, in_place=True)
        self._library.task(kernel, None, x=flat, y=target.reshape(-1), **further)()
        return _given(target, out)

    def power(self, x: Any, exponent: float) -> Floats:
        """X to a power, element by element, (…)."""
        return self.evaluate("power", x, None, float(exponent))

    def sum(self, x: Any, axis: Axes, dtype: Any, out: Floats | None, keepdims: bool, where: Any) -> Any:
        """The sum of (…) along axes, in double precision, rounded once to x's dtype or the given one."""
        array = np.asarray(x)
        kind = array.dtype if dtype is None else np.dtype(dtype)
        if array.dtype.kind != "f" and kind.kind != "f":
            return super().sum(x, axis, dtype, out, keepdims, where)
        if where is not True:
            array = np.where(where, array, 0)
        if array.dtype not in (_FLOAT, _DOUBLE):
            array = array.astype(_DOUBLE)
        axes = _axes(axis, array.ndim)
        blocks, shape = _as_blocks(array, axes)
        if keepdims:
            shape = tuple(1 if number in axes else size for number, size in enumerate(array.shape))
        sums = self._add_up(array.dtype == _FLOAT, *blocks).reshape(shape)
        if out is not None:
            np.copyto(out, sums, casting="same_kind")
            return out
        return sums.astype(kind)[()]

    def _add_up(self, single: bool, array: Floats, sizes: tuple[int, int, int]) -> Floats:
        """The sums, (before, behind), of an array whose elements in order are (before, summed, behind)."""
        if array.size <= _SMALL and sizes[0] * sizes[2] <= _SMALL:
            return self._calls.add_up("add_up" if single else "add_up_doubles", array, sizes)
        sums = np.empty((sizes[0], sizes[2]))
        self._library.task("add_up" if single else "add_up_doubles", x=np.ascontiguousarray(array).reshape(sizes), sums=sums)()
        return sums

    def add_shares(self, shares: Floats, out: Floats) -> None:
        """The sum of rows (P, n) into (n,), row after row; the call is kept for those that come again at each step."""
        held = self._adding.get((id(shares), id(out)))
        if held is None:
            if len(self._adding) >= _MOST_KEPT:
                self._adding.clear()
            # With the arrays themselves, as the call is found by their identity.
            held = join_tasks([self._library.task("column_sums", x=shares, sums=out, fresh=True)]), shares, out
            self._adding[id(shares), id(out)] = held
        held[0]()

    def dot(self, left: Floats, right: Floats) -> Any:
        """The sum of the products of two rows, (n,), in double precision, where they are exact; rounded once to their dtype."""
        if left.dtype != _FLOAT or right.dtype != _FLOAT:
            return left.dtype.type(self.sum(left * right, None, None, None, False, True))
        if left.size <= _SMALL:
            return np.float32(self._calls.dot(left, right))
        found = np.empty(1)
        self._library.task("dot", a=np.ascontiguousarray(left), b=np.ascontiguousarray(right), total=found)()
        return np.float32(found[0])

    def add_rows(self, numbers: NDArray[np.int64], rows: Floats, table: Floats) -> None:
        """Set a table (V, L) to the sums of those rows (n, L) that have the same number, (n,), in their order."""
        if table.dtype != _FLOAT or not table.flags.c_contiguous:
            super().add_rows(numbers, rows, table)
            return
        index = np.ascontiguousarray(numbers, np.int64)
        self._library.task("add_rows_by_number", index=index, dy=np.ascontiguousarray(rows), dtable=table)()

    def matmul(self, left: Any, right: Any, out: Floats | None) -> Floats:
        """The products of matrices (…, m, k) and (…, k, n), (…, m, n), each element one chain of fused multiply-adds over k."""
        left, right = np.asarray(left), np.asarray(right)
        singles = left.dtype == right.dtype == _FLOAT
        if not singles or min(left.ndim, right.ndim) < 2 or left.shape[-1] != right.shape[-2]:
            return super().matmul(left, right, out)  # which says what is wrong
        before = np.broadcast_shapes(left.shape[:-2], right.shape[:-2]) if left.ndim + right.ndim > 4 else ()
        shape = (*before, left.shape[-2], right.shape[-1])
        if max(left.size, right.size, math.prod(before) * left.shape[-1] * sum(shape[-2:]), math.prod(shape)) <= _SMALL:
            return _given(self._calls.product(left, right, before), out, copied=False)
        return self._large_product(left, right, before, out)

    def _large_product(self, left: Floats, right: Floats, before: tuple[int, ...], out: Floats | None) -> Floats:
        shape = (*before, left.shape[-2], right.shape[-1])
        if right.ndim == 2 and before:  # one matrix for all: the rows of all are rows of one product
            left, before = np.ascontiguousarray(left).reshape(-1, left.shape[-1]), ()
        by_columns = not left.flags.c_contiguous and left.ndim == right.ndim and left.swapaxes(-1, -2).flags.c_contiguous
        first = left.swapaxes(-1, -2) if by_columns else left
        first, second = (_as_pairs(one, before) for one in (first, right))
        target = _target(out, shape, _FLOAT, first, second)
        kernel = "product_by_columns" if by_columns else "product"
        self._library.task(kernel, left=first, right=second, out=target.reshape(len(first), -1, right.shape[-1]))()
        return _given(target, out)


class _SmallCalls(threading.local):
    """Calls on memory of one thread's own."""

    def __init__(self, library: Library) -> None:
        self._library, self._made = library, dict[str, tuple[Any, Any, list[Floats]]]()

    def _call(self, kernel: str, arrays: dict[str, Floats], further: dict[str, Any]) -> tuple[Any, Any, list[Floats]]:
        """What runs a kernel, its lengths and numbers, and the memory that it works on, flat."""
        task = self._library.task(kernel, None, **arrays, **further)
        self._made[kernel] = join_tasks([task]), task.layout, [one.reshape(-1) for one in arrays.values()]
        return self._made[kernel]

    def evaluate(self, kernel: str, x: Floats, further: dict[str, Any]) -> Floats:
        """A function of each element of (…), (…), in memory that the next call overwrites."""
        if kernel not in self._made:
            memory = np.empty(_SMALL, x.dtype)
            self._call(kernel, {"x": memory, "y": memory}, further)
        run, layout, (memory, _) = self._made[kernel]
        held = memory[: x.size].reshape(x.shape)
        np.copyto(held, x)
        layout.sizes[0] = x.size
        if further:
            layout.sizes[1], layout.numbers[0] = further["function"], further["exponent"]
        run()
        return held

    def add_up(self, kernel: str, array: Floats, sizes: tuple[int, int, int]) -> Floats:
        """Sums (before, behind), in memory that the next call overwrites."""
        if kernel not in self._made:
            self._call(kernel, {"x": np.empty((1, 1, _SMALL), array.dtype), "sums": np.empty((1, _SMALL))}, {})
        run, layout, (memory, sums) = self._made[kernel]
        np.copyto(memory[: array.size].reshape(array.shape), array)
        layout.sizes[:3] = sizes
        run()
        return sums[: sizes[0] * sizes[2]].reshape(sizes[0], sizes[2])

    def dot(self, left: Floats, right: Floats) -> float:
        """The sum of the products of two rows, (n,)."""
        if "dot" not in self._made:
            arrays: dict[str, Floats] = {"a": np.empty(_SMALL, _FLOAT), "b": np.empty(_SMALL, _FLOAT), "total": np.empty(1)}
            self._call("dot", arrays, {})
        run, layout, (first, second, total) = self._made["dot"]
        first[: left.size], second[: left.size] = left, right
        layout.sizes[0] = left.size
        run()
        return float(total[0])

    def product(self, left: Floats, right: Floats, before: tuple[int, ...]) -> Floats:
        """Products (…, m, n), in memory that the next call overwrites."""
        if "product" not in self._made:
            self._call("product", {name: np.empty((1, _SIDE, _SIDE), _FLOAT) for name in ("left", "right", "out")}, {})
        run, layout, (first, second, out) = self._made["product"]
        rows, length, columns = left.shape[-2], left.shape[-1], right.shape[-1]
        pairs = math.prod(before)
        np.copyto(first[: pairs * rows * length].reshape(*before, rows, length), left)
        np.copyto(second[: pairs * length * columns].reshape(*before, length, columns), right)
        layout.sizes[:4] = pairs, rows, length, columns
        run()
        return out[: pairs * rows * columns].reshape(*before, rows, columns)


def _target(out: Floats | None, shape: tuple[int, ...], dtype: np.dtype[Any], *read: Floats, in_place: bool = False) -> Floats:
    """The array that a kernel writes to: `out` itself where it is one run of memory that nothing else lies in."""
    if out is None or out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        return np.empty(shape, dtype)
    apart = all(not np.may_share_memory(out, one) or (in_place and _is_same(out, one)) for one in read)
    return out if apart else np.empty(shape, dtype)


def _is_same(one: Floats, other: Floats) -> bool:
    return one.ctypes.data == other.ctypes.data and one.nbytes == other.nbytes


def _given(result: Floats, out: Floats | None, *, copied: bool = True) -> Floats:
    """The result where the caller wants it.

    Args:
        result: Where the kernel wrote it.
        out: Where the caller wants it; None: in an array of its own.
        copied: Whether `result` is an array of its own already.
    """
    if out is None:
        number: Floats = (result if copied else result.copy())[()]  # a number where there are no axes, as NumPy gives it
        return number
    if result is not out:
        np.copyto(out, result, casting="same_kind")
    return out


def _axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return (axis % ndim,) if isinstance(axis, int) else tuple(one % ndim for one in axis)


def _as_blocks(array: Floats, axes: tuple[int, ...]) -> tuple[tuple[Floats, tuple[int, int, int]], tuple[int, ...]]:
    """An array with the axes that are summed side by side, the sizes before, of and behind them, and the shape without them."""
    others = [number for number in range(array.ndim) if number not in axes]
    shape = tuple(array.shape[number] for number in others)
    first, stop = (min(axes), max(axes) + 1) if axes else (0, 0)
    if stop - first != len(axes):  # axes apart are brought together at the end
        array = array.transpose(*others, *sorted(axes))
        first, stop = len(others), array.ndim
    sizes = math.prod(array.shape[:first]), math.prod(array.shape[first:stop]), math.prod(array.shape[stop:])
    return (array, sizes), shape


def _as_pairs(array: Floats, before: tuple[int, ...]) -> Floats:
    """Matrices (…, m, n) as (pairs, m, n), repeated where one stands for many."""
    whole = np.broadcast_to(array, (*before, *array.shape[-2:]))
    return np.ascontiguousarray(whole).reshape(math.prod(before), *array.shape[-2:])
