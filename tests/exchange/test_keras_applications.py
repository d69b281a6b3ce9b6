"""Presets in Keras's layout against keras.applications with its own preprocessing: weights go over in a file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.torch_pair import both_engines

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.reading import read_weights
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD
from fittool.nn.presets import PRESETS

pytest.importorskip("h5py")
os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says while it is imported is not ours
    keras = pytest.importorskip("keras")
    pytest.importorskip(os.environ["KERAS_BACKEND"])

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras with NumPy
CLASSES, SIDE = 5, 64
NETWORKS = [
    ("mobilenet_v2", "mobilenet_v2", "MobileNetV2"), ("efficientnet_b0", "efficientnet", "EfficientNetB0"),
    ("resnet50", "resnet50", "ResNet50"), pytest.param("vgg16", "vgg16", "VGG16", marks=pytest.mark.long),
]  # fmt: skip
DERIVED = [
    NETWORKS[0], *(pytest.param(*one, marks=pytest.mark.long) for one in (*NETWORKS[1:3], ("vgg16", "vgg16", "VGG16"))),
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


def network_of(module: str, name: str) -> Any:
    """A network of keras.applications with weights drawn at random."""
    make = getattr(import_module(f"keras.applications.{module}"), name)
    model = make(weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES, classifier_activation=None)
    draw_weights(model)
    return model


def preset_of(name: str, **changes: dict[str, Any]) -> tuple[Any, Graph]:
    """A preset in Keras's layout and its network, in which layers of some kinds have other arguments."""
    parsed: Any = PRESETS.parse({name: {"layout": "keras"}})
    layers = [replace(layer, **changes.get(layer.public_name(), {})) for layer in parsed.expand(CLASSES, "linear")]
    return parsed, Graph.build(layers, {"x": (SIDE, SIDE, 3)})


def moved(model: Any, parsed: Any, graph: Graph, file: Path) -> dict[str, Any]:
    """The weights of a network under the names of a preset's."""
    model.save_weights(file)
    assigned = assign(read_weights(file), graph, parsed)
    assert assigned.missing == ()
    return dict(assigned.weights)


@pytest.mark.parametrize(("preset", "module", "name"), NETWORKS)
def test_presets_compute_what_keras_does(preset: str, module: str, name: str, tmp_path: Path) -> None:
    applications, model = import_module(f"keras.applications.{module}"), network_of(module, name)
    parsed, graph = preset_of(preset)
    engine = NumpyEngine(graph, threads=1, weights=moved(model, parsed, graph, tmp_path / "net.weights.h5"))
    images = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
    expected = model.predict(applications.preprocess_input(images.astype(np.float32)), verbose=0)
    other = model.predict(applications.preprocess_input(images[..., ::-1].astype(np.float32)), verbose=0)
    scale = np.abs(expected).max()
    assert np.abs(other - expected).max() > 1e-2 * scale, "the outputs do not depend on what comes in"
    (found,) = engine.predict_step((images,))
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras computes in float64: in float32 a number rounded to the other side of 0 takes the gradient of a ReLU with it.

    It knows no float64 among its types to compute with, so its BatchNormalization would go down to float32.
    """
    policy = keras.config.dtype_policy()
    monkeypatch.setattr("keras.src.layers.normalization.batch_normalization.backend.result_type", lambda *dtypes: "float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(policy)


def gradients(model: Any, inputs: Any, targets: Any, training: bool) -> list[Any]:
    """Of the mean squared error, in the order of `trainable_weights`."""
    import torch

    output = model(torch.from_numpy(np.ascontiguousarray(inputs)), training=training)
    loss = torch.nn.functional.mse_loss(output, torch.from_numpy(targets))
    return [slope.numpy() for slope in torch.autograd.grad(loss, [weight.value for weight in model.trainable_weights])]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="derivatives are PyTorch's")
@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("training", [False, True], ids=["still", "training"])
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("preset", "module", "name"), DERIVED)
@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_keras(preset: str, module: str, name: str, training: bool, engine: str, tmp_path: Path) -> None:
    """With normalizations by the batch all weights learn; by moving averages, those that are no normalization's."""
    model = network_of(module, name)
    for weight in model.weights:
        weight.assign(np.float64(np.float32(weight.numpy())))  # as files hold them
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    parsed, graph = preset_of(preset, Dropout={"rate": 0.0}, BatchNormalization={"trainable": training})
    assert sum(weight.numpy().size for weight in model.trainable_weights) == preset_of(preset)[1].trainable_count
    options: dict[str, Any] = {
        "weights": moved(model, parsed, graph, tmp_path / "net.weights.h5"),
        "loss": MeanSquaredError(), "target_shape": (CLASSES,), "optimizer": SGD(1.0),
    }  # fmt: skip
    chance = np.random.default_rng(0)
    images, targets = chance.integers(0, 256, (4, SIDE, SIDE, 3)), chance.normal(size=(4, CLASSES))
    entering = import_module(f"keras.applications.{module}").preprocess_input(images.astype(np.float64))
    slopes = gradients(model, entering, targets, training)
    for weight, slope in zip(model.trainable_weights, slopes, strict=True):
        weight.assign(slope)
    expected = moved(model, parsed, graph, tmp_path / "slopes.weights.h5")
    stepping = NumpyEngine(graph, threads=1, dtype=np.float64, **options) if engine == "numpy" else None
    stepping = both_engines(graph, single=False, **options)[1] if stepping is None else stepping
    before = stepping.state()
    stepping.train_step(Batch((images.astype(np.uint8),), (targets,)))
    after = stepping.state()
    # A shift that the next normalization takes out again has a gradient of nothing but rounding.
    rounding = 1e-9 * max(np.abs(slope).max() for slope in slopes)
    for weight, parameter in graph.weights():
        if parameter.trainable:
            found, wanted = before[f"weights/{weight}"] - after[f"weights/{weight}"], expected[weight]
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3 * np.abs(wanted).max() + rounding, err_msg=weight)
