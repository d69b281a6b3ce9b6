"""Presets against the networks of Hugging Face's transformers: saved by them, read here, outputs compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange.vision import normalized, pictures

from fittool.engines.numpy_engine import NumpyEngine
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.preset_dialects import preset_of
from fittool.exchange.incoming.reading import read_weights
from fittool.nn.graph import Graph

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

CLASSES = 5
SIDE = 64
NETWORKS = {
    "mobilenet_v2": ("MobileNetV2", {}),
    "efficientnet_b0": ("EfficientNet", {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280}),
    "resnet18": ("ResNet", {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}),
    "resnet50": ("ResNet", {}),
    "vit_ti_16": ("ViT", {
        "hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "num_hidden_layers": 12, "image_size": SIDE,
    }),
}  # fmt: skip


def network(name: str) -> Any:
    family, arguments = NETWORKS[name]
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(num_labels=CLASSES, **arguments)
    found = getattr(transformers, f"{family}ForImageClassification")(config)
    for _, array in found.named_parameters():
        if array.dim() > 1:
            torch.nn.init.normal_(array, 0, 0.15) if family == "ViT" else torch.nn.init.kaiming_normal_(array)
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():  # moving averages of real activations, so that a difference at the entry shows at the end
        found.train()(normalized(pictures(8, SIDE), np.full(3, 0.5), np.full(3, 0.5)))
    return found.eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("file", ["model.safetensors", "weights.pth"])
def test_presets_compute_what_transformers_does(name: str, file: str, tmp_path: Path) -> None:
    theirs = network(name)
    theirs.save_pretrained(tmp_path)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    foreign = read_weights(tmp_path / file)
    named: Any = preset_of(foreign)
    assert named.public_name() == name
    preset: Any = replace(named, input_size=(SIDE, SIDE))
    graph = Graph.build(preset.expand(CLASSES, "linear"), {"x": (SIDE, SIDE, 3)})
    assigned = assign(foreign, graph, preset)
    assert assigned.missing == ()
    images, place = pictures(3, SIDE), 0 if preset.layout == "torchvision" else 1
    expected, other = (
        logits(theirs, given, preset.means[place], preset.deviations[place]) for given in (images, images[..., ::-1].copy())
    )
    scale = np.abs(expected).max()
    assert np.abs(other - expected).max() > 1e-2 * scale, "the outputs do not depend on what comes in"
    (found,) = NumpyEngine(graph, threads=1, weights=assigned.weights).predict_step((images,))
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


def logits(network: Any, images: Any, mean: Any, deviation: Any) -> Any:
    with torch.no_grad():
        return network(normalized(images, np.array(mean), np.array(deviation))).logits.numpy()
