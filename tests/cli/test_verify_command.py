"""Whether a run is whole, and whether training again gives what it recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fittool as ft
from fittool.errors import Interrupted
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.runs.checkpoint import load_checkpoint, save_checkpoint
from fittool.runs.files.lock import RunLock
from fittool.training.signals import StopSignals

EXPERIMENT = """
data: {train: {synthetic: {samples: 40, shape: [4, 4, 1], classes: 3}}}
model: {layers: [Flatten, Dense: {units: 8, activation: relu}, Dropout: {rate: 0.2}, Dense: {units: 3, activation: softmax}]}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 3, batch_size: 16, validation_split: 0.2, verbose: 0, view_metrics: false}
augmentation: {rotation_range: 20}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three epochs of two steps."""
    monkeypatch.chdir(tmp_path)
    Path("e.yaml").write_text(EXPERIMENT)
    return ft.train(ft.load_experiment("e.yaml")).directory


@pytest.fixture
def said(fittool) -> Callable[..., str]:
    """Verify what is whole; what is printed."""

    def said(run: Path, *options: str) -> str:
        done = fittool("verify", str(run), *options)
        assert (done.code, done.err) == (0, "")
        return done.out

    return said


@pytest.fixture
def refused(fittool) -> Callable[..., str]:
    """Verify what is not; what is told."""

    def refused(run: Path, *options: str, code: int = 5) -> str:
        done = fittool("verify", str(run), *options)
        assert done.code == code
        assert "Traceback" not in done.err
        return done.err

    return refused


def test_a_whole_run(run: Path, said):
    lines = said(run).splitlines()
    assert "checkpoints/last.safetensors: whole, epoch 3, step 6" in lines
    assert "checkpoints/previous.safetensors: whole, epoch 2, step 4" in lines
    assert "metrics.jsonl: 3 rows" in lines
    assert "status.json: completed, epoch 3" in lines


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def without_second_row(path: Path) -> None:
    first, _, third = path.read_text().splitlines()
    path.write_text(f"{first}\n{third}\n")


def other_state(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "happy"}))


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("checkpoints/last.safetensors", flip, r"last.safetensors: "),
        ("checkpoints/best.safetensors", flip, r"best.safetensors: "),
        ("checkpoints/previous.safetensors", lambda path: path.write_bytes(path.read_bytes()[:500]), "previous.safetensors: "),
        ("metrics.jsonl", without_second_row, "The epochs are not in sequence: 1, 3"),
        ("metrics.jsonl", lambda path: path.write_text(""), "The checkpoint expects a row's end at byte"),
        ("metrics.jsonl", lambda path: path.write_text("half\n" + path.read_text()), "is not a row of metrics"),
        ("history.csv", lambda path: path.write_text("epoch\n1\n"), "does not hold the rows of metrics.jsonl"),
        ("status.json", other_state, "unknown state happy"),
        ("environment.json", lambda path: path.write_text("{"), "environment.json"),
    ],
)
def test_damage_is_named(run: Path, file: str, damage: Callable[[Path], object], message: str, refused):
    damage(run / file)
    assert message in refused(run)


def test_a_checkpoint_of_another_run_is_refused(run: Path, refused):
    other = ft.train(ft.load_experiment("e.yaml")).directory
    (run / "checkpoints" / "last.safetensors").write_bytes((other / "checkpoints" / "last.safetensors").read_bytes())
    assert "belongs to another run" in refused(run)


def test_what_is_no_run_is_refused(tmp_path: Path, refused):
    assert "not a run directory" in refused(tmp_path)


def test_a_run_that_is_training_can_be_looked_at(run: Path, said):
    with RunLock(run):
        assert "metrics.jsonl: 3 rows" in said(run)


def test_a_run_that_was_killed_is_whole(run: Path, said):
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"state": "running"}))
    assert "it was killed, and can be resumed" in said(run)


def test_a_run_that_was_found_killed_and_killed_again_is_whole(run: Path, said):
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"state": "interrupted", "exit_code": 137}))
    table = (run / "history.csv").read_text().splitlines(keepends=True)
    (run / "history.csv").write_text("".join(table[:-1]))
    assert "metrics.jsonl: 3 rows" in said(run)


@pytest.mark.parametrize(
    ("steps", "told"),
    [(100, "replayed steps 1 to 6: the same bytes as last.safetensors, and 3 rows of metrics"),
     (5, "replayed steps 1 to 6: the same bytes as last.safetensors, and 3 rows of metrics"),
     (4, "replayed steps 1 to 4: the same bytes as previous.safetensors, and 2 rows of metrics"),
     (1, "replayed steps 5 to 6: the same bytes as last.safetensors, and 1 row of metrics")],
)  # fmt: skip
def test_replaying_gives_the_same_bytes(run: Path, steps: int, told: str, said):
    (run / "checkpoints" / "best.safetensors").unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert said(run, "--replay", str(steps)).splitlines()[-1] == told
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_weight_that_training_does_not_give_is_found(run: Path, said, refused):
    path = run / "checkpoints" / "last.safetensors"
    checkpoint = load_checkpoint(path)
    tensors = {name: np.array(tensor) for name, tensor in checkpoint.tensors.items()}
    tensors["weights/dense/bias"][3] += 1e-6
    save_checkpoint(path, tensors, checkpoint.facts)
    assert "whole" in said(run)
    assert "At step 6 weights/dense/bias is different, by up to 1" in refused(run, "--replay", "6")


def test_a_metric_that_training_does_not_give_is_found(run: Path, refused):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    text = json.dumps(rows[1]["loss"])
    changed = (run / "metrics.jsonl").read_text().replace(text, text[:-1] + ("1" if text[-1] != "1" else "2"))
    (run / "metrics.jsonl").write_text(changed)
    (run / "history.csv").unlink()
    assert "In epoch 2 loss was" in refused(run, "--replay", "6")


def test_files_of_a_model_checkpoint_belong_to_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said):
    monkeypatch.chdir(tmp_path)
    Path("e.yaml").write_text(EXPERIMENT + "callbacks: [{ModelCheckpoint: {filepath: 'm{epoch}.safetensors', monitor: loss}}]\n")
    lines = said(ft.train(ft.load_experiment("e.yaml")).directory).splitlines()
    assert "checkpoints/m2.safetensors: whole, epoch 2, step 4" in lines


def test_replaying_a_run_that_was_stopped_in_its_validation(run: Path, fittool, said):
    experiment = Path("e.yaml").read_text().replace("epochs: 3", "epochs: 2000")
    Path("long.yaml").write_text(experiment)
    stopped = _stopped_in_validation("long.yaml")
    assert "replayed steps 1 to 2: the same bytes as last.safetensors" in said(stopped, "--replay", "1")


def _stopped_in_validation(path: str) -> Path:
    """A run that was stopped after the training steps of an epoch, in front of its validation's second batch."""
    seen: list[int] = []

    def stop(self: StopSignals) -> Interrupted | None:
        seen.append(1)
        return Interrupted(15, "Stopped.") if len(seen) == 3 else None  # two steps, then a batch of the validation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopSignals, "interruption", stop)
        with pytest.raises(Interrupted):
            train_experiment(ft.load_experiment(path), TrainOptions(Path("stopped"), quiet=True))
    facts = load_checkpoint(Path("stopped/checkpoints/last.safetensors")).facts
    assert facts.training["train_logs"] is not None
    return Path("stopped")


def test_replaying_on_other_data_blames_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused):
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", x=np.zeros((40, 4, 4, 1), np.float32), y=np.arange(40) % 3)
    Path("e.yaml").write_text(EXPERIMENT.replace("synthetic: {samples: 40, shape: [4, 4, 1], classes: 3}", "npz: {path: d.npz}"))
    run = ft.train(ft.load_experiment("e.yaml")).directory
    np.savez("d.npz", x=np.ones((40, 4, 4, 1), np.float32), y=np.arange(40) % 3)
    assert "The train data are not those that the run began with" in refused(run, "--replay", "2", code=4)
