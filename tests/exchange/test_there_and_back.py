"""What leaves as a `.keras` file comes back through fittool's own reader, with neither Keras nor another framework between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exchange.networks import CASES, SEQUENCE, Case, build, distance, inputs_of, outputs_of

from fittool.exchange.incoming.reading import read_model
from fittool.exchange.keras_format.model import write_keras
from fittool.nn.activations import ACTIVATIONS
from fittool.nn.graph import Graph

pytest.importorskip("h5py")

NOT_IN_KERAS = ("activation layers", "standardization", "whitening")


def check(case: Case, folder) -> None:
    network = build(case)
    (folder / "net.keras").write_bytes(write_keras(network))
    read = read_model(folder / "net.keras")
    graph = Graph.build(read.layers, read.inputs, list(read.outputs))
    back = replace(network, graph=graph, weights={name: np.asarray(array, np.float32) for name, array in read.weights.items()})
    arrays = inputs_of(case, 3)
    for found, expected in zip(outputs_of(back, arrays), outputs_of(network, arrays), strict=True):
        assert distance(found, expected) < 1e-6


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items() if name not in NOT_IN_KERAS])
def test_layers_come_back(case, tmp_path):
    check(case, tmp_path)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "sparsemax"])
def test_activations_come_back(name, tmp_path):
    check(Case([{"Activation": {"activation": name}}, {"Dense": {"units": 5, "activation": name}}], SEQUENCE), tmp_path)
