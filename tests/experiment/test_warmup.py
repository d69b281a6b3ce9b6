"""Learning rates that warm up, and schedules whose lengths are epochs: in experiments, on both engines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.options import TrainOptions
from fittool.experiment.train import resume_run, train_experiment

ENGINES = ["numpy", *(["torch"] if find_spec("torch") else [])]
TEXT = """\
data: {train: {npz: {path: data.npz}}}
model: {layers: [{Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: {SGD: {learning_rate: 0.4}}, loss: sparse_categorical_crossentropy}
train: {epochs: 6, batch_size: 8, view_metrics: false, verbose: 0}
"""
COSINE = "{CosineDecay: {initial_learning_rate: 0.4, total: auto}}"


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    np.savez("data.npz", x=x, y=np.arange(40) % 3)
    Path("e.yaml").write_text(TEXT)


def train(directory: str, *overrides: str):
    return train_experiment(load_experiment(Path("e.yaml"), list(overrides)), TrainOptions(Path(directory)))


def rates(run):
    return [row["learning_rate"] for row in run.history.rows]


def kept_weights(directory: str):
    from fittool.runs.directory import RunDirectory

    return RunDirectory.open(Path(directory)).checkpoints.load("last.safetensors").tensors


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rate_rises_over_so_many_epochs_and_stays(engine):
    run = train("here", "train.warmup_epochs=4", f"engine={engine}")
    assert rates(run) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_begins_behind_the_warmup_and_ends_with_the_training(engine):
    schedule = f"compile.optimizer.SGD.learning_rate={COSINE}"
    run = train("here", "train.warmup_epochs=2", schedule, f"engine={engine}")
    assert rates(run) == pytest.approx([0.2, 0.4, 0.3414214, 0.2, 0.0585786, 0.0], abs=1e-6)


def test_it_is_the_warmup_of_keras_cosine_decay_to_the_bit():
    train("ours", "train.warmup_epochs=2", f"compile.optimizer.SGD.learning_rate={COSINE}")
    keras = "{CosineDecay: {initial_learning_rate: 0, warmup_target: 0.4, warmup_steps: 10, decay_steps: 20}}"
    train("keras", f"compile.optimizer.SGD.learning_rate={keras}")
    for name, array in kept_weights("keras").items():
        if name.startswith("weights/"):
            np.testing.assert_allclose(kept_weights("ours")[name], array, rtol=1e-6)


def test_a_run_that_stopped_in_its_warmup_goes_on_exactly():
    train("whole", "train.warmup_epochs=4")
    train("parts", "train.warmup_epochs=4", "callbacks=[{EarlyStopping: {monitor: loss, patience: 0, min_delta: 99}}]")
    stopped = len(train("again", "train.warmup_epochs=4", "train.epochs=5").history.rows)
    assert stopped == 5
    resume_run(Path("again"), TrainOptions(verbose="0"), epochs=6)
    for name, array in kept_weights("whole").items():
        np.testing.assert_array_equal(kept_weights("again")[name], array)


def test_a_callback_may_set_the_rate_while_it_warms_up():
    halves = "callbacks=[{ReduceLROnPlateau: {monitor: loss, patience: 0, min_delta: 99, factor: 0.5}}]"
    found = rates(train("here", "train.warmup_epochs=4", halves))
    # A row has the rate before the callbacks of its epoch, which halve it from the second on; the warmup goes on rising.
    assert found == pytest.approx([0.1, 0.2, 0.3 / 2, 0.4 / 4, 0.4 / 8, 0.4 / 16])


def test_lengths_in_epochs_and_shares_are_those_of_the_training():
    schedule = "{PiecewiseConstantDecay: {boundaries: [{epochs: 2}, {share: 0.5}], values: [0.4, 0.2, 0.1]}}"
    run = train("here", f"compile.optimizer.SGD.learning_rate={schedule}")
    assert rates(run) == [0.4, 0.4, 0.2, 0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.warmup_epochs=6"], r"train.warmup_epochs must be less than the epochs that are trained, 6 .*got 6"),
        (["train.warmup_epochs=-1"], "train.warmup_epochs must be at least 0"),
        (
            ["train=[{epochs: 2}, {epochs: 2, warmup_epochs: 1}]"],
            r"train\[1\]\.warmup_epochs can be given in the first stage alone",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(overrides, message):
    with pytest.raises(ExperimentError, match=message):
        load_experiment(Path("e.yaml"), overrides)


def test_a_generator_without_an_end_needs_steps(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\ndef batches():\n    while True:\n        yield np.ones((4, 4), 'float32'), np.zeros(4)\n"
    )
    endless = ["data.train={python: {function: 'mine:batches'}}", "train.mode=fit_generator", "train.warmup_epochs=2"]
    with pytest.raises(ExperimentError, match=r"warmup_epochs needs to know how many batches .*train.steps_per_epoch"):
        train("here", *endless)
    assert rates(train("there", *endless, "train.steps_per_epoch=3"))[:3] == pytest.approx([0.2, 0.4, 0.4])
