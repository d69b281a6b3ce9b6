"""Presets against the networks that they are named after: weights moved over, outputs and gradients compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.torch_pair import both_engines
from exchange.vision import normalized, pictures, timm_network, torchvision_network

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.exchange.incoming.foreign import ForeignWeights
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.state_dict import modules_of
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD
from fittool.nn.presets import PRESETS, Preset

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CLASSES = 7
SMALL = [
    # preset, network of torchvision, its arguments, side of the pictures
    ("mobilenet_v2", "mobilenet_v2", {}, 64),
    ("efficientnet_b0", "efficientnet_b0", {}, 64),
    ("resnet18", "resnet18", {}, 64),
    ("resnet34", "resnet34", {}, 32),
    ("resnet50", "resnet50", {}, 32),
    ({"vit_ti_16": {"input_size": 32, "depth": 3}}, "VisionTransformer", {
        "image_size": 32, "patch_size": 16, "num_layers": 3, "num_heads": 3, "hidden_dim": 192, "mlp_dim": 768,
    }, 32),
]  # fmt: skip
LARGE = [("vgg16", "vgg16", {}, 224), ("vit_b_16", "vit_b_16", {}, 224)]
TIMM = [
    ("mobilenet_v2", "mobilenetv2_100", 32), ("efficientnet_lite0", "tf_efficientnet_lite0", 64), ("resnet18", "resnet18", 32),
    ("efficientnet_b0", "efficientnet_b0", 32), ({"vit_ti_16": {"input_size": 32}}, "vit_tiny_patch16_224", 32),
]  # fmt: skip
COUNTS = [
    ("mobilenet_v2", 3_504_872), ("efficientnet_b0", 5_288_548), ("efficientnet_lite0", 4_652_008), ("resnet18", 11_689_512),
    ("resnet34", 21_797_672), ("resnet50", 25_557_032), ("vgg16", 138_357_544), ("vit_b_16", 86_567_656), 
    ("vit_s_16", 22_050_664), ("vit_ti_16", 5_717_416),
]  # fmt: skip


@pytest.mark.parametrize(("name", "count"), COUNTS)
def test_the_number_of_trainable_parameters_is_the_published_one(name: str, count: int) -> None:
    assert Graph.build(PRESETS.parse(name).expand(1000), {"x": (224, 224, 3)}).trainable_count == count


def moved(network: Any, preset: Preset, side: int) -> dict[str, Any]:
    """The weights of a module under the names of a preset's."""
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items() if not name.endswith("tracked")}
    return moved_arrays(arrays, preset, side)


def moved_arrays(arrays: dict[str, Any], preset: Preset, side: int) -> dict[str, Any]:
    """Arrays of a module, by its names, under the names of a preset's; each has a place, and each place one."""
    graph = Graph.build(preset.expand(CLASSES, "linear"), {"x": (side, side, 3)})
    assigned = assign(ForeignWeights(Path("network"), "torch", modules_of(arrays, Path("network"))), graph, preset)
    assert assigned.skipped == () and assigned.missing == ()
    return assigned.weights


def graph_of(preset: Preset, side: int) -> Graph:
    """A preset as in use: normalizations by their moving averages, no dropout, as the module in evaluation."""
    layers = [replace(layer, **_STILL.get(layer.public_name(), {})) for layer in preset.expand(CLASSES, "linear")]
    return Graph.build(layers, {"x": (side, side, 3)})


_STILL: dict[str, dict[str, Any]] = {"BatchNormalization": {"trainable": False}, "Dropout": {"rate": 0.0}}


def engine_of(name: str, graph: Graph, weights: Mapping[str, Any], *, single: bool) -> Any:
    """An engine whose step moves weights by their gradients alone."""
    options = {"weights": weights, "loss": MeanSquaredError(), "target_shape": (CLASSES,), "optimizer": SGD(1.0)}
    if name == "numpy":
        return NumpyEngine(graph, threads=1, dtype=np.float32 if single else np.float64, **options)
    return both_engines(graph, single=single, **options)[1]


def compare(network: Any, preset: Preset, side: int, engine: str, mean: Any = MEAN, deviation: Any = DEVIATION) -> None:
    """Hold a preset against a module: outputs within 1e-4, gradients within 1e-3 of the largest of each weight.

    Gradients are those of float64: in float32 a number that is rounded to the other side of 0 takes the gradient of a ReLU with
    it, in PyTorch as here.
    """
    graph, weights = graph_of(preset, side), moved(network, preset, side)
    images = pictures(3, side)
    output = network(normalized(images, mean, deviation)).detach().numpy()
    (found,) = engine_of(engine, graph, weights, single=True).predict_step((images,))
    np.testing.assert_allclose(found, output, rtol=1e-4, atol=1e-4 * np.abs(output).max())

    targets = np.random.default_rng(4).normal(size=(3, CLASSES))
    wanted = moved_gradients(network.double(), preset, side, normalized(images, mean, deviation), targets)
    trained = engine_of(engine, graph, weights, single=False)
    before = trained.state()
    trained.train_step(Batch((images,), (targets,)))
    after = trained.state()
    rounding = 1e-9 * max(float(np.abs(array).max()) for array in wanted.values())
    for name, parameter in graph.weights():
        if parameter.trainable:
            gradient = before[f"weights/{name}"] - after[f"weights/{name}"]
            limit = 1e-3 * np.abs(wanted[name]).max() + rounding
            np.testing.assert_allclose(gradient, wanted[name], rtol=0, atol=limit, err_msg=name)


def moved_gradients(network: Any, preset: Preset, side: int, images: Any, targets: Any) -> dict[str, Any]:
    """The gradients of a module's mean squared error, under the names of a preset's weights."""
    import torch

    torch.nn.functional.mse_loss(network(images.double()), torch.from_numpy(targets)).backward()
    gradients = {name: tensor.grad.numpy() for name, tensor in network.named_parameters()}
    others = {name: tensor.numpy() for name, tensor in network.named_buffers() if not name.endswith("tracked")}
    return moved_arrays(gradients | others, preset, side)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize(("preset", "name", "arguments", "side"), SMALL, ids=[case[1] for case in SMALL])
def test_presets_compute_what_torchvision_does(preset: Any, name: str, arguments: Any, side: int, engine: str) -> None:
    network = (
        torchvision_network("vision_transformer.VisionTransformer", num_classes=CLASSES, **arguments)
        if name == "VisionTransformer"
        else torchvision_network(name, num_classes=CLASSES, **arguments)
    )
    compare(network, PRESETS.parse(preset), side, engine)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize(("preset", "name", "arguments", "side"), LARGE, ids=[case[1] for case in LARGE])
def test_large_presets_compute_what_torchvision_does(preset: Any, name: str, arguments: Any, side: int, engine: str) -> None:
    compare(torchvision_network(name, num_classes=CLASSES, **arguments), PRESETS.parse(preset), side, engine)


@pytest.mark.parametrize(("preset", "name", "side"), TIMM, ids=[case[1] for case in TIMM])
def test_presets_take_the_names_of_timm(preset: Any, name: str, side: int) -> None:
    arguments = {"img_size": 32} if name.startswith("vit") else {}
    network = timm_network(name, num_classes=CLASSES, **arguments)
    half = name.startswith(("tf", "vit"))
    setting = PRESETS.parse(preset)
    if name.startswith("vit"):
        setting = type(setting)(input_size=(32, 32), mean=(0.5,) * 3, deviation=(0.5,) * 3)
    compare(network, setting, side, "torch", 0.5 if half else MEAN, 0.5 if half else DEVIATION)
