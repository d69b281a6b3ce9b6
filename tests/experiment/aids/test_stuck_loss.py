from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.experiment.options import TrainOptions
from fittool.experiment.train import resume_run, train_experiment

TEXT = """\
data: {train: {npz: {path: data.npz}}}
model: {layers: [{Dense: {units: 8, activation: relu}}, {Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: {SGD: {learning_rate: 0.1}}, loss: sparse_categorical_crossentropy}
train: {epochs: 5, batch_size: 16, view_metrics: false}
"""
TINY = "compile.optimizer.SGD.learning_rate=1e-12"


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    np.savez("data.npz", x=x, y=(x[:, 0] > 0).astype(int))
    Path("e.yaml").write_text(TEXT)


def told(*overrides: str, directory: str = "here") -> list[str]:
    """The warnings in the log, with the number of epochs that were done before each."""
    train_experiment(load_experiment(Path("e.yaml"), list(overrides)), TrainOptions(Path(directory), verbose="0"))
    return warnings_in(directory)


def warnings_in(directory: str) -> list[str]:
    return [line for line in Path(directory, "run.log").read_text().splitlines() if "has hardly moved" in line]


def test_a_rate_that_is_far_too_small_is_told_after_three_epochs_and_once():
    (line,) = told(TINY)
    assert "warning: the loss has hardly moved in 3 epochs: 1." in line and "(1e-12)" in line
    assert "fittool lr-find e.yaml" in line and "fittool train e.yaml --overfit 1" in line
    lines = Path("here/run.log").read_text().splitlines()
    begun = [text.split()[1] for text in lines[: lines.index(line)]]
    assert begun[-2:] == ["1/5", "2/5"]  # the row of the third epoch comes behind its callbacks


def test_units_that_are_all_dead_are_noticed_too():
    dead = "{Dense: {units: 8, activation: relu, bias_initializer: {Constant: {value: -1000}}}}"
    constant = f"model.layers=[{dead}, {{Dense: {{units: 3, activation: softmax, use_bias: false}}}}]"
    assert len(told(constant)) == 1


def test_a_loss_that_falls_is_no_matter_for_a_warning():
    assert told() == []


def test_two_epochs_are_too_few_to_say():
    assert told(TINY, "train.epochs=2") == []


def test_a_loss_that_is_next_to_nothing_has_nowhere_to_go():
    np.savez("data.npz", x=np.zeros((64, 4), np.float32), y=np.zeros(64, np.float32))
    zero = "model.layers=[{Dense: {units: 1}}]"
    assert told(zero, "compile={loss: mse, optimizer: sgd}") == []


def test_a_run_that_goes_on_has_had_its_first_epochs():
    told(TINY, "train.epochs=2")
    resume_run(Path("here"), TrainOptions(verbose="0"), epochs=9)
    assert warnings_in("here") == []
