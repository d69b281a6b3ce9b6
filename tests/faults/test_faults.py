"""The quick set of the fault matrix, a test for each row."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults import matrix
from faults.harness import Bench, Unavailable


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", sorted(matrix.ROWS))
def test_row(number: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    try:
        matrix.ROWS[number].play(Bench(tmp_path, 0, random.Random(f"{seed}{number}")))
    except Unavailable as reason:
        pytest.skip(f"{number}: {reason}")
