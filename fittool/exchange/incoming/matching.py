"""Foreign weights against a network: which array goes where, what is left over, what stays as it was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fittool.errors import shorten
from fittool.exchange.incoming.foreign import Arrays, ForeignWeights, refused
from fittool.exchange.incoming.layer_weights import MisfitError, from_keras, from_torch
from fittool.exchange.incoming.preset_dialects import Dialect, dialects
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Normalization
from fittool.nn.presets import Preset

_ENOUGH = 0.5
"""A dialect is that of a file where at least this share of its names is in it."""


@dataclass(frozen=True)
class Assignment:
    """Foreign weights in the places of a network.

    Attributes:
        weights: Arrays (*shape) by `<layer>/<parameter>`.
        skipped: What of the file has no place, each with the reason.
        missing: Layers of the network that the file has nothing for.
        names: The names that the file goes by.
    """

    weights: Arrays
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    names: str


def assign(foreign: ForeignWeights, graph: Graph, preset: Preset | None) -> Assignment:
    """Find the place of each array.

    Args:
        foreign: The weights.
        graph: The network.
        preset: What the network was expanded from; None for layers that are written out, which are matched one after the other.

    Raises:
        CheckpointError: The file has no names that are known for the preset, or its layers are others, or its tool's network
            computes otherwise than the preset in this layout.
    """
    nodes, flat = _nodes(graph), _flat(foreign)
    best = None if preset is None else dialect_of(foreign, graph, preset)
    if best is not None and preset is not None and not best.suits(preset):
        text = f"has the names of {best.name}, whose {preset.public_name()} pads and normalizes in another way"
        raise refused(foreign.path, f"{text}: preset: {{{preset.public_name()}: {{layout: {best.layout}}}}}")
    if best is not None:
        return _by_names(foreign, nodes, best, flat)
    known = [] if preset is None else dialects(preset)
    if foreign.form == "keras" and nodes.keys() & foreign.layers.keys():
        return _by_names(foreign, nodes, Dialect("Keras", {name: name for name in nodes}, {}), flat)
    if known and not foreign.ordered:
        tools = ", ".join(dialect.name for dialect in known)
        first = shorten(", ".join(list(foreign.layers)[:4]), 80)
        raise refused(foreign.path, f"has other names than {tools} give this preset: {first} …")
    return _by_order(foreign, nodes)


def dialect_of(foreign: ForeignWeights, graph: Graph, preset: Preset) -> Dialect | None:
    """The names that a file goes by; None where they are none of a preset's."""
    nodes, flat = _nodes(graph), _flat(foreign)
    best = max(dialects(preset), key=lambda dialect: _share(dialect, foreign, nodes, flat), default=None)
    return None if best is None or _share(best, foreign, nodes, flat) < _ENOUGH else best


def _nodes(graph: Graph) -> dict[str, Node]:
    """The layers that wait for weights."""
    return {node.name: node for node in graph.nodes if node.parameters and not _is_settled(node)}


def _flat(foreign: ForeignWeights) -> Arrays:
    """The arrays by their full names."""
    return {f"{module}.{part}".strip("."): array for module, arrays in foreign.layers.items() for part, array in arrays.items()}


def _is_settled(node: Node) -> bool:
    """True for a layer whose weights stand in the experiment."""
    return isinstance(node.layer, Normalization) and not node.layer.adapts


def settled_weights(graph: Graph) -> Arrays:
    """The weights, (*shape) by `<layer>/<parameter>`, of the layers that say theirs, which no file has to give."""
    names = {node.name for node in graph.nodes if _is_settled(node)}
    return {name: array for name, array in graph.initial_weights(0).items() if name.rpartition("/")[0] in names} if names else {}


def _share(dialect: Dialect, foreign: ForeignWeights, nodes: Mapping[str, Node], flat: Arrays) -> float:
    """The share of a network's layers that a file has under the names of a dialect."""
    wanted = [module for name, module in dialect.names.items() if name in nodes]
    found = sum(module in foreign.layers for module in wanted) + sum(name in flat for name in dialect.parts)
    return found / max(1, len(wanted) + len(dialect.parts))


def _by_names(foreign: ForeignWeights, nodes: Mapping[str, Node], dialect: Dialect, flat: Arrays) -> Assignment:
    weights: Arrays = {}
    skipped: list[str] = []
    missing: list[str] = []
    pieces: dict[str, Arrays] = {}
    for name, (layer, part) in dialect.parts.items():
        if name in flat:
            pieces.setdefault(layer, {})[part] = flat[name]
    used = {name for name in dialect.parts if name in flat}
    for name, node in nodes.items():
        module = dialect.names.get(name)
        parts = pieces.get(name) or (foreign.layers.get(module) if module is not None else None)
        if not parts:
            missing.append(name)
            continue
        if name not in pieces:
            used |= {f"{module}.{part}".strip(".") for part in parts}
        try:
            weights |= {f"{name}/{short}": array for short, array in _convert(foreign, node, parts).items()}
        except MisfitError as error:
            skipped.append(f"{module or name} ({error})")
            missing.append(name)
    skipped += [name for name in flat if name not in used]
    first = f"{next(iter(nodes))}/kernel"
    if dialect.takes_bgr and first in weights:
        weights[first] = np.ascontiguousarray(weights[first][:, :, ::-1])  # (height, width, channels, filters)
    return Assignment(weights, tuple(skipped), tuple(missing), dialect.name)


def _convert(foreign: ForeignWeights, node: Node, parts: Arrays) -> Arrays:
    if foreign.form == "keras":
        return from_keras(node, parts)
    return from_torch(node, _joined(parts))


def _joined(parts: Arrays) -> Arrays:
    """Query, key and value of attention as one projection, where a file has three."""
    if "query.weight" not in parts:
        return parts
    found = {name: array for name, array in parts.items() if name.startswith("out_proj")}
    for part in ("weight", "bias"):
        rows = [parts[name] for which in ("query", "key", "value") if (name := f"{which}.{part}") in parts]
        if len(rows) == 3:
            found[f"in_proj_{part}"] = np.concatenate(rows)
    return found


def _by_order(foreign: ForeignWeights, nodes: Mapping[str, Node]) -> Assignment:
    """Layer after layer, where nothing is known of names: all must fit."""
    ours, theirs = list(nodes.values()), list(_attention_together(foreign.layers).items())
    weights: Arrays = {}
    for node, (module, parts) in zip(ours, theirs, strict=False):
        try:
            converted = _convert(foreign, node, parts)
        except MisfitError as error:
            place = f"its layer {shorten(module)} does not fit {node.layer.public_name()} {node.name}: {error}"
            raise refused(foreign.path, f"{place}. Layers are taken one after the other.") from None
        weights |= {f"{node.name}/{short}": array for short, array in converted.items()}
    skipped = tuple(f"{module}.{part}".strip(".") for module, parts in theirs[len(ours) :] for part in parts)
    return Assignment(weights, skipped, tuple(node.name for node in ours[len(theirs) :]), "the order of the layers")


def _attention_together(layers: Mapping[str, Arrays]) -> dict[str, Arrays]:
    """PyTorch's attention keeps its last projection in a module of its own."""
    found: dict[str, Arrays] = {}
    for module, parts in layers.items():
        outer, _, last = module.rpartition(".")
        if last == "out_proj" and "in_proj_weight" in found.get(outer, {}):
            found[outer] |= {f"out_proj.{part}": array for part, array in parts.items()}
        else:
            found[module] = dict(parts)
    return found
