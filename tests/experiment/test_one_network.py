"""One network object: callbacks, loops, evaluate and predict see the same in Python and in an experiment."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from experiment.part_two import trained, written
from training.fake_engine import FakeEngine

import fittool as ft
from fittool.data.user_code.functions import load_function
from fittool.engines.base import ALL_KINDS, StateKind
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.registry import FACTORIES
from fittool.engines.settings import Numpy
from fittool.engines.state import State
from fittool.experiment.evaluate import evaluate
from fittool.experiment.trained_run import open_trained

WATCHER = """
import fittool as ft
import numpy as np

class Watcher(ft.callbacks.Callback):
    def __init__(self, seen):
        self.seen = seen

    def on_epoch_end(self, epoch, logs=None):
        model = self.model
        self.seen.append({
            "type": type(model),
            "weights": [(array.shape, array.dtype.name) for array in model.get_weights()],
            "optimizer": (model.optimizer.learning_rate, model.optimizer.beta_1, model.optimizer.iterations),
            "names": model.metrics_names,
            "layers": [layer.public_name() for layer in model.layers],
            "outputs": model.predict(np.ones((2, 3), np.float32)).tolist(),
            "parameters": model.count_params(),
        })

SEEN = []

class Kept(Watcher):
    def __init__(self):
        super().__init__(SEEN)
        np.seen_by_the_test = SEEN
"""
LAYERS = [{"Dense": {"units": 4, "activation": "tanh", "name": "first"}}, {"Dense": {"units": 2, "activation": "softmax"}}]
ADAM = "{Adam: {learning_rate: 0.01}}"


def test_a_callback_sees_the_same_model_in_python_and_in_an_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "watching.py").write_text(WATCHER)
    monkeypatch.setattr(np, "seen_by_the_test", None, raising=False)
    callbacks = "callbacks: [{python: {class: 'watching:Kept'}}]"
    path = written(tmp_path, "{mode: fit, batch_size: 8, epochs: 2}", callbacks, optimizer=ADAM)
    trained(path)
    in_experiment = np.seen_by_the_test  # type: ignore[attr-defined]

    in_python: list[Any] = []
    numbers = np.load(tmp_path / "numbers.npz")
    model = ft.Model(LAYERS, input_shape=(3,), seed=3)
    model.compile(optimizer={"Adam": {"learning_rate": 0.01}}, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    watcher = load_function("watching:Watcher", tmp_path)(in_python)
    model.fit(numbers["x"], numbers["y"], batch_size=8, epochs=2, verbose=0, callbacks=[watcher])
    assert len(in_experiment) == 2
    assert in_experiment == in_python
    assert in_experiment[0]["type"] is ft.Model


def counting(monkeypatch: pytest.MonkeyPatch) -> list[StateKind]:
    """The kinds of state that NumPy engines copy from now on."""
    copies: list[StateKind] = []
    copy = NumpyEngine.state

    def counted(self: NumpyEngine, kinds: Collection[StateKind] = ALL_KINDS) -> State:
        copies.extend(kinds)
        return copy(self, kinds)

    monkeypatch.setattr(NumpyEngine, "state", counted)
    return copies


LOOP = """
def loop(model, batches, epoch):
    for x, y in batches:
        model.train_on_batch(x, y)
        model.optimizer.iterations, model.optimizer.learning_rate
"""


@pytest.mark.parametrize("batch_size", [24, 2])
def test_a_loop_copies_no_weights_however_many_steps_it_does(
    batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(LOOP)
    train = f"{{mode: train_on_batch, loop: 'mine:loop', batch_size: {batch_size}, epochs: 2}}"
    copies = counting(monkeypatch)
    trained(written(tmp_path, train))
    # The checkpoints behind both epochs; then, once, whether the training ends with other weights than it stands at.
    assert copies == [*ALL_KINDS, *ALL_KINDS, "weights", "weights"]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeEngine]:
    """Every engine that is made from now on; none of them computes."""
    made: list[FakeEngine] = []

    def make(setting: Any, graph: Any, **options: Any) -> FakeEngine:
        made.append(FakeEngine(losses=(0.5, 0.4, 0.3), graph=graph))
        return made[-1]

    monkeypatch.setitem(FACTORIES, Numpy, make)
    return made


def test_another_engine_trains_stages_and_an_experiment_evaluates_with_it(tmp_path: Path, fakes: list[FakeEngine]) -> None:
    stages = "[{mode: fit, batch_size: 8, epochs: 1, trainable: last}, {mode: fit, batch_size: 8, epochs: 1}]"
    run = trained(written(tmp_path, stages))
    assert [row["loss"] for row in run.history.rows] == pytest.approx([0.4, 0.3])
    assert [[node.layer.trainable for node in graph.nodes] for graph in fakes[0].graphs] == [
        [True, True],
        [False, True],
        [True, True],
    ]
    assert fakes[0].closed

    values = evaluate(open_trained(run.directory), on="train", views=1)
    assert values["loss"] == pytest.approx(fakes[-1].val_losses[0])
    assert len(fakes[-1].tested) == 3  # its own forward steps, one for each batch
    assert len(fakes) == 2


def test_another_engine_is_trained_by_a_loop(tmp_path: Path, fakes: list[FakeEngine]) -> None:
    (tmp_path / "mine.py").write_text(LOOP)
    run = trained(written(tmp_path, "{mode: train_on_batch, loop: 'mine:loop', batch_size: 8, epochs: 2}"))
    assert [row["loss"] for row in run.history.rows] == pytest.approx([0.4, 0.3])
    assert fakes[0].iterations == 6


def test_another_engine_is_asked_for_several_views(tmp_path: Path, fakes: list[FakeEngine]) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (8, 6, 6, 1), dtype=np.uint8)
    np.savez(tmp_path / "pictures.npz", x=pictures, y=np.arange(8) % 2)
    (tmp_path / "e.yaml").write_text(PICTURES)
    run = trained(tmp_path / "e.yaml")
    values = evaluate(open_trained(run.directory), on="train", views=3)
    assert fakes[-1].predicted == 3 * 2  # views × batches
    assert values["loss"] == pytest.approx(fakes[-1].weight)


PICTURES = """
data: {train: {npz: {path: pictures.npz}}}
augmentation: {rotation_range: 30}
model: {layers: [Flatten, {Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy}
train: {mode: fit_generator, batch_size: 4, epochs: 1}
"""
