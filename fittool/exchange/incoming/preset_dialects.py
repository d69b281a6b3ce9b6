"""Whose names a file of weights has, and the preset that computes what its tool does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fittool.exchange.incoming.foreign import ForeignWeights
from fittool.exchange.incoming.preset_names import MAKERS
from fittool.nn.graph import Graph
from fittool.nn.presets import Preset
from fittool.nn.presets.field.base import LayoutName
from fittool.nn.presets.field.efficientnet import EfficientNetB0, EfficientNetLite0
from fittool.nn.presets.field.mobilenet import MobileNetV2
from fittool.nn.presets.field.resnet import ResNet50
from fittool.nn.presets.field.vgg import VGG16


@dataclass(frozen=True)
class Dialect:
    """The names of one tool.

    Attributes:
        name: Of the tool, for messages.
        names: The module of each layer.
        parts: Arrays that are named otherwise: `module` here and part, by the array's full name there.
        layout: The only layout of the preset that computes what the tool does; None: the names do not tell.
        takes_bgr: Whether the tool's pictures have blue first, so that the first kernel has its channels the other way round.
    """

    name: str
    names: Mapping[str, str]
    parts: Mapping[str, tuple[str, str]]
    layout: LayoutName | None = None
    takes_bgr: bool = False

    def suits(self, preset: Preset) -> bool:
        """True where a preset's layout is the tool's."""
        return self.layout in (None, getattr(preset, "layout", None))

    def with_layout(self, preset: Preset) -> Preset:
        """The preset in the tool's layout."""
        return preset if self.suits(preset) else replace(preset, layout=self.layout)  # type: ignore[call-arg]


def dialects(preset: Preset) -> list[Dialect]:
    """All that are known for a preset; none for others."""
    makers = MAKERS.get(type(preset), [])
    cls = type(preset)
    return [
        Dialect(name, *make(preset), _layout(cls, name), name == "Keras" and cls in (ResNet50, VGG16)) for name, make in makers
    ]


_PADDED_AS_KERAS = {
    (MobileNetV2, "transformers"), (EfficientNetB0, "transformers"), (EfficientNetB0, "efficientnet_pytorch"),
    (EfficientNetLite0, "efficientnet_pytorch"),
}  # fmt: skip
"""PyTorch's networks that were moved over from TensorFlow, with its padding before strides and its constants."""
_HAS_LAYOUTS = (MobileNetV2, EfficientNetB0, EfficientNetLite0, ResNet50, VGG16)


def _layout(preset: type[Preset], tool: str) -> LayoutName | None:
    if preset not in _HAS_LAYOUTS or tool == "timm":  # timm has both, under the same names: efficientnet_b0, tf_efficientnet_b0
        return None
    return "keras" if tool == "Keras" or (preset, tool) in _PADDED_AS_KERAS else "torchvision"


_ENOUGH = 0.9
"""A file is of a preset whose layers it has under the names of one tool, all but a few: a head may be missing."""


def preset_of(foreign: ForeignWeights) -> Preset | None:
    """The preset whose layers a file has by its names; None where there is none."""
    flat = {f"{module}.{part}".strip(".") for module, parts in foreign.layers.items() for part in parts}
    best, share = None, 0.0
    for cls in MAKERS:
        preset = cls()
        graph = Graph.build(preset.expand(1), {"x": (*(getattr(preset, "input_size", None) or (64, 64)), 3)})
        layers = {node.name for node in graph.nodes if node.parameters}
        for dialect in dialects(preset):
            wanted = [module for name, module in dialect.names.items() if name in layers]
            found = sum(module in foreign.layers for module in wanted) + sum(name in flat for name in dialect.parts)
            of_all = found / (len(wanted) + len(dialect.parts))
            alike = of_all - abs(len(foreign.layers) - len(layers)) / 1e4  # of two that fit, the one with as many layers
            if of_all >= _ENOUGH and alike > share and _fits(foreign, graph, dialect):
                best, share = dialect.with_layout(preset), alike
    return best


def _fits(foreign: ForeignWeights, graph: Graph, dialect: Dialect) -> bool:
    """Tell networks with the same names apart by the sizes of their first and last layers."""
    nodes = [node for node in graph.nodes if node.name in dialect.names and node.parameters]
    for node in (nodes[0], nodes[-2]):
        parts = foreign.layers.get(dialect.names[node.name], {})
        if parts and max(array.size for array in parts.values()) != max(one.size for one in node.parameters):
            return False
    return True
