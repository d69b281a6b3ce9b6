"""Functions whose last digits depend on who computes them: powers and logarithms, sums, products of matrices.

NumPy's take the widest instructions of the processor and change from version to version. All else that NumPy computes here (sums
of two, products, quotients, square roots, comparisons, whole numbers) is one rounding as IEEE 754 defines it, the same anywhere.
So formulas that are to give the same bytes on every machine call these; an engine puts its own `Arithmetic` in force in
its threads (`in_force`), and everywhere else they are NumPy's, to the bit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Axes = int | tuple[int, ...] | None


class Arithmetic:
    """The functions as NumPy computes them."""

    def evaluate(self, name: str, x: Any, out: Floats | None) -> Floats:
        """A function of each element, (…), by NumPy's name; into `out`, (…), if there is one."""
        result: Floats = getattr(np, name)(x, out=out)
        return result

    def power(self, x: Any, exponent: float) -> Floats:
        """X to a power, element by element, (…)."""
        result: Floats = np.power(x, exponent)
        return result

    def sum(self, x: Any, axis: Axes, dtype: Any, out: Floats | None, keepdims: bool, where: Any) -> Any:
        """The sum of (…) along axes; as `numpy.add.reduce`."""
        reduce: Any = np.add.reduce  # whose declared types know fewer arguments than it takes
        return reduce(x, axis, dtype, out, keepdims, where=where)

    def add_shares(self, shares: Floats, out: Floats) -> None:
        """The sum of rows (P, n) into (n,), row after row."""
        np.add.reduce(shares, axis=0, out=out)

    def dot(self, left: Floats, right: Floats) -> Any:
        """The sum of the products of two rows, (n,)."""
        return np.dot(left, right)

    def add_rows(self, numbers: NDArray[np.int64], rows: Floats, table: Floats) -> None:
        """Set a table (V, L) to the sums of those rows (n, L) that have the same number, (n,), in their order."""
        # Not `np.add.at`, which takes twice as long; the sort is stable, so that equal numbers are summed in their order.
        order = np.argsort(numbers, kind="stable")
        found, starts = np.unique(numbers[order], return_index=True)
        table.fill(0)
        table[found] = np.add.reduceat(rows[order], starts, axis=0)

    def matmul(self, left: Any, right: Any, out: Floats | None) -> Floats:
        """The products of matrices (…, m, k) and (…, k, n), (…, m, n)."""
        result: Floats = np.matmul(left, right, out=out)
        return result


class _InForce(threading.local):
    """What computes in a thread."""

    arithmetic = Arithmetic()


_IN_FORCE = _InForce()


def put_in_force(arithmetic: Arithmetic) -> None:
    """Let the calling thread compute by an arithmetic from now on; for threads that do nothing else."""
    _IN_FORCE.arithmetic = arithmetic


@contextmanager
def in_force(arithmetic: Arithmetic) -> Iterator[None]:
    """A context in which the calling thread computes by an arithmetic."""
    before = _IN_FORCE.arithmetic
    _IN_FORCE.arithmetic = arithmetic
    try:
        yield
    finally:
        _IN_FORCE.arithmetic = before


def exp(x: Any, out: Floats | None = None) -> Floats:
    """E to the power of each element, (…)."""
    return _IN_FORCE.arithmetic.evaluate("exp", x, out)


def expm1(x: Any, out: Floats | None = None) -> Floats:
    """`exp(x) - 1` of each element, (…), exact near 0."""
    return _IN_FORCE.arithmetic.evaluate("expm1", x, out)


def log(x: Any, out: Floats | None = None) -> Floats:
    """The natural logarithm of each element, (…)."""
    return _IN_FORCE.arithmetic.evaluate("log", x, out)


def log1p(x: Any, out: Floats | None = None) -> Floats:
    """`log(1 + x)` of each element, (…), exact near 0."""
    return _IN_FORCE.arithmetic.evaluate("log1p", x, out)


def tanh(x: Any, out: Floats | None = None) -> Floats:
    """The hyperbolic tangent of each element, (…)."""
    return _IN_FORCE.arithmetic.evaluate("tanh", x, out)


def cos(x: Any, out: Floats | None = None) -> Floats:
    """The cosine of each element in radians, (…), of size below 10⁵."""
    return _IN_FORCE.arithmetic.evaluate("cos", x, out)


def power(x: Any, exponent: float) -> Floats:
    """X to a power, element by element, (…)."""
    return _IN_FORCE.arithmetic.power(x, exponent)


def sum(  # NumPy's name, which is never imported by itself
    x: Any, axis: Axes = None, dtype: Any = None, out: Floats | None = None, keepdims: bool = False, where: Any = True
) -> Any:
    """The sum of (…) along axes, all by default; as `numpy.add.reduce` takes its arguments, but for the default of `axis`."""
    return _IN_FORCE.arithmetic.sum(x, axis, dtype, out, keepdims, where)


def mean(x: Floats, axis: Axes = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The mean of (…) along axes, all by default; of x's dtype or the given one."""
    total = sum(x, axis, dtype, None, keepdims)
    kind = x.dtype if dtype is None else np.dtype(dtype)
    return total / kind.type(x.size // max(np.size(total), 1))


def add_shares(shares: Floats, out: Floats) -> None:
    """The sum of rows (P, n) into (n,), row after row; both live as long as what calls it."""
    _IN_FORCE.arithmetic.add_shares(shares, out)


def dot(left: Floats, right: Floats) -> Any:
    """The sum of the products of two rows, (n,)."""
    return _IN_FORCE.arithmetic.dot(left, right)


def add_rows(numbers: NDArray[np.int64], rows: Floats, table: Floats) -> None:
    """Set a table (V, L) to the sums of those rows (n, L) that have the same number, (n,), in their order; 0 for no rows."""
    _IN_FORCE.arithmetic.add_rows(numbers, rows, table)


def matmul(left: Any, right: Any, out: Floats | None = None) -> Floats:
    """The products of matrices (…, m, k) and (…, k, n): (…, m, n)."""
    return _IN_FORCE.arithmetic.matmul(left, right, out)
