"""A hash of some arithmetic: where it differs, the same training gives other last digits.

It sees what names and versions hide: which kernels BLAS and NumPy choose on this processor.
"""

from __future__ import annotations

import hashlib

import numpy as np

_SHAPES = ((3, 5, 7), (64, 37, 19), (130, 65, 33), (256, 300, 64))


def arithmetic() -> str:
    """16 hex digits of products, sums and functions of fixed float32 numbers; costs about a millisecond."""
    digest = hashlib.sha256()
    for rows, inner, columns in _SHAPES:
        left, right = _numbers(rows, inner), _numbers(inner, columns)
        for result in (
            left @ right,
            np.exp(left),
            np.tanh(left),
            np.log1p(np.abs(right)),
            np.sqrt(np.abs(right)),
            left.sum(axis=0),
        ):
            digest.update(np.ascontiguousarray(result, "<f4").tobytes())
    return digest.hexdigest()[:16]


def _numbers(rows: int, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(rows, columns) numbers between -1 and 1, by integer arithmetic, which is the same everywhere."""
    steps = np.arange(rows * columns, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 24)
    return ((steps.astype(np.float64) / (1 << 23)) - 1).astype(np.float32).reshape(rows, columns)
