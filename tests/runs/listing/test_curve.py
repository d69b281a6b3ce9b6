from __future__ import annotations

from itertools import pairwise

import pytest

from fittool.runs.listing.curve import POINTS, curve_of, evenly, seconds_of, sparkline
from fittool.runs.metrics_log import MetricsLog


@pytest.fixture
def log(tmp_path):
    return MetricsLog(tmp_path / "metrics.jsonl")


def test_a_short_log_gives_its_values(log):
    for value in (1.5, 1e-7, -2.0):
        log.append({"loss": value, "val_loss": 9.0})
    assert curve_of(log.path, "loss") == [1.5, 1e-7, -2.0]


def test_epochs_without_a_finite_value_are_passed_over(log):
    for value in (1.0, float("nan"), None, 2.0):
        log.append({"loss": value})
    assert curve_of(log.path, "loss") == [1.0, 2.0]


@pytest.mark.parametrize("name", ['quo"ted', "back\\slash", "größe", "a.b"])
def test_names_are_found_as_they_are_written(log, name):
    log.append({"stage": f'{name}":7', "axb": 1.0, name: 3.0})
    assert curve_of(log.path, name) == [3.0]


def test_a_long_log_is_looked_at_in_places_with_the_first_and_the_last(log):
    rows = [b'{"epoch":%d,"loss":%d.0,"filling":"%s"}\n' % (number, number, b"x" * 80) for number in range(1, 5001)]
    log.path.write_bytes(b"".join(rows))
    curve = curve_of(log.path, "loss")
    assert (len(curve), curve[0], curve[-1]) == (POINTS, 1.0, 5000.0)
    steps = [after - before for before, after in pairwise(curve)]
    assert max(steps) - min(steps) < 60


def test_seconds_are_added(log):
    for seconds in (0.5, 2.0, 1e-3):
        log.append({"seconds": seconds, "data_seconds": 5.0})
    assert seconds_of(log.path) == 2.501


def test_what_is_missing_has_no_course(tmp_path):
    assert (curve_of(tmp_path / "no", "loss"), seconds_of(tmp_path / "no")) == ([], None)


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([3.0], "▁"), ([2.0, 2.0], "▁▁"), ([0.0, 1.0, 0.5], "▁█▅"), ([-1e300, 1e300], "▁█")]
)
def test_sparkline(values, bars):
    assert sparkline(values) == bars


def test_evenly_keeps_both_ends():
    assert evenly(list(range(100)), 4) == [0, 33, 66, 99]
    assert evenly([1.0, 2.0], 4) == [1.0, 2.0]
