"""Files of Keras 2, which lie beside in both of its forms with what they predict; no Keras is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fittool as ft
from fittool.exchange.incoming.foreign import ForeignModel
from fittool.exchange.incoming.reading import read_model, read_weights

pytest.importorskip("h5py")
FOLDER = Path(__file__).parent / "keras2"
NAMES = ["image", "chain", "steps", "nested"]


def model_of(read: ForeignModel) -> ft.Model:
    """A model with the layers and weights that were read."""
    model = ft.Model(read.layers, input_shape=read.inputs, outputs=list(read.outputs))
    model.network.load({f"weights/{name}": array for name, array in read.weights.items()})
    return model


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_keras_2_predicts_as_it_did(name: str, ending: str) -> None:
    model = model_of(read_model(FOLDER / f"{name}.{ending}"))
    with np.load(FOLDER / f"{name}.npz") as kept:
        found = model.predict(kept["x"])
        for number, one in enumerate(found if isinstance(found, list) else [found]):
            np.testing.assert_allclose(one, kept[f"y{number}"], atol=1e-5)


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_the_training_part_comes_along(ending: str) -> None:
    read = read_model(FOLDER / f"nested.{ending}")
    assert read.training is not None
    assert read.training["loss"] == {"kind": "sparse_categorical_crossentropy", "amount": "mse"}
    assert read.training["metrics"] in [{"kind": ["accuracy"], "amount": [name]} for name in ("mae", "mean_absolute_error")]


@pytest.mark.parametrize("ending", ["h5", "keras", "weights.h5"])
def test_weights_alone_come_under_the_names_of_their_layers(ending: str) -> None:
    read = read_weights(FOLDER / f"chain.{ending}")
    assert read.form == "keras"
    assert sorted(len(parts) for parts in read.layers.values()) == [1, 2, 2, 3]
