from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from fittool import layers
from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.aids.few_batches import without_dropout
from fittool.experiment.aids.overfit import overrides_for, verdict_of
from fittool.experiment.building.prepare import prepare
from fittool.experiment.options import TrainOptions
from fittool.experiment.train import resume_run, train_experiment

ENGINES = ["numpy", *(["torch"] if find_spec("torch") else [])]
TEXT = """\
name: small
data: {train: {npz: {path: data.npz}}}
augmentation: {rescale: 1/255, rotation_range: 40, width_shift_range: 0.3}
model: {layers: [Flatten, {Dense: {units: 32, activation: relu}}, {Dropout: 0.5}, {Dense: {units: 3, activation: softmax}}]}
compile: {optimizer: {Adam: {learning_rate: 0.01}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 2, batch_size: 16, validation_split: 0.25, view_metrics: false}
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    np.savez("data.npz", x=chance.integers(0, 256, (200, 5, 5, 1), dtype=np.uint8), y=chance.integers(0, 3, 200))
    Path("e.yaml").write_text(TEXT)
    return Path("e.yaml")


def loaded(batches, *more):
    plain = load_experiment(Path("e.yaml"), list(more))
    return load_experiment(Path("e.yaml"), [*more, *overrides_for(plain.experiment, batches)])


def train(directory, batches, *more):
    return train_experiment(loaded(batches, *more), TrainOptions(Path(directory), verbose="2"))


def batches_of(loader, count, start=0):
    found = list(islice(loader.batches(start), count))
    return [(batch.inputs[0], batch.targets[0]) for batch in found]


def test_the_batches_are_the_first_of_the_training_and_always_the_same():
    few, whole = prepare(loaded(2)), prepare(load_experiment(Path("e.yaml"), ["~augmentation"]))
    (first, second), again = batches_of(few.train_loader(), 2), batches_of(few.train_loader(), 2, start=14)
    for ours, theirs, later in zip((first, second), batches_of(whole.train_loader(), 2), again, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_array_equal(ours[0], later[0])
    measured = batches_of(few.validation_loader(), 2)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in measured]), np.concatenate([first[0], second[0]]))


def test_nothing_is_dropped_but_images_are_rescaled_as_ever():
    few, whole = prepare(loaded(2)), prepare(load_experiment(Path("e.yaml"), []))
    assert not few.graph.is_random and whole.graph.is_random
    assert [node.name for node in few.graph.nodes] == [node.name for node in whole.graph.nodes]
    assert few.graph.nodes[0].layer == whole.graph.nodes[0].layer


@pytest.mark.parametrize(
    ("layer", "clean"),
    [
        (layers.Dropout(0.5), layers.Dropout(0.0)),
        (layers.SpatialDropout2D(0.5), layers.SpatialDropout2D(0.0)),
        (layers.GaussianNoise(0.5), layers.GaussianNoise(0.0)),
        (layers.LSTM(3, dropout=0.5, recurrent_dropout=0.25), layers.LSTM(3)),
        (layers.Bidirectional(layers.GRU(3, dropout=0.5)), layers.Bidirectional(layers.GRU(3))),
        (layers.MultiHeadAttention(2, 4, dropout=0.1), layers.MultiHeadAttention(2, 4)),
        (layers.Dense(3, activation="relu"), layers.Dense(3, activation="relu")),
    ],
    ids=str,
)
def test_layers_without_dropout(layer, clean):
    assert without_dropout(layer) == clean


@pytest.mark.parametrize("engine", ENGINES)
def test_random_labels_are_learnt_by_heart_and_training_ends_then(engine):
    run = train("here", 2, f"engine={engine}")
    assert run.history.rows[-1]["val_accuracy"] == 1
    assert run.outcome.reason == "stopped" and len(run.history.rows) < 250
    assert "overfit: the 2 batches were learnt by heart in" in Path("here/run.log").read_text()


def test_what_cannot_be_learnt_is_told_with_what_to_look_at():
    np.savez("data.npz", x=np.zeros((200, 5, 5, 1), np.uint8), y=np.arange(200) % 3)
    run = train("here", 1, "compile.optimizer={Adam: {learning_rate: 0.01}}")
    assert (run.outcome.reason, len(run.history.rows)) == ("completed", 500)
    log = Path("here/run.log").read_text()
    assert "overfit: the batch was not learnt by heart in 500 steps: val_accuracy 0." in log
    assert "fittool lr-find e.yaml" in log


def test_numbers_are_learnt_once_the_loss_is_a_hundredth():
    chance = np.random.default_rng(1)
    np.savez("data.npz", x=chance.normal(size=(40, 4)).astype(np.float32), y=chance.normal(size=40).astype(np.float32))
    layers_ = "[{Dense: {units: 64, activation: relu}}, {Dense: {units: 1}}]"
    more = (
        "~augmentation",
        "train.mode=fit",
        f"model.layers={layers_}",
        "compile={loss: mse, optimizer: {Adam: {learning_rate: 0.01}}}",
    )
    rows = train("here", 1, *more).history.rows
    assert rows[-1]["val_loss"] <= 0.01 * rows[0]["val_loss"] < rows[-2]["val_loss"]


def test_an_interrupted_attempt_goes_on_with_the_same_batches():
    whole = train("whole", 2)
    with pytest.raises(Exception, match="time"):
        train_experiment(loaded(2), TrainOptions(Path("parts"), verbose="0", timeout=1e-3))
    parts = resume_run(Path("parts"), TrainOptions(verbose="0"))
    assert [row["val_loss"] for row in parts.history.rows] == [row["val_loss"] for row in whole.history.rows]


def test_a_users_function_gives_its_own_batches(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\ndef endless():\n    chance = np.random.default_rng(3)\n    while True:\n"
        "        yield chance.random((6, 5, 5, 1)).astype('float32'), chance.integers(0, 3, 6)\n"
    )
    python = [
        "data.train={python: {function: 'mine:endless'}}",
        "train={mode: fit_generator, epochs: 3, steps_per_epoch: 9}",
        "~augmentation",
    ]
    prepared = prepare(loaded(3, *python))
    assert [len(x) for x, _ in batches_of(prepared.train_loader(), 6)] == [6] * 6
    assert prepared.train_loader().steps_per_pass == 3
    assert train("here", 3, *python).history.rows[-1]["val_accuracy"] == 1


def test_more_batches_than_there_are_is_all_of_them():
    assert prepare(loaded(1000)).train_loader().steps_per_pass == 10


def test_of_stages_the_first_is_tried_without_its_callbacks():
    stages = "[{epochs: 2, batch_size: 16, callbacks: [TerminateOnNaN]}, {epochs: 3}]"
    experiment = loaded(2, f"train={stages}", "~augmentation").experiment
    assert len(experiment.stages) == 1
    assert (experiment.first.overfit_batches, experiment.first.epochs, experiment.callbacks_of(experiment.first)) == (2, 250, [])


def test_a_later_stage_cannot_ask_for_it():
    with pytest.raises(ExperimentError, match=r"train\[1\].overfit_batches can be given in the first stage alone"):
        load_experiment(Path("e.yaml"), ["train=[{epochs: 2}, {epochs: 2, overfit_batches: 1}]", "~augmentation"])


def test_values_that_nobody_measured_have_no_verdict():
    assert verdict_of([{"epoch": 1, "loss": 0.1}], 10, 1, "e.yaml") is None
