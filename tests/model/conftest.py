"""A small task that every test of the Python API can train on."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


@pytest.fixture
def y(x):
    return (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0.5)


@pytest.fixture
def make():
    """Makes a compiled classifier of three classes; arguments go to `compile`."""

    def made(seed=7, **arguments):
        layers = [{"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": 3, "activation": "softmax"}}]
        model = ft.Model(layers, input_shape=(4,), seed=seed, threads=1)
        model.compile(**{"optimizer": {"SGD": {"learning_rate": 0.1}}, "loss": "sparse_categorical_crossentropy", **arguments})
        return model

    return made


@pytest.fixture
def model(make):
    return make(metrics=["accuracy"])


@pytest.fixture
def make_two():
    """Makes a compiled network with a classifying and a regressing output; arguments go to `compile`."""

    def made(**arguments):
        model = ft.Model(
            [
                ft.layers.Dense(8, "tanh", name="trunk"),
                ft.layers.Dense(3, "softmax", name="kind", inputs="trunk"),
                ft.layers.Dense(2, name="size", inputs="trunk"),
            ],
            input_shape=(4,),
            outputs=["kind", "size"],
            threads=1,
        )
        losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
        model.compile(**{"optimizer": {"SGD": {"learning_rate": 0.1}}, "loss": losses, **arguments})
        return model

    return made


@pytest.fixture
def z(x):
    return x[:, :2] * 2
