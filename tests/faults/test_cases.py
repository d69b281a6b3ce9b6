"""Every case of the tables of bad input: images, arrays, tables, names, workers, checkpoints, experiments, the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases.all_cases import CASES
from faults.cases.runner import Case, run


def test_no_two_cases_have_the_same_name() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.long] * case.long, id=str(case)) for case in CASES])
def test_case(case: Case, tmp_path: Path) -> None:
    result = run(case, tmp_path)
    if result.state == "skipped":
        pytest.skip(result.reason)
    assert result.state == "passed", f"{case}: {result.reason}"
