"""Layers that rescale inputs, held against the range that the inputs have: pixels divided by 255 twice, or never meant to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fittool.errors import KeyPath
from fittool.model.checks.findings import Finding
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Flatten, Input, Permute, Rescaling, Reshape, Standardization

_SMALLEST, _LARGEST = 0.1, 32.0
"""Rescaled inputs reach at least and at most so far from zero, or the scale was made for others."""
_KEEP_VALUES = (Input, Flatten, Permute, Reshape)

Range = tuple[float, float]


def scaling_findings(graph: Graph, ranges: Mapping[str, Range], paths: Mapping[str, KeyPath]) -> Iterator[Finding]:
    """A warning for each layer that rescales inputs to numbers that are all but zero, or far from one.

    Args:
        graph: The network, with the layers that `augmentation:` stands for.
        ranges: Of the inputs that are known.
        paths: Where each layer is written, by its name.
    """
    known = dict(ranges)
    for node, given, (scale, offset) in _rescaling(graph, known):
        made = sorted((given[0] * scale + offset, given[1] * scale + offset))
        known[node.name] = (made[0], made[1])
        reach = abs(scale) * max(map(abs, given))
        if max(map(abs, given)) and not _SMALLEST <= reach <= _LARGEST:
            path = ("augmentation", "rescale") if isinstance(node.layer, Standardization) else paths[node.name]
            yield Finding(_text(node, given, scale, offset), path)


def _rescaling(graph: Graph, ranges: dict[str, Range]) -> Iterator[tuple[Node, Range, tuple[float, float]]]:
    """The layers that rescale what is still nothing but an input, with the range that they get; others pass it on."""
    for node in graph.nodes:
        given = ranges.get(node.inputs[0]) if len(node.inputs) == 1 else None
        if given is None:
            continue
        if isinstance(node.layer, Rescaling):
            yield node, given, (node.layer.mean_scale, node.layer.mean_offset)
        elif isinstance(node.layer, Standardization) and _only_rescales(node.layer):
            yield node, given, (float(node.layer.rescale or 1), 0.0)
        elif isinstance(node.layer, _KEEP_VALUES):
            ranges[node.name] = given


def _only_rescales(layer: Standardization) -> bool:
    others = (layer.samplewise_center, layer.samplewise_std_normalization, layer.featurewise_center)
    return layer.rescale is not None and not any((*others, layer.featurewise_std_normalization, layer.zca_whitening))


def _text(node: Node, given: Range, scale: float, offset: float) -> str:
    name = "augmentation.rescale" if isinstance(node.layer, Standardization) else node.layer.public_name()
    made = sorted((given[0] * scale + offset, given[1] * scale + offset))
    found = f"{name} multiplies by {_factor(scale)}, but its inputs lie in {_range(given)}, so they become {_range(made)}."
    if max(map(abs, given)) <= 1 or min(given) < 0:
        return f"{found} Remove it."
    largest = f"1/{max(map(abs, given)):g}"
    return f"{found} Set the scale to {largest}, if that is the largest value there can be."


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:.4g} to {values[1]:.4g}"


def _factor(scale: float) -> str:
    """`1/255` where that is what was written."""
    inverse = 1 / scale if scale else 0.0
    near = round(inverse, 6)
    return f"1/{near:g}" if abs(scale) < 1 and abs(inverse - near) < 1e-6 * abs(inverse) else f"{scale:g}"
