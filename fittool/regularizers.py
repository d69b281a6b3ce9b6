"""Keras's regularizers: `from fittool.regularizers import L2`, or `l2`."""

from __future__ import annotations

from fittool.nn.regularizers import (
    L1,
    L1L2,
    L2,
    Regularizer,
)

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "Regularizer",
    "l1",
    "l1_l2",
    "l2",
]

l1, l2, l1_l2 = L1, L2, L1L2
