"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from listening import hear_signals

STARTED_IN = os.getcwd()

hear_signals()
os.environ["FITTOOL_VIEW_METRICS"] = "false"  # where the extra is installed, thousands of trainings would draw a page each


@pytest.fixture(autouse=True)
def leaves_nothing_where_the_tests_were_started() -> Iterator[None]:
    """What a test leaves there would end in the repository."""
    before = set(os.listdir(STARTED_IN))
    yield
    left = {name for name in set(os.listdir(STARTED_IN)) - before if not name.startswith(".")}
    assert not left, f"the test left {sorted(left)} in {STARTED_IN}; it must work in tmp_path"
