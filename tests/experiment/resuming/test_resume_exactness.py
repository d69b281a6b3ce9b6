"""A run that is stopped after any step, and resumed, ends as if it had never been stopped: for many settings.

Two instants of each setting are quick; the long set has every instant.
"""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import Interrupted
from fittool.experiment.train import Run, TrainOptions, resume_run, train_experiment
from fittool.runs.checkpoint import load_checkpoint
from fittool.runs.directory import RunDirectory
from fittool.training.signals import StopSignals

TEXT = """\
seed: 5
data: {{train: {{npz: {{path: pictures.npz}}}}}}
model:
  layers:
    - Conv2D: {{filters: 2, kernel_size: 3, activation: relu, name: first}}
    - BatchNormalization
    - Flatten
    - Dropout: {{rate: 0.3}}
    - Dense: {{units: 3, activation: softmax, name: last}}
compile: {{optimizer: {optimizer}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
train: {train}
{more}
"""
TRAIN = "{epochs: 3, batch_size: 8, validation_split: 0.25}"
GENERATED = TRAIN.replace("}", ", mode: fit_generator, workers: 2}")
ADAM = "{Adam: {learning_rate: 0.01}}"
CODE = """\
import numpy as np

def batches():
    chance = np.random.default_rng(1)
    while True:
        yield chance.normal(size=(4, 5, 5, 1)).astype("float32"), np.arange(4) % 3

def loop(model, batches, epoch):
    for batch in batches:
        model.train_on_batch(*batch)

def twice(model, batches, epoch):
    for batch in batches:
        model.train_on_batch(*batch)
        if epoch % 2:
            model.train_on_batch(*batch)
    model.train_on_batch(*batch)
"""
FROM_CODE = ("npz: {path: pictures.npz}", 'python: {function: "mine:batches"}')

SETTINGS = {
    "plain": (TRAIN, "", "{SGD: {learning_rate: 0.1, momentum: 0.9}}"),
    "adam": (TRAIN, "", ADAM),
    "cosine": (TRAIN, "", "{SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}"),
    "averages": (TRAIN, "", "{Adam: {use_ema: true, ema_momentum: 0.9, ema_overwrite_frequency: 2}}"),
    "accumulation": (TRAIN, "", "{SGD: {learning_rate: 0.1, gradient_accumulation_steps: 2}}"),
    "best weights": (TRAIN, "callbacks: [{EarlyStopping: {patience: 0, restore_best_weights: true}}]", ADAM),
    "patience": (TRAIN, "callbacks: [{EarlyStopping: {monitor: val_accuracy, patience: 1, restore_best_weights: true}}]", ADAM),
    "plateau": (TRAIN, "callbacks: [{ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 0.5, factor: 0.1}}]", ADAM),
    "rates": (
        TRAIN, "callbacks: [{LearningRateScheduler: {schedule: {ExponentialDecay: "
        "{initial_learning_rate: 0.1, decay_steps: 1, decay_rate: 0.5}}}}]", ADAM,
    ),
    "files": (
        TRAIN, "callbacks: [{CSVLogger: {filename: my.csv}}, "
        "{ModelCheckpoint: {filepath: 'mine-{epoch}-{batch}.safetensors', save_freq: 2}}]", ADAM,
    ),
    "augmentation": (GENERATED, "augmentation: {rotation_range: 20, horizontal_flip: true}", ADAM),
    "steps": (GENERATED.replace("epochs: 3", "epochs: 3, steps_per_epoch: 2"), "", ADAM),
    "balanced": (TRAIN.replace("epochs", "class_weight: balanced, epochs"), "", ADAM),
    "stages": (
        "[{name: head, epochs: 1, batch_size: 8, validation_split: 0.25, trainable: [last], "
        "callbacks: [{EarlyStopping: {monitor: val_loss, restore_best_weights: true}}]},"
        " {name: all, epochs: 2, batch_size: 6, learning_rate: 0.001}]", "", ADAM,
    ),
    "pause": (
        "[{epochs: 1, batch_size: 9, trainable: [last]}, {epochs: 1, batch_size: 9},"
        " {epochs: 1, batch_size: 9, trainable: [first]}, {epochs: 1, batch_size: 9}]", "",
        "{Nadam: {learning_rate: 0.01, use_ema: true, ema_momentum: 0.9, gradient_accumulation_steps: 2}}",
    ),
    "generator": ("{mode: fit_generator, epochs: 3, steps_per_epoch: 3, workers: 1}", "", ADAM),
    "loop": ("{mode: train_on_batch, loop: 'mine:loop', epochs: 3, batch_size: 8}", "", ADAM),
    "twice": ("{mode: train_on_batch, loop: 'mine:twice', epochs: 3, batch_size: 8}", "", ADAM),
}  # fmt: skip


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    np.savez("pictures.npz", x=chance.normal(size=(32, 5, 5, 1)).astype("float32"), y=chance.integers(0, 3, 32))
    Path("mine.py").write_text(CODE)

    def write(setting: str, *changes: tuple[str, str]) -> Path:
        train, more, optimizer = SETTINGS[setting]
        text = TEXT.format(train=train, more=more, optimizer=optimizer)
        for old, new in (*changes, *([FROM_CODE] if setting == "generator" else [])):
            assert old in text
            text = text.replace(old, new)
        Path("e.yaml").write_text(text)
        return Path("e.yaml")

    return write


