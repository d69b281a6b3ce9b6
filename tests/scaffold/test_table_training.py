"""Batches and epochs of a table by the number of its training samples, against the sizes that docs/tables.md says."""

from __future__ import annotations

import pytest

from fittool.scaffold.table_training import batch_size, epochs

SIZES = [
    (1, 32, 200), (20, 32, 200), (96, 32, 134), (220, 32, 60), (685, 32, 60), (6_400, 64, 60), (13_209, 128, 30),
    (31_258, 256, 13), (160_000, 256, 8), (10**7, 256, 8),
]  # fmt: skip


@pytest.mark.parametrize(("samples", "size", "count"), SIZES)
def test_batches_and_epochs(samples: int, size: int, count: int) -> None:
    assert (batch_size(samples), epochs(samples)) == (size, count)
