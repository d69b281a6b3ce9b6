from __future__ import annotations

import json
import re

import pytest
from cli.commands import DIVERGING
from runs.listing.small_runs import make_run

from fittool.runs.directory import RunDirectory


@pytest.fixture
def two(fittool, write):
    """Two runs, of which the second had one epoch more."""
    return [fittool("train", write(), "--set", f"train.epochs={epochs}").run for epochs in (1, 2)]


def lines(done):
    assert done.code == 0, done.err
    return done.out.splitlines()


def test_a_line_for_each_run_the_newest_last(fittool, two):
    heading, *rows = lines(fittool("runs"))
    assert heading.split() == ["name", "state", "best", "epochs", "seconds", "size", "course"]
    assert [row.split()[0] for row in rows] == [f"small/{run.path.name}" for run in two]
    assert {row.split()[1] for row in rows} == {"completed"}


def test_json_has_what_the_run_says_of_itself(fittool, two):
    found = {one["name"]: one for one in json.loads(fittool("runs", "--json").out)}
    for run in two:
        one, status = found[f"small/{run.path.name}"], run.read_status()
        assert (one["state"], one["best"], one["epochs"]) == (status.state, status.best, status.epoch)
        assert one["seconds"] == pytest.approx(sum(row["seconds"] for row in run.metrics.rows()))
        assert one["curve"] == [row["val_loss"] for row in run.metrics.rows()]
        assert one["path"] == str(run.path)


def test_sort(fittool, two):
    assert [one["epochs"] for one in json.loads(fittool("runs", "--sort", "epochs", "--json").out)] == [2, 1]
    done = fittool("runs", "--sort", "val_accuracyy")
    assert (done.code, "No run has a value val_accuracyy" in done.err) == (2, True)


def test_without_runs_there_is_nothing_on_stdout(fittool, folder):
    (folder / "runs").mkdir()
    done = fittool("runs")
    assert (done.code, done.out, done.err) == (0, "", "0 runs below runs\n")
    assert fittool("runs", "--json").out == "[]\n"


def test_no_such_folder(fittool, folder):
    done = fittool("runs", "nothing")
    assert (done.code, done.out) == (2, "")
    assert "nothing: There is no such folder." in done.err


def test_diverged_runs_and_names_of_terrible_letters(fittool, small, folder):
    assert fittool("train", small, *DIVERGING).code == 9
    make_run(folder / "runs" / "bell\x07")
    out = fittool("runs").out
    assert "diverged" in out
    assert "\x07" not in out


def test_latest_leads_to_the_newest_run_and_is_taken_by_commands(fittool, two, folder):
    assert (folder / "runs/small/latest").resolve() == two[1].paths.root
    assert fittool("evaluate", "runs/small/latest").out == fittool("evaluate", two[1].path).out
    assert fittool("resume", "runs/small/latest", "--epochs", 3).code == 0
    assert two[1].read_status().epoch == 3


def test_a_place_of_ones_own_has_no_latest_beside_it(fittool, small, folder):
    assert fittool("train", small, "--run-dir", "mine").code == 0
    assert not (folder / "latest").exists()


def test_a_run_that_never_began_leaves_latest_as_it_was(fittool, two, write, folder):
    broken = write(
        ("metrics: [accuracy]", "metrics: [accuracy]\ncallbacks:\n  - ModelCheckpoint: {monitor: val_acc}"), name="b.yaml"
    )
    assert fittool("train", broken).code == 3
    if (folder / "runs/small").exists():
        assert (folder / "runs/small/latest").resolve() == two[1].paths.root


class TestPrune:
    def test_lists_and_keeps_all_without_yes(self, fittool, two):
        done = fittool("runs", "prune", "runs", "--keep", 1)
        assert done.code == 0
        assert [row.split()[0] for row in done.out.splitlines()[1:]] == [f"small/{two[0].path.name}"]
        assert "1 run of 2 would be removed. Add --yes" in done.err
        assert all(run.path.exists() for run in two)

    def test_removes_with_yes(self, fittool, two):
        done = fittool("runs", "prune", "runs", "--keep", 1, "--yes")
        assert (done.code, done.err) == (0, "1 run of 2 removed.\n")
        assert [run.path.exists() for run in two] == [False, True]

    def test_the_best_stay(self, fittool, two):
        best = min(two, key=lambda run: run.read_status().best["value"])
        assert fittool("runs", "prune", "runs", "--keep", 1, "--by", "val_loss", "--yes").code == 0
        assert [run for run in two if run.path.exists()] == [best]

    def test_a_run_at_work_stays(self, fittool, two):
        with RunDirectory.open(two[0].path, lock=True):
            done = fittool("runs", "prune", "runs", "--keep", 0, "--yes")
            assert done.code == 0
            assert re.search(r"warning: .*is in use by process \d+.* It stays\.", done.err)
        assert [run.path.exists() for run in two] == [True, False]

    @pytest.mark.parametrize("options", [(), ("--keep", -1), ("--keep", "all")])
    def test_number_is_needed(self, fittool, two, options):
        assert fittool("runs", "prune", "runs", *options).code == 2

    def test_help_is_its_own(self, fittool):
        assert fittool("runs", "prune", "--help").out.startswith("Usage: fittool runs prune [OPTIONS] DIR")
