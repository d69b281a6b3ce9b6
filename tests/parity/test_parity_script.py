"""A script as people type Keras gives the same shapes, names and keys with both."""

from __future__ import annotations

import numpy as np
import pytest
from model.keras_script import run_script


def facts(names):
    """What the script shows of itself: shapes, names, keys, kinds."""
    models = {name: names[name] for name in ("model", "double", "trunk", "head", "late", "restored")}
    return {
        "weights": {name: [array.shape for array in model.get_weights()] for name, model in models.items()},
        "layers": {name: [layer.__class__.__name__ for layer in each.layers] for name, each in models.items() if name != "head"},
        "parameters": {name: model.count_params() for name, model in models.items()},
        "trainable": {name: [array.shape for array in models[name].trainable_weights] for name in ("double", "trunk", "head")},
        "keys": [sorted(set(names[name].history) - {"learning_rate"}) for name in ("history", "both")],
        "epochs": [names[name].epoch for name in ("history", "both")],
        "results": [len(names["results"]), len(names["steps"][0]), np.ndim(names["number"]), sorted(names["named"])],
        "outputs": [names["probabilities"].shape, names["answers"].shape, names["model"].output_shape],
        "symbolic": [names["kind"].shape, names["x"].shape, names["trunk"].output.shape, names["model"].layers[0].output.shape],
        "trunk": np.array_equal(names["before"], names["trunk"].layers[1].get_weights()[0]),
    }


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")  # which most guides still do
def test_the_script_gives_the_same_shapes_names_and_keys(tmp_path, monkeypatch):
    found = []
    for library in ("keras", "fittool"):
        (tmp_path / library).mkdir()
        monkeypatch.chdir(tmp_path / library)
        found.append(facts(run_script(library)))
    theirs, ours = found
    kinds = {"InputLayer": "Input"}
    theirs["layers"] = {name: [kinds.get(kind, kind) for kind in each] for name, each in theirs["layers"].items()}
    assert ours == theirs
