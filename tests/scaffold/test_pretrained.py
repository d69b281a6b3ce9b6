"""Experiments that start from the network of a run, whose layers are written out there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from fittool.config.experiment_file import load_experiment
from fittool.errors import UsageError
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.scaffold.new_experiment import write_experiment_for

HIDDEN = "{Rescaling: {scale: 1/255}}, Flatten, {Dense: {units: 4, activation: relu, name: hidden}}"
TEXT = """\
data: {{train: {{folder: {{path: old}}}}, image: {{size: [6, 5], color_mode: grayscale}}}}
model: {{layers: [{layers}]}}
compile: {{optimizer: adam, loss: sparse_categorical_crossentropy}}
train: {{epochs: 1, batch_size: 4, view_metrics: false}}
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pictures(folder: str, *classes: str) -> None:
    for number, name in enumerate(classes):
        Path(folder, name).mkdir(parents=True)
        for count in range(6):
            pixels = np.random.default_rng(10 * number + count).integers(0, 255, (9, 9), np.uint8)
            Image.fromarray(pixels).save(f"{folder}/{name}/{count}.png")


def started_from(layers: str) -> dict:
    """What is written for three classes after a training on two."""
    pictures("old", "cat", "dog")
    Path("old.yaml").write_text(TEXT.format(layers=layers))
    train_experiment(load_experiment("old.yaml"), TrainOptions(Path("run"), quiet=True))
    pictures("photos", "ant", "cat", "dog")
    write_experiment_for("photos", Path("new.yaml"), start=Path("run"))
    train_experiment(load_experiment("new.yaml"), TrainOptions(Path("second"), quiet=True, smoke=True))
    return yaml.safe_load(Path("new.yaml").read_text())


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("{Dense: {units: 2, activation: softmax}}", [{"Dense": {"units": 3, "activation": "softmax"}}]),
        ("{Dense: {units: 2}}, Softmax", [{"Dense": {"units": 3}}, {"Softmax": {}}]),
        ("{Dense: {units: 2}}, {Activation: softmax}", [{"Dense": {"units": 3}}, {"Activation": {"activation": "softmax"}}]),
    ],
    ids=["in one", "a layer of its own", "by its name"],
)
def test_the_last_layer_is_fitted_and_the_pictures_are_as_the_network_takes_them(last: str, expected: list) -> None:
    written = started_from(f"{HIDDEN}, {last}")
    assert written["model"]["layers"][3:] == expected
    assert written["model"]["layers"][2] == {"Dense": {"units": 4, "activation": "relu", "name": "hidden"}}
    assert written["data"]["image"] == {"size": [6, 5], "color_mode": "grayscale"}
    assert written["initial_weights"] == {"from": "run", "strict": False, "classes": "by_name"}


def test_a_network_that_ends_otherwise_is_refused() -> None:
    with pytest.raises(UsageError, match="does not end with a Dense layer for classes such as these"):
        started_from("{Conv2D: {filters: 2, kernel_size: 3}}, GlobalAveragePooling2D, Softmax")
