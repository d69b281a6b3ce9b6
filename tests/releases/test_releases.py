"""Runs that each release has left (`make.py`): they evaluate, predict and verify as then, and go on if that is exact."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, fittool, folder, weights

from fittool.experiment.resuming import replay
from fittool.runs.directory import RunDirectory
from fittool.runs.format import FIRST_FORMAT, FORMAT

__all__ = ["fittool", "folder"]

HERE = Path(__file__).parent
RUNS = sorted(path.parent.relative_to(HERE) for path in HERE.glob("*/*/environment.json"))
OLD = Path("0.1.0")
MASKS = "the random numbers of layers (dropout, noise) are keyed differently"
LOSS = "softmax or sigmoid with its crossentropy is computed from the logits"
CAUSES = {"interrupted": f"since 0.2.0 {MASKS} and {LOSS}", "plain": f"since 0.2.0 {LOSS}"}
CAUSE = CAUSES["interrupted"]


def taken(run: Path) -> Path:
    """A copy in the working directory that may be written, with the experiment that it was trained from beside it."""
    shutil.copytree(HERE / run, "run")
    shutil.copy("run/experiment.yaml", "experiment.yaml")
    return Path("run")


@pytest.fixture(params=RUNS, ids=str)
def run(request: pytest.FixtureRequest, folder: Path) -> Path:
    """Each run of each release."""
    return taken(request.param)


def going_on(path: str = "run") -> list[tuple[str, ...]]:
    """The commands that go on with a run."""
    return [("resume", path), ("train", "experiment.yaml", "--run-dir", path, "--resume")]


def test_each_release_has_its_runs() -> None:
    releases = {run.parent for run in RUNS}
    assert OLD in releases
    assert set(RUNS) == {release / name for release in releases for name in ("finished", "interrupted", "logits", "plain")}


def test_no_machine_is_named_in_them(run: Path) -> None:
    environment, status = (json.loads((run / name).read_text()) for name in ("environment.json", "status.json"))
    assert (environment["machine"]["release"], environment["machine"]["processor"], status["pid"]) == ("", "", 1)
    assert b'"/' not in b"".join(path.read_bytes() for path in run.glob("*.*"))


def test_a_run_is_whole(fittool: Fittool, run: Path) -> None:
    done = fittool("verify", run)
    assert (done.code, done.err) == (0, "")


def test_a_run_evaluates_as_it_did(fittool: Fittool, run: Path) -> None:
    done = fittool("evaluate", run)
    found = dict(line.split() for line in done.out.splitlines())
    best = min(RunDirectory.open(run).metrics.rows(), key=lambda row: row["val_loss"])
    assert done.code == 0
    for name in ("loss", "accuracy"):
        assert math.isclose(float(found[name]), best[f"val_{name}"], rel_tol=1e-4)


def test_a_run_predicts(fittool: Fittool, run: Path) -> None:
    np.savez("inputs.npz", x=np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32))
    done = fittool("predict", run, "inputs.npz")
    assert (done.code, len(done.out.splitlines())) == (0, 6)


@pytest.mark.parametrize("release", sorted({run.parent for run in RUNS}), ids=str)
def test_a_finished_run_has_nothing_to_do(fittool: Fittool, folder: Path, release: Path) -> None:
    taken(release / "finished")
    for command in going_on():
        done = fittool(*command)
        assert done.code == 0
        assert "nothing to do" in done.err


def test_a_run_whose_numbers_are_as_they_were_goes_on(fittool: Fittool, folder: Path) -> None:
    taken(OLD / "logits")
    shutil.copytree("run", "again")
    for command in (going_on("run")[0], going_on("again")[1]):
        done = fittool(*command)
        assert done.code == 0
        assert "0.2.0" not in done.err
    whole = fittool("train", "experiment.yaml", "--run-dir", "whole").run.checkpoints.load("last.safetensors").tensors
    for name, array in RunDirectory.open(Path("run")).checkpoints.load("last.safetensors").tensors.items():
        np.testing.assert_allclose(array, whole[name], rtol=1e-3, atol=1e-5)  # the first steps were another processor's
    assert weights(RunDirectory.open(Path("again"))) == weights(RunDirectory.open(Path("run")))


@pytest.mark.parametrize("name", CAUSES)
def test_a_run_whose_numbers_are_others_now_does_not_go_on_unasked(fittool: Fittool, folder: Path, name: str) -> None:
    run = taken(OLD / name)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for command in going_on():
        done = fittool(*command)
        assert (done.code, done.out) == (5, "")
        assert done.err.count("\n") == 1
        assert f"run: was trained by fittool 0.1.0, so it cannot go on exactly: {CAUSES[name]}." in done.err
        assert "(pip install fittool==0.1.0), begin anew, or add --accept-changes" in done.err
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_of_0_1_0_that_was_finished_is_not_trained_on_unasked(fittool: Fittool, folder: Path) -> None:
    taken(OLD / "finished")
    assert fittool("resume", "run", "--epochs", 4).code == 5
    assert fittool("resume", "run", "--epochs", 4, "--accept-changes").code == 0


def test_accepted_once_it_goes_on_from_then_on(fittool: Fittool, folder: Path) -> None:
    taken(OLD / "interrupted")
    done = fittool("resume", "run", "--accept-changes", "--timeout", "0.001s")
    assert done.code == 75
    assert f"The run continues, but not bit-identical: {CAUSE}." in done.err
    assert (run_format(), RunDirectory.open(Path("run")).checkpoints.load("last.safetensors").format) == (FIRST_FORMAT, FORMAT)
    done = fittool("resume", "run")
    assert done.code == 0
    assert "not bit-identical" not in done.err
    assert fittool("verify", "run").code == 0


def run_format() -> int:
    """The format in which a run was begun."""
    return int(RunDirectory.open(Path("run")).read_environment().get("format", FIRST_FORMAT))


def test_only_what_was_trained_with_todays_numbers_is_replayed(fittool: Fittool, folder: Path) -> None:
    taken(OLD / "interrupted")
    done = fittool("verify", "run", "--replay", 3)
    assert done.code == 5
    assert f"run: was trained by fittool 0.1.0, so it cannot be replayed: {CAUSE}." in done.err
    assert "(pip install fittool==0.1.0)" in done.err
    assert fittool("resume", "run", "--accept-changes").code == 0
    done = fittool("verify", "run", "--replay", 5)
    assert done.code == 0
    assert "replayed steps 11 to 15: the same bytes" in done.out


def test_a_run_of_0_1_0_whose_numbers_are_as_they_were_is_replayed(fittool: Fittool, folder: Path) -> None:
    taken(OLD / "logits")
    assert fittool("resume", "run").code == 0
    assert "replayed steps 11 to 15" in fittool("verify", "run", "--replay", 5).out


def test_a_run_of_0_1_0_whose_optimizer_holds_next_to_nothing_is_not_replayed(
    fittool: Fittool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(OLD / "logits")
    monkeypatch.setattr(replay, "FADED", 1.0)  # so that the few steps of that run are enough
    done = fittool("verify", "run", "--replay", 5)
    assert done.code == 5
    assert "cannot be replayed: since 0.2.0 moments of the optimizer that are next to nothing become 0." in done.err
