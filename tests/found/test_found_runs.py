"""Stopping, going on, trials and runs from elsewhere as people have met them: every case of the tables beside this file."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases.runner import Case, run
from found import extra_outputs, foreign_runs, going_on, interruptions, names, outputs, trials

CASES = [
    *interruptions.CASES,
    *trials.CASES,
    *foreign_runs.CASES,
    *going_on.CASES,
    *outputs.CASES,
    *extra_outputs.CASES,
    *names.CASES,
]


def test_no_two_cases_have_the_same_name() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_found_in_use(case: Case, tmp_path: Path) -> None:
    result = run(case, tmp_path)
    assert result.state == "passed", f"{case}: {result.reason}"
