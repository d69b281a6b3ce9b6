"""An experiment whose network has several outputs, with a loss, metrics and a weight for each."""

from __future__ import annotations

import pytest

import fittool as ft
from fittool.errors import ExperimentError

BATCHES = """
import numpy as np

def batches():
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    for _ in range(2):
        yield x, ((x[:, 0] > 0).astype("int64"), x[:, 1:3]), np.linspace(0, 1, 16)
"""
EXPERIMENT = """
name: two
data: {train: {python: {function: "batches:batches", samples: 32}}}
model:
  layers:
    - Dense: {units: 8, name: trunk}
    - Dense: {units: 2, activation: softmax, name: kind, inputs: trunk}
    - Dense: {units: 2, name: size, inputs: trunk}
  outputs: [kind, size]
compile:
  loss: {kind: sparse_categorical_crossentropy, size: {Huber: {delta: 2}}}
  loss_weights: {kind: 1.0, size: 0.5}
  metrics: {kind: [accuracy]}
  weighted_metrics: {size: [mae]}
train: {mode: fit_generator, epochs: 2}
callbacks: [{EarlyStopping: {monitor: kind_accuracy}}]
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITTOOL_VERBOSE", "0")
    (tmp_path / "batches.py").write_text(BATCHES)

    def loaded(text=EXPERIMENT):
        (tmp_path / "two.yaml").write_text(text)
        return ft.load_experiment(tmp_path / "two.yaml")

    return loaded


def test_it_trains_and_its_best_checkpoint_is_a_model(load):
    run = ft.train(load())
    row = run.history.rows[0]
    assert {"loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae"} <= set(row)
    assert row["loss"] == pytest.approx(row["kind_loss"] + 0.5 * row["size_loss"])
    assert ft.load_model(run.directory / "checkpoints" / "best.safetensors").graph.outputs == ("kind", "size")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("metrics: {kind: [accuracy]}", "metrics: {kid: [accuracy]}", "metrics names kid, .*Did you mean kind"),
        ("{Huber: {delta: 2}}", "{Huber: {delta: -2}}", r"compile\.loss\.size\.Huber\.delta must be greater than 0"),
        ("monitor: kind_accuracy", "monitor: kind_acuracy", "Did you mean kind_accuracy"),
        ("outputs: [kind, size]", "outputs: [kind, sise]", "no layer is called that. Did you mean size"),
    ],
)
def test_mistakes_are_told(load, old, new, text):
    with pytest.raises(ExperimentError, match=text):
        ft.train(load(EXPERIMENT.replace(old, new)))
