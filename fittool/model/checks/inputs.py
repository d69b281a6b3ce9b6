"""Inputs far from 1 that nothing brings nearer before the first layer with weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fittool.data.batch import Array
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import KeyPath
from fittool.model.checks.findings import Finding
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Rescaling

Range = tuple[float, float]
LARGEST = 32.0
"""Inputs beyond this are far from 1; pixels divided by 16 or standardized columns are not."""
_PIXELS = (0.0, 255.0)
# By their names, as their modules are not imported where nobody names such a layer.
_KEEP_VALUES = frozenset(
    {
        "Input", "Flatten", "Permute", "Reshape", "Dropout", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "ZeroPadding1D",
        "ZeroPadding2D", "Cropping2D", "Concatenate",
    }
)  # fmt: skip
_WITH_WEIGHTS = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"})


def input_ranges(data: Dataset | GeneratorData) -> dict[str, Range]:
    """The smallest and the largest value of each input, by its name; what would have to be read from disk is left out.

    Args:
        data: The samples; of batches that a function makes, the first is looked at.
    """
    arrays, pixels = _arrays(data)
    found = {}
    for number, (name, shape) in enumerate(data.input_shapes.items()):
        if number in arrays:
            found[name] = (float(arrays[number].min()), float(arrays[number].max()))
        elif pixels and len(shape) == 3:
            found[name] = _PIXELS
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def _arrays(data: Dataset | GeneratorData) -> tuple[dict[int, Array], bool]:
    """The arrays in memory, by the number of the input; and whether the others are image files, whose pixels are 0 to 255."""
    if isinstance(data, GeneratorData):
        return dict(enumerate(data.first.inputs)), False
    whole: Any = data
    while isinstance(whole, Subset):
        whole = whole.dataset
    if isinstance(whole, ArrayDataset):
        return {
            number: array for number, array in enumerate(whole.inputs) if not isinstance(array, np.memmap) and array.size
        }, False
    return {}, hasattr(whole, "form")


def input_findings(graph: Graph, ranges: Mapping[str, Range], paths: Mapping[str, KeyPath]) -> Iterator[Finding]:
    """A warning for each layer with weights that gets large inputs as they are.

    Args:
        graph: The network, with the layers that `augmentation:` stands for.
        ranges: Of the inputs that are known.
        paths: Where each layer is written, by its name.
    """
    known = dict(ranges)
    for node in graph.nodes:
        given = [known[name] for name in node.inputs if name in known]
        if not given:
            continue
        values = min(low for low, _ in given), max(high for _, high in given)
        if node.layer.public_name() in _KEEP_VALUES:
            known[node.name] = values
        elif (scale := _scale(node)) is not None:
            ends = [end * scale[0] + scale[1] for end in values]
            known[node.name] = min(ends), max(ends)
        elif node.layer.public_name() in _WITH_WEIGHTS and max(map(abs, values)) > LARGEST:
            yield Finding(_text(node, values, graph), paths[node.name])


def _scale(node: Node) -> tuple[float, float] | None:
    """Factor and offset of a layer that only rescales."""
    layer = node.layer
    if isinstance(layer, Rescaling):
        return layer.mean_scale, layer.mean_offset
    if layer.public_name() != "Standardization":
        return None
    from fittool.nn.layers import Standardization

    if isinstance(layer, Standardization) and layer.rescale is not None:
        further = (
            layer.samplewise_center, layer.samplewise_std_normalization, layer.featurewise_center,
            layer.featurewise_std_normalization, layer.zca_whitening,
        )  # fmt: skip
        return None if any(further) else (float(layer.rescale), 0.0)
    return None


def _text(node: Node, values: Range, graph: Graph) -> str:
    images = any(len(shape) == 3 for shape in graph.inputs.values())
    mend = f"Put Rescaling: {{scale: 1/{values[1]:g}}} first" if images and values[0] >= 0 else "Put Normalization first"
    reach = f"{values[0]:.4g} to {values[1]:.4g}"
    return f"The inputs reach from {reach}, and nothing rescales them before {node.name}; networks learn best near 1. {mend}."
