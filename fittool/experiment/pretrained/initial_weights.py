"""A new training from old weights: which of them fit the network, and which do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.config.experiment_file import LoadedExperiment
from fittool.engines.state import HasForm
from fittool.errors import CheckpointError, shown, visible
from fittool.exchange.incoming.matching import Assignment, assign, settled_weights
from fittool.exchange.incoming.reading import is_foreign, read_weights
from fittool.model.network import Network
from fittool.nn.graph import Graph, Node
from fittool.nn.presets import Preset
from fittool.runs.checkpoint import Checkpoint, is_checkpoint, load_checkpoint
from fittool.runs.directory import RunDirectory

_SHOWN = 5
_KIND = "weights/"
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Match:
    """Old weights against a network's.

    Attributes:
        loaded: Names that are in both, with the same shape.
        skipped: What of the old ones does not fit, each with the reason.
        missing: Names of the network that keep their random values.
    """

    loaded: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True where everything fits."""
        return not self.skipped and not self.missing

    def lines(self, source: str) -> list[str]:
        """The arrays that were loaded, skipped and missing, for people."""
        count = len(self.loaded)
        lines = [f"Initial weights from {source}: {count:,} {'array' if count == 1 else 'arrays'} loaded."]
        lines += [f"Skipped: {_as_list(self.skipped)}."] if self.skipped else []
        return lines + ([f"Missing, so as drawn from the seed: {_as_list(self.missing)}."] if self.missing else [])


@dataclass(frozen=True)
class OldWeights:
    """Weights to start from.

    Attributes:
        path: The file.
        arrays: By `weights/<layer>/<name>`, under the names of the network here.
        class_names: The classes that they tell apart, or None where the file does not say.
        skipped: What of the file has no place in the network at all.
    """

    path: Path
    arrays: Weights
    class_names: tuple[str, ...] | None = None
    skipped: tuple[str, ...] = ()


def start_from(loaded: LoadedExperiment, network: Network, class_names: Sequence[str] | None = None) -> list[str]:
    """Put the experiment's initial weights into a network.

    Args:
        loaded: The experiment.
        network: The network.
        class_names: The classes of the data, in the order of the outputs.

    Returns:
        What was loaded, skipped and missing, in lines; empty where the experiment names none.

    Raises:
        CheckpointError: There are no such weights, or with `strict` one does not fit; names the first five.
        MachineError: An extra that reads the file is not installed.
    """
    setting = loaded.experiment.initial_weights
    if setting is None:
        return []
    old = _find(loaded, Path(setting.from_), network.graph)
    own = network.describe()
    told: list[str] = []
    if setting.classes == "by_name":
        old, told = _rows_by_name(loaded, old, network, class_names)
    match = matched(old.arrays, own)
    match = replace(match, skipped=(*match.skipped, *old.skipped))
    if setting.strict and not match.complete:
        wrong = [*match.skipped, *(f"{name} is missing" for name in match.missing)]
        text = f"The weights in {shown(old.path)} do not fit the network: {_as_list(wrong)}."
        problem = loaded.problem(f"{text} With strict: false they are left out.", "initial_weights", "from")
        raise CheckpointError(problem)
    network.load({name: old.arrays[name].astype(own[name].dtype) for name in (f"{_KIND}{short}" for short in match.loaded)})
    return [*match.lines(shown(old.path)), *told]


def matched(old: Mapping[str, HasForm], own: Mapping[str, HasForm]) -> Match:
    """Compare names and shapes.

    Args:
        old: The weights there are, by `weights/<layer>/<name>`.
        own: The network's.
    """
    fits = [name for name in own if name in old and old[name].shape == own[name].shape]
    skipped = [
        f"the network has no {_short(name)}"
        if name not in own
        else f"{_short(name)} has shape {array.shape}, the network's {own[name].shape}"
        for name, array in old.items()
        if name not in fits
    ]
    return Match(tuple(map(_short, fits)), tuple(skipped), tuple(_short(name) for name in own if name not in old))


def _find(loaded: LoadedExperiment, path: Path, graph: Graph) -> OldWeights:
    try:
        if not path.exists():
            raise CheckpointError("There is no such run or file.", place=shown(path))
        return weights_in_file(path, graph, loaded.experiment.model.preset)
    except CheckpointError as error:
        problem = loaded.problem(f"initial_weights cannot be read: {error}", "initial_weights", "from")
        raise CheckpointError(problem) from error


