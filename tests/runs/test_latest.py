from __future__ import annotations

from runs.listing.small_runs import make_run

from fittool.runs import latest


def test_link_is_relative_so_that_the_folder_can_be_moved(tmp_path):
    latest.point_to(make_run(tmp_path / "runs/20260101-000000-aaaa"))
    (tmp_path / "runs").rename(tmp_path / "moved")
    assert (tmp_path / "moved/latest/environment.json").exists()


def test_what_is_no_link_is_left_alone(tmp_path):
    (tmp_path / "latest").mkdir()
    run = make_run(tmp_path / "20260101-000000-aaaa")
    latest.point_to(run)
    latest.leave(run)
    assert not (tmp_path / "latest").is_symlink()


def test_a_link_to_another_run_is_left_alone(tmp_path):
    first, second = (make_run(tmp_path / name) for name in ("a", "b"))
    latest.point_to(first)
    latest.leave(second)
    assert (tmp_path / "latest").resolve() == first


def test_a_folder_that_cannot_be_written_fails_no_run(tmp_path):
    latest.point_to(tmp_path / "gone/run")
    assert list(tmp_path.iterdir()) == []