def train(path: Path, directory: str, **options: object) -> Run:
    return train_experiment(load_experiment(path), TrainOptions(Path(directory), quiet=True, **options))


def resume(directory: str, **arguments: object) -> Run:
    return resume_run(Path(directory), TrainOptions(quiet=True), **arguments)


def stopped_at(instant: int, path: Path, directory: str, **options: object) -> bool:
    """Train, and stop at the n-th moment in which training can stop; whether there is one."""
    left = iter(range(instant))
    with pytest.MonkeyPatch.context() as patch:
        stop = Interrupted(signal.SIGTERM)
        patch.setattr(StopSignals, "interruption", lambda _: None if next(left, None) is not None else stop)
        try:
            train(path, directory, **options)
        except Interrupted:
            return True
    return False


def digests(run: Run) -> dict[str, object]:
    """All that a run is, but times."""
    directory = RunDirectory.open(run.directory)
    found: dict[str, object] = {"outcome": run.outcome.summary}
    for file in sorted(directory.paths.checkpoints.glob("*.safetensors")):
        if file.name != "previous.safetensors":
            tensors = load_checkpoint(file).tensors
            found[file.name] = hashlib.sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors))).hexdigest()
    found["rows"] = [{key: row[key] for key in row if "second" not in key} for row in directory.metrics.rows()]
    found["epochs"] = directory.paths.history.read_text().count("\n")
    found["files"] = {file.name: file.read_text() for file in directory.path.glob("my*.csv")}
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_stopped_early_and_late_and_resumed_it_ends_the_same(setting: str, write) -> None:
    path = write(setting)
    whole = digests(train(path, "whole"))
    for instant in (2, 7):
        assert stopped_at(instant, path, f"{instant}")
        assert digests(resume(f"{instant}", experiment=path)) == whole, f"stopped at instant {instant}"


@pytest.mark.long
@pytest.mark.parametrize("setting", SETTINGS)
def test_stopped_at_any_instant_and_resumed_it_ends_the_same(setting: str, write) -> None:
    path = write(setting)
    whole = digests(train(path, "whole"))
    instants = 0
    while stopped_at(instants, path, f"{instants}"):
        assert digests(resume(f"{instants}", experiment=path)) == whole, f"stopped at instant {instants}"
        instants += 1
    assert instants >= 8


def test_stopped_at_every_instant_of_one_run(write) -> None:
    path = write("adam")
    whole = digests(train(path, "whole"))
    times = 0
    while stopped_at(1, path, "again", resume=True):  # at 0 a validation would begin anew for ever
        times += 1
    assert times >= 6
    assert digests(resume("again"))["rows"] == whole["rows"]
    assert digests(resume("again"))["last.safetensors"] == whole["last.safetensors"]


def test_other_workers_and_threads_end_the_same(write) -> None:
    path = write("augmentation")
    whole = digests(train(path, "whole"))
    stopped_at(4, path, "again")
    path = write("augmentation", ("workers: 2", "workers: 0"), ("seed: 5", "seed: 5\nengine: {numpy: {threads: 1}}"))
    assert digests(train(path, "again", resume=True)) == whole


@pytest.mark.parametrize("setting", ["plain", "averages", "best weights", "files", "steps", "augmentation"])
def test_extended_run_is_one_long_run(setting: str, write) -> None:
    path = write(setting)
    long = write(setting, ("epochs: 3", "epochs: 6"))
    whole = digests(train(long, "whole"))
    train(write(setting), "short")
    if setting == "best weights":
        assert len(digests(resume("short", epochs=6))["rows"]) >= len(whole["rows"])
    else:
        assert digests(resume("short", epochs=6)) == whole
    assert path == long


def test_extended_stages_are_one_long_run(write) -> None:
    whole = digests(train(write("stages", ("name: all, epochs: 2", "name: all, epochs: 4")), "whole"))
    train(write("stages"), "short")
    assert digests(resume("short", epochs=5)) == whole


def test_best_state_that_a_kill_left_unsaved_is_made_of_the_last(write) -> None:
    path = write("plain", ("learning_rate: 0.1", "learning_rate: 0.0001"))
    whole = digests(train(path, "whole"))
    assert stopped_at(4, path, "again")  # after the first epoch's end, three steps and a validation
    Path("again/checkpoints/best.safetensors").unlink()
    assert digests(resume("again")) == whole


def test_kept_weights_that_are_lost_are_taken_from_the_best_state(write) -> None:
    path = write("best weights")
    whole = digests(train(path, "whole"))
    assert stopped_at(4, path, "again")
    for file in Path("again/checkpoints").glob("kept_*"):
        file.unlink()
    assert digests(resume("again", experiment=path))["outcome"] == whole["outcome"]
