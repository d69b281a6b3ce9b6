"""Losses, last layers, metrics and weights as people combine them: every case of the tables beside this file."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases.runner import Case, run
from found import last_layers, settings_together

CASES = [*last_layers.CASES, *settings_together.CASES]


def test_no_two_cases_have_the_same_name() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_found_in_use(case: Case, tmp_path: Path) -> None:
    result = run(case, tmp_path)
    assert result.state == "passed", f"{case}: {result.reason}"
