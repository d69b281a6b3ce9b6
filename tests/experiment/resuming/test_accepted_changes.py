"""Going on with another optimizer, or another rate: what was accepted counts, at once and for good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import CheckpointError, DivergedError, ExperimentError
from fittool.experiment.train import Run, TrainOptions, resume_run, train_experiment
from fittool.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

TEXT = """\
seed: 1
data: {train: {npz: {path: data.npz}}}
model: {layers: [Dense: {units: 1}]}
compile: {optimizer: OPTIMIZER, loss: mse}
train: {epochs: EPOCHS, batch_size: 8, view_metrics: false}
"""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    np.savez("data.npz", x=x, y=x[:, 0])


def train(optimizer: str, epochs: int = 2) -> Run:
    Path("e.yaml").write_text(TEXT.replace("OPTIMIZER", optimizer).replace("EPOCHS", str(epochs)))
    options = TrainOptions(Path("run"), quiet=True, resume=True, accept_changes=True)
    return train_experiment(load_experiment("e.yaml"), options)


def last() -> Checkpoint:
    return load_checkpoint(Path("run/checkpoints/last.safetensors"))


def rate() -> float:
    return float(last().tensors["optimizer/learning_rate"])


def log() -> str:
    return Path("run/run.log").read_text()


def test_a_changed_rate_counts_from_now_on() -> None:
    train("{SGD: {learning_rate: 0.1}}")
    train("{SGD: {learning_rate: 0.01}}", 4)
    assert rate() == 0.01
    assert "The learning rate is 0.01 from now on." in log()
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [row["learning_rate"] for row in rows] == [0.1, 0.1, 0.01, 0.01]


def test_a_smaller_rate_helps_a_training_that_diverged() -> None:
    with pytest.raises(DivergedError, match=r"is from epoch \d+\. Try a smaller learning rate \(now 6\)"):
        train("{SGD: {learning_rate: 6.0}}", 40)
    done = train("{SGD: {learning_rate: 0.001}}", 40)
    assert done.outcome.reason == "completed"
    assert rate() == 0.001


def test_a_rate_that_a_callback_lowered_stays_where_nothing_was_changed() -> None:
    lowering = "loss: mse}\ncallbacks: [ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 9}]"
    text = TEXT.replace("OPTIMIZER", "{SGD: {learning_rate: 0.1}}").replace("loss: mse}", lowering)
    rates = []
    for epochs in ("2", "3"):
        Path("e.yaml").write_text(text.replace("EPOCHS", epochs))
        train_experiment(load_experiment("e.yaml"), TrainOptions(Path("run"), quiet=True, resume=True))
        rates.append(rate())
    assert rates == pytest.approx([0.01, 0.001])
    assert "from now on" not in log()


def test_a_kill_right_behind_it_changes_nothing() -> None:
    train("{SGD: {learning_rate: 0.1}}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fittool.training.trainer.Trainer.run", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train("{SGD: {learning_rate: 0.01}}", 4)
    train("{SGD: {learning_rate: 0.01}}", 4)
    assert rate() == 0.01


def test_another_optimizer_begins_anew() -> None:
    train("{SGD: {learning_rate: 0.1, momentum: 0.9}}")
    steps = int(last().tensors["optimizer/iterations"])
    train("{Adam: {learning_rate: 0.01}}", 3)
    assert "The optimizer is another one and begins anew." in log()
    assert int(last().tensors["optimizer/iterations"]) == steps + 5
    tensors = last().tensors
    assert {name.split("/")[1] for name in tensors if name.count("/") > 2} == {"momentum", "velocity", "updates"}
    assert int(tensors["optimizer/updates/dense/kernel"]) == 5  # its first steps were not several times the rate
    train("{Adam: {learning_rate: 0.02}}", 4)
    assert int(last().tensors["optimizer/updates/dense/kernel"]) == 10


def test_averages_that_are_asked_for_later_begin_at_the_weights() -> None:
    train("{Adam: {learning_rate: 0.001}}")
    before = last().tensors["weights/dense/kernel"]
    train("{Adam: {learning_rate: 0.001, use_ema: true}}", 3)
    average = load_checkpoint(Path("run/checkpoints/final.safetensors")).tensors["weights/dense/kernel"]
    np.testing.assert_allclose(average, before, atol=0.005)


def test_arrays_that_a_changed_setting_asks_for_begin_at_zero() -> None:
    train("{SGD: {learning_rate: 0.1}}")
    train("{SGD: {learning_rate: 0.1, momentum: 0.9}}", 3)
    assert any(name.count("/") > 2 for name in last().tensors)
    train("{SGD: {learning_rate: 0.1}}", 4)
    assert not any(name.count("/") > 2 for name in last().tensors)


def test_a_checkpoint_without_an_array_of_the_optimizer_is_refused() -> None:
    train("{SGD: {learning_rate: 0.1, momentum: 0.9}}")
    found = last()
    tensors = {name: array for name, array in found.tensors.items() if name.count("/") < 3}
    save_checkpoint(found.path, tensors, found.facts)
    with pytest.raises(CheckpointError, match=r"does not fit the network: optimizer/\w+/dense/kernel is missing"):
        train("{SGD: {learning_rate: 0.1, momentum: 0.9}}", 3)


@pytest.mark.parametrize("metrics", ["[]", "[mape]", "[mape, mae]"])
def test_other_metrics_begin_anew(metrics: str) -> None:
    _measuring("[mae]", 1)
    with pytest.raises(ExperimentError, match=r"compile.metrics\[0\].* was .* when the run began"):
        _measuring(metrics)
    assert _measuring(metrics, accept_changes=True).outcome.epochs == 3
    assert "What is measured is another" in log()


def _measuring(metrics: str, epochs: int = 3, *, accept_changes: bool = False) -> Run:
    text = TEXT.replace("OPTIMIZER", "sgd").replace("EPOCHS", str(epochs)).replace("loss: mse", f"loss: mse, metrics: {metrics}")
    Path("e.yaml").write_text(text)
    options = TrainOptions(Path("run"), quiet=True, resume=True, accept_changes=accept_changes)
    return train_experiment(load_experiment("e.yaml"), options)


def test_where_the_data_moved_to_is_remembered() -> None:
    train("sgd", 1)
    Path("elsewhere").mkdir()
    Path("data.npz").rename("elsewhere/data.npz")
    text = TEXT.replace("OPTIMIZER", "sgd").replace("EPOCHS", "2").replace("data.npz", "elsewhere/data.npz")
    Path("e.yaml").write_text(text)
    train_experiment(load_experiment("e.yaml"), TrainOptions(Path("run"), quiet=True, resume=True))
    assert resume_run(Path("run"), TrainOptions(quiet=True), epochs=3).outcome.epochs == 3


def test_an_experiment_of_a_run_that_was_edited_is_refused() -> None:
    train("sgd", 1)
    path = Path("run/experiment.yaml")
    path.write_text(path.read_text().replace("batch_size: 8", "batch_size: 4"))
    with pytest.raises(ExperimentError, match=r"run/experiment.yaml: was changed after fittool wrote it"):
        resume_run(Path("run"), TrainOptions(quiet=True), epochs=2)
    accepting = TrainOptions(quiet=True, accept_changes=True)
    assert resume_run(Path("run"), accepting, epochs=2).outcome.epochs == 2
    assert resume_run(Path("run"), TrainOptions(quiet=True), epochs=3).outcome.epochs == 3


def test_a_run_of_an_older_release_goes_on_with_the_figures_of_single_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2)).round(3)
    Path("t.csv").write_text("\n".join(["a,b,c,d", *(f"{a},{b},{a + b:.3f},{a - b:.3f}" for a, b in x)]) + "\n")
    text = TEXT.replace("npz: {path: data.npz}", "csv: {path: t.csv, label: [c, d]}").replace("units: 1", "units: 2")
    text = text.replace("loss: mse", "loss: mse, metrics: [mae]").replace("OPTIMIZER", "sgd")
    Path("e.yaml").write_text(text.replace("EPOCHS", "2"))
    train_experiment(load_experiment("e.yaml"), TrainOptions(Path("run"), quiet=True))
    saved = last()
    older = {name: array for name, array in saved.tensors.items() if name not in ("metrics/mae_c", "metrics/mae_d")}
    save_checkpoint(saved.path, older, saved.facts)
    monkeypatch.setattr("fittool.experiment.resuming.resume.FORMAT", saved.format + 1)
    run = resume_run(Path("run"), TrainOptions(quiet=True), epochs=3)
    assert {"mae", "mae_c", "mae_d"} <= run.history.rows[-1].keys()
