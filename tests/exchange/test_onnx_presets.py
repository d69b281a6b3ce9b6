"""Every preset in onnxruntime against fittool's own engine."""

from __future__ import annotations

import pytest
from exchange.networks import distance, outputs_of
from exchange.preset_networks import SMALL, TABLES, preset_network

from fittool.exchange.onnx_format.model import write_onnx
from fittool.nn.presets import PRESETS

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.long) for name in PRESETS.members]
)
def test_presets_compute_the_same(name, fold):
    network, arrays = preset_network(name, (1, 7, 64) if name in SMALL else (1, 3))
    session = onnxruntime.InferenceSession(write_onnx(network, fold=fold).content, providers=["CPUExecutionProvider"])
    for given in arrays:
        (found,), (expected,) = session.run(None, {"input": given}), outputs_of(network, (given,))
        assert distance(found, expected) < 1e-5


def test_there_are_presets_for_tables():
    assert set(TABLES) < set(SMALL) < set(PRESETS.members)