def weights_in_file(path: Path, graph: Graph, preset: Preset | None) -> OldWeights:
    """The weights of a run or a file under the names of a network.

    Args:
        path: A run directory, a file of fittool, or one of another tool.
        graph: The network.
        preset: What it was expanded from; None for layers that are written out.

    Raises:
        CheckpointError: It is none of these, is damaged, or its layers are others.
    """
    if path.is_dir() or not (is_foreign(path) or not is_checkpoint(path)):
        checkpoint = _checkpoint_in(path)
        arrays = {name: array for name, array in checkpoint.tensors.items() if name.startswith(_KIND)}
        return OldWeights(checkpoint.path, arrays, checkpoint.facts.class_names)
    assigned: Assignment = assign(read_weights(path), graph, preset)
    found = settled_weights(graph) | assigned.weights
    return OldWeights(path, {f"{_KIND}{name}": one for name, one in found.items()}, None, assigned.skipped)


def class_names_in(path: Path) -> tuple[str, ...] | None:
    """The names of the classes of a run or a file of fittool, in the order of the outputs; None where they are not known.

    Raises:
        CheckpointError: It is damaged.
    """
    return _checkpoint_in(path).facts.class_names


def _checkpoint_in(path: Path) -> Checkpoint:
    return RunDirectory.open(path).checkpoints.load_best()[0] if path.is_dir() else load_checkpoint(path)


def _rows_by_name(
    loaded: LoadedExperiment, old: OldWeights, network: Network, class_names: Sequence[str] | None
) -> tuple[OldWeights, list[str]]:
    """The weights with those of the outputs put where the classes of the same names are now."""
    before, now = old.class_names, tuple(class_names or ())
    if not before or not now:
        what = "the data have no names of classes" if not now else f"{shown(old.path)} does not say the names of its classes"
        problem = loaded.problem(f"classes: by_name needs the names on both sides, but {what}.", "initial_weights", "classes")
        raise CheckpointError(problem)
    drawn, arrays = network.weights(), dict(old.arrays)
    heads = heads_of(network.graph)
    is_one_unit = any(node.output_shape[-1:] == (1,) for node in heads)
    for node in heads:
        for parameter in node.parameters:
            name = f"{_KIND}{node.name}/{parameter.name}"
            if name in arrays and arrays[name].shape[:-1] == parameter.shape[:-1]:
                arrays[name] = _moved(arrays[name], drawn[name], before, now)
    kept = [name for name in now if name in before and (not is_one_unit or set(before) == set(now))]
    told = f"Of the last layer {len(kept)} of {len(now)} classes were taken by name: {visible(_as_list(kept)) or 'none'}."
    return replace(old, arrays=arrays), [told]


def heads_of(graph: Graph) -> list[Node]:
    """The last layer with weights before each output; and behind it those with weights by channel, such as a normalization."""
    nodes, found = {node.name: node for node in graph.nodes}, []
    for name in graph.outputs:
        node = nodes.get(name)
        while node is not None:
            found += [node] if node.parameters else []
            is_head = any(len(parameter.shape) > 1 for parameter in node.parameters)
            node = None if is_head or len(node.inputs) != 1 else nodes.get(node.inputs[0])
    return found


def _moved(array: NDArray[Any], drawn: NDArray[Any], before: Sequence[str], now: Sequence[str]) -> NDArray[Any]:
    """What was drawn, (…, classes), with the places of classes that were there before as they were.

    A single unit tells the second of two classes from the first, so it is of use for the same two alone; in the other order its
    sign turns round.
    """
    places = array.shape[-1], drawn.shape[-1]
    if places == (1, 1):
        return {tuple(before): array, tuple(reversed(before)): -array}.get(tuple(now), drawn)
    if places != (len(before), len(now)):
        return array
    moved: NDArray[Any] = np.array(drawn)
    for place, name in enumerate(now):
        if name in before:
            moved[..., place] = array[..., list(before).index(name)]
    return moved


def _short(name: str) -> str:
    return visible(name.removeprefix(_KIND))


def _as_list(items: Any) -> str:
    more = f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return "; ".join(items[:_SHOWN]) + more
