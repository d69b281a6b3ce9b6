"""The quick set of the fault matrix, a test for each row."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults import double_kills, matrix
from faults.harness import Bench, Unavailable


@pytest.mark.long
@pytest.mark.timeout(0)
def test_every_pair_of_kills(tmp_path: Path) -> None:
    """Each pair of file operations, in many hours."""
    print(double_kills.sweep(Bench(tmp_path, 2)))


@pytest.mark.long
@pytest.mark.timeout(0)
def test_five_hundred_pairs_of_kills(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    bench = Bench(tmp_path, 1, random.Random(seed))
    print(double_kills.sweep(bench, double_kills.drawn(bench, 500)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", sorted(matrix.ROWS))
def test_row(number: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    try:
        matrix.ROWS[number].play(Bench(tmp_path, 0, random.Random(f"{seed}{number}")))
    except Unavailable as reason:
        pytest.skip(f"{number}: {reason}")
