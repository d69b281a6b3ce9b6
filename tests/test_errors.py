"""Errors carry problems, and problems decide the exit code."""

from __future__ import annotations

import signal

import pytest

from fittool import errors
from fittool.errors import DataError, ExperimentError, FittoolError, Interrupted, Problem


def test_a_problem_reads_as_place_and_sentence():
    assert str(Problem("epochs must be at least 1, got 0.", "a.yaml:9:11")) == "a.yaml:9:11: epochs must be at least 1, got 0."


def test_all_problems_are_in_the_text():
    assert str(ExperimentError([Problem("One."), Problem("Two.")])) == "One.\nTwo."


def test_where_kinds_meet_the_lowest_code_wins():
    assert ExperimentError([Problem("a", exit_code=4), Problem("b", exit_code=3)]).exit_code == 3


def test_a_signal_gives_the_code_that_shells_show():
    assert Interrupted(signal.SIGTERM).exit_code == 143


def test_every_kind_of_error_has_its_own_code():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FittoolError)]
    codes = [kind.code for kind in kinds if "code" in vars(kind)]
    assert len(codes) == len(set(codes)) == 12


def test_wrong_data_are_a_value_error_in_python():
    with pytest.raises(ValueError, match="row 3"):
        raise DataError("The label in row 3 is 12.")
