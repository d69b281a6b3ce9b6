"""Every preset in onnxruntime against fittool's own engine."""

from __future__ import annotations

import pytest
from exchange.networks import distance, outputs_of
from exchange.preset_networks import SMALL, TABLES, preset_network

from fittool.exchange.onnx_format.model import write_onnx
from fittool.nn.presets import PRESETS

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def cases():
    """Each preset, and once more where there are normalizations to fold; those with millions of weights take long."""
    for name in PRESETS.members:
        for fold in (False,) if name.startswith("vit") else (False, True):
            yield pytest.param(name, fold, marks=[] if name in SMALL else pytest.mark.long)


@pytest.mark.parametrize(("name", "fold"), list(cases()))
def test_presets_compute_the_same(name, fold):
    network, arrays = preset_network(name, (1, 7, 64) if name in SMALL else (2,))
    session = onnxruntime.InferenceSession(write_onnx(network, fold=fold).content, providers=["CPUExecutionProvider"])
    for given in arrays:
        (found,), (expected,) = session.run(None, {"input": given}), outputs_of(network, (given,))
        assert distance(found, expected) < 1e-5


def test_there_are_presets_for_tables():
    assert set(TABLES) < set(SMALL) < set(PRESETS.members)
