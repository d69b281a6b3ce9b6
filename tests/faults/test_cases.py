"""Every case of the tables of bad input: images, arrays, tables, names, workers, checkpoints, experiments, the machine.

What fittool does not yet do as the tables want stands in cases/open_cases.txt, and in the generated table as open.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases.all_cases import CASES
from faults.cases.runner import Case, run

OPEN = set(Path(__file__).with_name("cases").joinpath("open_cases.txt").read_text(encoding="utf-8").splitlines())


def test_no_two_cases_have_the_same_name() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


def test_open_cases_are_cases() -> None:
    assert not OPEN - {str(case) for case in CASES}


@pytest.mark.parametrize("case", [case for case in CASES if str(case) not in OPEN], ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    result = run(case, tmp_path)
    if result.state == "skipped":
        pytest.skip(result.reason)
    assert result.state == "passed", f"{case}: {result.reason}"
