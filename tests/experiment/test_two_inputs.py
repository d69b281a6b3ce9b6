"""Pictures and numbers together: one table, two inputs, one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittool as ft

EXPERIMENT = """
data:
  train: {csv: {path: table.csv, image: file, features: [height, weight], label: kind}}
  image: {size: [6, 6], color_mode: grayscale}
augmentation: {horizontal_flip: true}
model:
  layers:
    - Rescaling: {scale: 1/255, inputs: [image]}
    - Flatten
    - Dense: {units: 4, activation: relu, name: seen}
    - Dense: {units: 4, activation: relu, inputs: [features], name: measured}
    - Concatenate: {inputs: [seen, measured]}
    - Dense: {units: 2, activation: softmax}
compile: {optimizer: {Adam: {learning_rate: 0.03}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: 30, batch_size: 8, validation_split: 0.25, workers: 1, verbose: 0, view_metrics: false}
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty animals: a picture says nothing, the numbers beside it say what it is."""
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(0)
    rows = ["file,height,weight,kind"]
    for number in range(40):
        Image.fromarray(chance.integers(0, 256, (6, 6), np.uint8)).save(f"{number}.png")
        tall = number % 2
        rows.append(f"{number}.png,{tall + chance.normal(0, 0.1):.3f},{1 - tall:.1f},{'owl' if tall else 'cat'}")
    Path("table.csv").write_text("\n".join(rows) + "\n")
    Path("e.yaml").write_text(EXPERIMENT)
    return tmp_path / "e.yaml"


def test_a_network_learns_from_both_inputs(experiment: Path):
    run = ft.train(ft.load_experiment(str(experiment)))
    assert run.values["val_accuracy"] == 1.0


def test_both_modes_give_the_same_weights(experiment: Path):
    losses = []
    for mode in ("fit", "fit_generator"):
        loaded = ft.load_experiment(
            str(experiment), overrides=[f"train.mode={mode}", "~augmentation", "train.epochs=2", "~train.workers"]
        )
        losses.append([row["loss"] for row in ft.train(loaded).history.rows])
    assert losses[0] == losses[1]


def test_a_bad_picture_takes_its_numbers_with_it(experiment: Path):
    Path("3.png").write_bytes(b"no picture")
    loaded = ft.load_experiment(str(experiment), overrides=["data.on_bad_file=skip", "train.epochs=1"])
    from fittool.experiment.building.data import open_data

    data = open_data(loaded).train
    numbers = data.load(np.arange(4))[0][1]
    assert numbers[:, 1].tolist() == [1, 0, 1, 1]
