"""`--checkpoint final`: the weights that training ended with, as Keras's model has them behind `fit`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.commands import WORSE_AT_THE_END, Done, Fittool, Write, weights

from fittool.runs.directory import RunDirectory

STOPPING = "  - EarlyStopping: {monitor: val_accuracy, patience: 3, restore_best_weights: true}\n"
AVERAGES = "{Adam: {learning_rate: 0.01, use_ema: true, ema_momentum: 0.9}}"


def values(done: Done) -> dict[str, float]:
    """The printed figures."""
    assert done.code == 0, done.err
    return {name: float(value) for name, value in (line.split() for line in done.out.splitlines())}


def best_row(run: RunDirectory, name: str) -> dict[str, float]:
    """The first row with the best accuracy, or the lowest loss."""
    rows = run.metrics.rows()
    return max(rows, key=lambda row: row[name]) if "accuracy" in name else min(rows, key=lambda row: row[name])


@pytest.fixture
def restored(fittool: Fittool, write: Write) -> RunDirectory:
    """A run that put back the weights of another epoch than the one that is `best`."""
    done = fittool("train", write(*WORSE_AT_THE_END, ("train:\n", f"callbacks:\n{STOPPING}train:\n")), "--set", "seed=3")
    put_back, best = best_row(done.run, "val_accuracy"), best_row(done.run, "val_loss")
    assert put_back["epoch"] != best["epoch"], "the test needs a run whose two best epochs differ"
    assert f"The weights of epoch {put_back['epoch']} were put back." in done.err
    assert f"Best: epoch {best['epoch']}, val_loss " in done.err
    return done.run


def test_the_weights_that_were_put_back_are_measured(fittool: Fittool, restored: RunDirectory) -> None:
    row = best_row(restored, "val_accuracy")
    measured = values(fittool("evaluate", restored.path, "--checkpoint", "final"))
    assert measured == pytest.approx({"loss": row["val_loss"], "accuracy": row["val_accuracy"]}, rel=1e-5)
    assert values(fittool("evaluate", restored.path))["loss"] == pytest.approx(
        best_row(restored, "val_loss")["val_loss"], rel=1e-5
    )
    assert fittool("predict", restored.path, "small.npz", "--checkpoint", "final").code == 0
    assert restored.read_status().final == "final.safetensors"
    assert fittool("verify", restored.path).code == 0


def test_last_is_final_where_nothing_was_put_back(fittool: Fittool, small: Path) -> None:
    run = fittool("train", small).run
    assert run.read_status().final == "last.safetensors"
    assert not (run.paths.checkpoints / "final.safetensors").exists()
    both = [values(fittool("evaluate", run.path, "--checkpoint", which)) for which in ("final", "last")]
    assert both[0] == both[1]


def test_averages_are_final(fittool: Fittool, write: Write) -> None:
    run = fittool("train", write(("adam", AVERAGES))).run
    final, last = (weights(run, which) for which in ("final", "last"))
    assert {name for name in last if name.startswith("weights/")} == set(final)
    assert all(final[name] == last[f"optimizer/average/{name.removeprefix('weights/')}"] for name in final)
    assert final != {name: last[name] for name in final}


def test_a_run_that_did_not_come_to_its_end_has_none(fittool: Fittool, small: Path) -> None:
    fittool("train", small, "--run-dir", "here", "--timeout", "0.001s")
    done = fittool("evaluate", "here", "--checkpoint", "final")
    assert (done.code, "does not say which weights it ended with" in done.err) == (5, True)


def test_a_run_that_goes_on_forgets_its_first_end(fittool: Fittool, write: Write) -> None:
    path = write(("adam", AVERAGES))
    run = fittool("train", path).run
    assert fittool("resume", run.path, "--epochs", "4", "--timeout", "0.001s").code == 75
    assert fittool("evaluate", run.path, "--checkpoint", "final").code == 5
    assert not (run.paths.checkpoints / "final.safetensors").exists()
    fittool("resume", run.path)
    whole = fittool("train", path, "--set", "train.epochs=4").run
    assert weights(run, "final") == weights(whole, "final")


@pytest.mark.parametrize("final", [None, "../../other/last.safetensors"])
def test_what_a_status_cannot_say_is_not_followed(fittool: Fittool, small: Path, final: str | None) -> None:
    run = fittool("train", small).run
    status = json.loads(run.paths.status.read_text())
    run.paths.status.write_text(json.dumps(status | {"final": final}))
    assert fittool("evaluate", run.path, "--checkpoint", "final").code == 5


def test_a_lost_file_is_told(fittool: Fittool, restored: RunDirectory) -> None:
    (restored.paths.checkpoints / "final.safetensors").unlink()
    assert fittool("evaluate", restored.path, "--checkpoint", "final").code == 5
    done = fittool("verify", restored.path)
    assert (done.code, "There is no such file, although training ended with its weights." in done.out + done.err) == (5, True)
