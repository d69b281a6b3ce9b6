from __future__ import annotations

import os

from runs.listing.small_runs import make_run

from fittool.runs.listing.find import find_runs, run_at


def names(folder):
    return sorted(found.name for found in find_runs(folder))


def test_runs_are_found_at_any_depth(tmp_path):
    for name in ("a", "b/c", "b/d/e/f"):
        make_run(tmp_path / name)
    (tmp_path / "b/no_run").mkdir()
    assert names(tmp_path) == ["a", "b/c", "b/d/e/f"]


def test_links_lead_to_no_second_run(tmp_path):
    make_run(tmp_path / "a/first")
    (tmp_path / "a/latest").symlink_to("first")
    (tmp_path / "a/round").symlink_to(tmp_path)
    assert names(tmp_path) == ["a/first"]


def test_the_folder_may_be_a_link_or_a_run(tmp_path):
    make_run(tmp_path / "a/first")
    (tmp_path / "link").symlink_to("a")
    assert names(tmp_path / "link") == ["first"]
    assert names(tmp_path / "a/first") == ["first"]


def test_hidden_folders_are_passed_over(tmp_path):
    make_run(tmp_path / ".trash/first")
    assert names(tmp_path) == []


def test_a_folder_that_lacks_the_environment_is_no_run(tmp_path):
    (make_run(tmp_path / "a") / "environment.json").unlink()
    assert names(tmp_path) == []
    assert run_at(tmp_path / "a") is None


def test_size_counts_files_below_and_each_file_once(tmp_path):
    run = make_run(tmp_path / "a")
    before = run_at(run).size
    (run / "checkpoints").mkdir()
    (run / "checkpoints/last").write_bytes(bytes(1000))
    os.link(run / "checkpoints/last", run / "checkpoints/best")
    assert run_at(run).size == before + 1000
