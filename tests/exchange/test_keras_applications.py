"""Presets in Keras's layout against keras.applications with its own preprocessing: weights go over in a file."""

from __future__ import annotations

import os
import warnings
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittool.engines.numpy_engine import NumpyEngine
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.reading import read_weights
from fittool.nn.graph import Graph
from fittool.nn.presets import PRESETS

pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is not ours
    keras = pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy
CLASSES = 5
NETWORKS = [
    ("mobilenet_v2", "mobilenet_v2", "MobileNetV2"), ("efficientnet_b0", "efficientnet", "EfficientNetB0"),
    ("resnet50", "resnet50", "ResNet50"), pytest.param("vgg16", "vgg16", "VGG16", marks=pytest.mark.long),
]  # fmt: skip


MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def drawn(layer: Any, chance: np.random.Generator) -> list[Any]:
    """Weights of a layer that keep what comes in at its size, so that a difference at the entry shows at the end."""
    arrays = layer.get_weights()
    if isinstance(layer, keras.layers.Normalization):
        return [MEAN, DEVIATION**2, arrays[2]]  # as in the published weights
    if isinstance(layer, keras.layers.BatchNormalization):
        of_ones, of_zeros = partial(chance.uniform, 0.5, 1.5), partial(chance.normal, 0, 0.1)
        return [draw(array.shape) for draw, array in zip((of_ones, of_zeros, of_zeros, of_ones), arrays, strict=True)]
    inputs = [9 if isinstance(layer, keras.layers.DepthwiseConv2D) else array[..., 0].size for array in arrays]
    return [
        chance.normal(0, np.sqrt(2 / count) if array.ndim > 1 else 0.1, array.shape)
        for array, count in zip(arrays, inputs, strict=True)
    ]


def draw_weights(model: Any) -> None:
    chance = np.random.default_rng(2)
    for layer in model.layers:
        if layer.get_weights():
            layer.set_weights(drawn(layer, chance))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


@pytest.mark.parametrize(("preset", "module", "name"), NETWORKS)
def test_presets_compute_what_keras_does(preset: str, module: str, name: str, tmp_path: Path) -> None:
    applications = import_module(f"keras.applications.{module}")
    model = getattr(applications, name)(weights=None, input_shape=(64, 64, 3), classes=CLASSES, classifier_activation=None)
    draw_weights(model)
    model.save_weights(tmp_path / "net.weights.h5")
    parsed: Any = PRESETS.parse({preset: {"layout": "keras"}})
    graph = Graph.build(parsed.expand(CLASSES, "linear"), {"x": (64, 64, 3)})
    assigned = assign(read_weights(tmp_path / "net.weights.h5"), graph, parsed)
    assert assigned.missing == ()
    engine = NumpyEngine(graph, threads=1, weights=assigned.weights)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    expected = model.predict(applications.preprocess_input(images.astype(np.float32)), verbose=0)
    other = model.predict(applications.preprocess_input(images[..., ::-1].astype(np.float32)), verbose=0)
    scale = np.abs(expected).max()
    assert np.abs(other - expected).max() > 1e-2 * scale, "the outputs do not depend on what comes in"
    (found,) = engine.predict_step((images,))
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)
