from __future__ import annotations

import pytest
from runs.listing.small_runs import make_run

from fittool.runs.files.lock import RunLock
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary, summaries_below


def summary(path):
    return RunSummary.of(run_at(path))


def test_figures(tmp_path):
    run = summary(make_run(tmp_path / "a", [3.0, 1.0, 2.0]))
    assert (run.state, run.monitor, run.best, run.best_epoch, run.epochs, run.seconds) == (
        "completed",
        "val_loss",
        1.0,
        2,
        3,
        3.0,
    )
    assert run.curve == [3.0, 1.0, 2.0]


def test_seconds_of_older_releases_are_added_up(tmp_path):
    assert summary(make_run(tmp_path / "a", [3.0, 1.0], noted=False)).seconds == 2.0


def test_running_without_a_process_is_killed(tmp_path):
    run = make_run(tmp_path / "a", state="running")
    assert (summary(run).state, summary(run).at_work) == ("killed", False)
    with RunLock(run):
        assert (summary(run).state, summary(run).at_work) == ("running", True)


@pytest.mark.parametrize("content", [b"", b"{", b'{"state": "odd"}', b'{"state": "completed", "epoch": "x"}'])
def test_damaged_status_is_unknown(tmp_path, content):
    (make_run(tmp_path / "a") / "status.json").write_bytes(content)
    assert summary(tmp_path / "a").state == "unknown"
    assert summary(tmp_path / "a").plain()["best"] is None


def test_value_of_the_best_epoch(tmp_path):
    run = summary(make_run(tmp_path / "a", [3.0, 1.0, 2.0]))
    assert (run.value("val_loss"), run.value("other"), run.value("nothing")) == (1.0, 9.0, None)


def test_work_for_a_list_of_many_is_bounded_by_their_number(tmp_path, monkeypatch):
    """Rows are read only where a list needs them, and of a status with its seconds none."""
    for number in range(5):
        make_run(tmp_path / f"r{number}", [2.0, 1.0])
    monkeypatch.setattr("fittool.runs.metrics_log.MetricsLog.rows", lambda self: pytest.fail("rows were read"))
    monkeypatch.setattr("fittool.runs.listing.summary.seconds_of", lambda path: pytest.fail("seconds were added up"))
    assert [run.plain()["curve"] for run in summaries_below(tmp_path)] == [[2.0, 1.0]] * 5
