"""Every layer in real Keras, loaded from the file that fittool writes, against fittool's own engine."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from exchange.networks import CASES, OWN_CASES, SEQUENCE, Case, build, distance, inputs_of, outputs_of
from exchange.preset_networks import preset_network

from fittool.exchange.keras_format.model import write_keras
from fittool.exchange.trained_network import ExportError
from fittool.nn.activations import ACTIVATIONS

pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is not ours
    keras = pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy

NOT_IN_KERAS = ("activation layers", "standardization", "whitening")
"""An approximate gelu and statistics of each picture, which are no layers there."""


UNEVEN = ("average pooling", "pooling 1d", "pooling 3d")
"""Keras on PyTorch counts repeated rows at an uneven edge; on JAX it leaves out what lies outside, as documented."""


def load(network, tmp_path):
    path = tmp_path / "net.keras"
    path.write_bytes(write_keras(network))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.saving.load_model(path)


def check(case: Case, tmp_path) -> None:
    network = build(case)
    model = load(network, tmp_path)
    for count in (1, 7):
        arrays = inputs_of(case, count)
        found = model.predict_on_batch(list(arrays) if len(arrays) > 1 else arrays[0])
        found = found if isinstance(found, list) else [found]
        for one, expected in zip(found, outputs_of(network, arrays), strict=True):
            assert distance(np.asarray(one), expected) < 1e-5


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items() if name not in NOT_IN_KERAS])
def test_layers_compute_the_same(case, tmp_path):
    if case in [CASES[name] for name in UNEVEN] and keras.backend.backend() == "torch":
        assert load(build(case), tmp_path).output_shape[1:] == build(case).graph.nodes[-1].output_shape
        return
    check(case, tmp_path)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "sparsemax"])
def test_activations_compute_the_same(name, tmp_path):
    check(Case([{"Activation": {"activation": name}}, {"Dense": {"units": 5, "activation": name}}], SEQUENCE), tmp_path)


@pytest.mark.parametrize("name", [*NOT_IN_KERAS, *OWN_CASES])
def test_what_keras_has_not_is_refused_by_name_and_place(name):
    with pytest.raises(ExportError, match=r'layer \d+ \(\w+ "\w+"\): Keras has no '):
        write_keras(build((CASES | OWN_CASES)[name]))


@pytest.mark.parametrize(
    "layer",
    [
        {"Activation": {"activation": "sparsemax"}},
        {"TimeDistributed": {"layer": {"Dense": {"units": 2, "activation": "sparsemax"}}}},
    ],
    ids=lambda layer: next(iter(layer)),
)
def test_what_keras_computes_otherwise_is_refused(layer):
    with pytest.raises(ExportError, match=r"layer 0 .*: Keras up to 3.15 computes something else by the name sparsemax"):
        write_keras(build(Case([layer], SEQUENCE)))


def test_weights_find_their_layers_whatever_their_order(tmp_path):
    layers = [
        {"Dense": {"units": 4, "name": "z", "inputs": "input"}}, {"Dense": {"units": 4, "name": "a", "inputs": "input"}},
        {"Dense": {"units": 4, "name": "m", "inputs": "a"}}, {"Add": {"inputs": ["m", "z"], "name": "sum"}},
        {"Dense": {"units": 2, "name": "left"}}, {"Dense": {"units": 2, "name": "right", "inputs": "z"}},
    ]  # fmt: skip
    check(Case(layers, {"input": (3,)}, ("right", "left")), tmp_path)


@pytest.mark.parametrize("name", ["simple_cnn", "mini_vgg", "resnet"])
def test_presets_compute_the_same(name, tmp_path):
    network, (given,) = preset_network(name, (3,))
    found = np.asarray(load(network, tmp_path).predict_on_batch(given))
    assert distance(found, outputs_of(network, (given,))[0]) < 1e-5


def test_equal_networks_give_equal_bytes():
    case = CASES["several inputs and outputs"]
    assert write_keras(build(case)) == write_keras(build(case))
