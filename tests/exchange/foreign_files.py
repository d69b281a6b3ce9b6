"""Files of weights under the names of other tools, made without these tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from fittool.exchange.incoming.preset_dialects import dialects
from fittool.nn.graph import Graph
from fittool.nn.presets import PRESETS

_PARTS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var", "bias": "bias"}
_AXES = {2: (1, 0), 4: (3, 2, 0, 1)}


def as_torch(name: str, array: Any) -> tuple[str, Any]:
    """The name of a part and its array as PyTorch has them."""
    if name == "depthwise_kernel":
        return "weight", array.transpose(2, 3, 0, 1)
    return (_PARTS[name], array) if name in _PARTS else ("weight", array.transpose(_AXES[array.ndim]))


def weights_file(path: Path, preset: str, tool: str, classes: int = 5, seed: int = 3) -> dict[str, Any]:
    """Write a preset's weights, drawn from a seed, under a tool's names; gives them under the preset's own."""
    layers = PRESETS.parse(preset).expand(classes)
    drawn = Graph.build(layers, {"x": (64, 64, 3)}).initial_weights(seed)
    names = next(dialect.names for dialect in dialects(PRESETS.parse(preset)) if dialect.name == tool)
    arrays = {}
    for key, array in drawn.items():
        layer, _, part = key.rpartition("/")
        name, turned = as_torch(part, array)
        arrays[f"{names[layer]}.{name}"] = np.ascontiguousarray(turned)
    save_file(arrays, str(path))
    return drawn
