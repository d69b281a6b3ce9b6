from __future__ import annotations

import pytest
from runs.listing.small_runs import make_run

from fittool.errors import RunInUseError
from fittool.runs import latest
from fittool.runs.files.lock import RunLock
from fittool.runs.listing.prune import remove_run


def test_a_run_is_gone_with_all_in_it(tmp_path):
    run = make_run(tmp_path / "a")
    (run / "own/deep").mkdir(parents=True)
    remove_run(run)
    assert list(tmp_path.iterdir()) == []


def test_what_links_lead_to_stays(tmp_path):
    run = make_run(tmp_path / "a")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/kept").touch()
    (run / "link").symlink_to(tmp_path / "data")
    remove_run(run)
    assert (tmp_path / "data/kept").exists()


def test_a_run_in_use_stays(tmp_path):
    run = make_run(tmp_path / "a")
    with RunLock(run), pytest.raises(RunInUseError, match="is in use"):
        remove_run(run)
    assert (run / "environment.json").exists()


def test_latest_leads_to_the_newest_that_is_left(tmp_path):
    first, second = (make_run(tmp_path / name) for name in ("20260101-000000-aaaa", "20260102-000000-bbbb"))
    latest.point_to(second)
    remove_run(second)
    assert (tmp_path / "latest").resolve() == first
    remove_run(first)
    assert list(tmp_path.iterdir()) == []


def test_half_of_a_run_that_a_kill_left_goes_with_the_next(tmp_path):
    (tmp_path / ".fittool-removed-x/checkpoints").mkdir(parents=True)
    remove_run(make_run(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_named_through_a_link_goes_itself(tmp_path):
    run = make_run(tmp_path / "20260101-000000-aaaa")
    latest.point_to(run)
    remove_run(tmp_path / "latest")
    assert list(tmp_path.iterdir()) == []
