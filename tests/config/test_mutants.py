"""A thousand of the mutated experiments; `python -m tests.faults --long` has many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from config import mutants


def test_mutated_experiments_are_told_at_their_lines(tmp_path: Path) -> None:
    mutants.check_many(300, tmp_path)


@pytest.mark.long
def test_many_more_mutated_experiments_are_told_at_their_lines(tmp_path: Path) -> None:
    mutants.check_many(3000, tmp_path, first=300)


def test_many_planted_mistakes_take_part(tmp_path: Path) -> None:
    assert len(mutants.independent(*mutants.good_and_planted(), tmp_path / "e.yaml")) > 100


def test_a_mistake_that_is_not_told_is_found(tmp_path: Path) -> None:
    good, _ = mutants.good_and_planted()
    with pytest.raises(AssertionError, match=r"no message names line \[2\]"):
        mutants.check(mutants.Mutant(good, frozenset({2})), tmp_path / "e.yaml")
