"""Files of safetensors with the names of other tools, whose order says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exchange.foreign_files import weights_file

from fittool.errors import CheckpointError
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.preset_dialects import preset_of
from fittool.exchange.incoming.reading import read_weights
from fittool.exchange.incoming.state_dict import natural
from fittool.nn.graph import Graph
from fittool.nn.presets import PRESETS, Preset

FILES = [
    ("mobilenet_v2", "torchvision"), ("mobilenet_v2", "timm"), ("mobilenet_v2", "transformers"),
    ("efficientnet_b0", "torchvision"),
    ("efficientnet_b0", "timm"), ("efficientnet_b0", "efficientnet_pytorch"), ("efficientnet_b0", "transformers"),
    ("efficientnet_lite0", "efficientnet_pytorch"), ("efficientnet_lite0", "timm"), ("resnet18", "torchvision"),
    ("resnet34", "transformers"), ("resnet50", "torchvision"), ("resnet50", "transformers"),
]  # fmt: skip


MOVED_FROM_TENSORFLOW = [
    ("mobilenet_v2", "transformers"), ("efficientnet_b0", "transformers"), ("efficientnet_b0", "efficientnet_pytorch"),
    ("efficientnet_lite0", "efficientnet_pytorch"),
]  # fmt: skip
"""Networks of PyTorch with TensorFlow's padding and constants."""


def in_layout(preset: str, tool: str) -> Preset:
    parsed = PRESETS.parse(preset)
    return replace(parsed, layout="keras") if (preset, tool) in MOVED_FROM_TENSORFLOW else parsed


@pytest.mark.parametrize(("preset", "tool"), MOVED_FROM_TENSORFLOW[:3])
def test_a_layout_that_computes_otherwise_is_refused(preset: str, tool: str, tmp_path: Path) -> None:
    weights_file(tmp_path / "m.safetensors", preset, tool)
    parsed = PRESETS.parse(preset)
    graph = Graph.build(parsed.expand(5), {"x": (64, 64, 3)})
    with pytest.raises(CheckpointError, match=rf"the names of {tool}, .* preset: {{{preset}: {{layout: keras}}}}"):
        assign(read_weights(tmp_path / "m.safetensors"), graph, parsed)


@pytest.mark.parametrize(("preset", "tool"), FILES)
def test_every_array_finds_its_place(preset: str, tool: str, tmp_path: Path) -> None:
    drawn = weights_file(tmp_path / "m.safetensors", preset, tool)
    parsed = in_layout(preset, tool)
    graph = Graph.build(parsed.expand(5), {"x": (64, 64, 3)})
    found = assign(read_weights(tmp_path / "m.safetensors"), graph, parsed)
    assert (found.skipped, found.missing) == ((), ())
    assert found.weights.keys() == drawn.keys()
    assert all(np.array_equal(found.weights[name], array) for name, array in drawn.items())


@pytest.mark.parametrize(("preset", "tool"), FILES)
def test_the_names_say_whose_weights_they_are(preset: str, tool: str, tmp_path: Path) -> None:
    weights_file(tmp_path / "m.safetensors", preset, tool)
    assert preset_of(read_weights(tmp_path / "m.safetensors")) == in_layout(preset, tool)


def test_a_head_for_other_classes_is_skipped_by_its_name(tmp_path: Path) -> None:
    weights_file(tmp_path / "m.safetensors", "resnet18", "torchvision", classes=1000)
    parsed = PRESETS.parse("resnet18")
    found = assign(read_weights(tmp_path / "m.safetensors"), Graph.build(parsed.expand(5), {"x": (64, 64, 3)}), parsed)
    assert found.missing == ("predictions",)
    assert found.skipped == ("fc (kernel has shape (512, 1000), expected (512, 5))",)


def test_names_of_another_network_are_refused(tmp_path: Path) -> None:
    weights_file(tmp_path / "m.safetensors", "resnet18", "torchvision")
    parsed = PRESETS.parse("mobilenet_v2")
    graph = Graph.build(parsed.expand(5), {"x": (64, 64, 3)})
    with pytest.raises(CheckpointError, match="has other names than torchvision, timm, transformers, Keras give this preset"):
        assign(read_weights(tmp_path / "m.safetensors"), graph, parsed)


def test_numbers_in_names_count_as_numbers() -> None:
    assert sorted(["layer10.a", "layer2.b", "layer2.a", "fc"], key=natural) == ["fc", "layer2.a", "layer2.b", "layer10.a"]
