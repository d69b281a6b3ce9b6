"""The fault matrix with its quick numbers, a test for each row."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults import matrix
from faults.harness import Bench
from faults.rows import Unavailable, played

PAGE = Path(__file__).with_name("README.md")
ROWS = [pytest.param(row.id, marks=[pytest.mark.long] * row.long) for _, row in sorted(matrix.ROWS.items())]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", ROWS)
def test_row(number: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    try:
        played(matrix.ROWS[number], Bench(tmp_path, 0, random.Random(f"{seed}{number}")))
    except Unavailable as reason:
        pytest.skip(f"{number}: {reason}")


def test_the_page_has_every_row() -> None:
    known = matrix.all_rows()
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    begins = [matrix.beginning(known[number]) for number in sorted(known)]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins
