"""A model in one file, a checkpoint that describes itself, and a model from such a file or from a run's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray
from pydantic import TypeAdapter

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Snapshot
from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader
from fittool.engines.state import check_whole_state, weights_in
from fittool.errors import CheckpointError, ExperimentError, visible
from fittool.model.compiled import Compiled
from fittool.model.network import Network
from fittool.nn.graph import Graph
from fittool.nn.layers import Layer, Layers
from fittool.nn.layers.user_module import HELD, UserModule
from fittool.nn.output_targets import OutputTargets, TargetsError, targets_from
from fittool.runs.checkpoint import CheckpointFacts, load_checkpoint, save_checkpoint
from fittool.runs.files.atomic import make_folder
from fittool.runs.files.json_text import to_json
from fittool.settings import plain
from fittool.training.recording.recorder import NullRecorder


class SavedModel(Protocol):
    """A model as its file describes it."""

    seed: int
    epochs_done: int
    class_names: tuple[str, ...] | None

    @property
    def network(self) -> Network:
        """Weights and optimizer."""

    @property
    def architecture(self) -> dict[str, Any]:
        """The network as plain data."""

    @property
    def compiled(self) -> Compiled | None:
        """The arguments of `compile`, or None."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights and optimizer, each (*shape) of its tensor, by name."""


def describe(layers: Sequence[Layer], graph: Graph) -> dict[str, Any]:
    """A network as plain data, from which `rebuilt` makes it again."""
    return {
        "inputs": {name: list(shape) for name, shape in graph.inputs.items()},
        "layers": [plain(layer, defaults=False) for layer in layers],
        "outputs": list(graph.outputs),
    }


def layers_of(architecture: Mapping[str, Any]) -> list[Layer]:
    """The layers that `described` wrote down.

    Raises:
        CheckpointError: One of them is a network of the user's that was not made in this process.
    """
    written: list[Any] = list(architecture["layers"])
    if written and isinstance(written[0], Mapping) and "UserModule" in written[0]:
        return [_user_module(written[0]["UserModule"])]
    return TypeAdapter(Layers).validate_python(written)


def _user_module(written: Mapping[str, Any]) -> UserModule:
    key = str(written.get("key"))
    if key not in HELD:
        text = f"The network is made by Python code, {visible(key.partition(' ')[0])}, which no file of weights holds."
        raise CheckpointError(f"{text} Give the experiment file with --experiment, if you trust it.")
    return UserModule(key, name="module")


def rebuild(architecture: Mapping[str, Any]) -> Graph:
    """The network that `described` wrote down; by default its output is the last layer."""
    shapes = {name: tuple(shape) for name, shape in architecture["inputs"].items()}
    return Graph.build(layers_of(architecture), shapes, architecture.get("outputs"))


def targets_in(architecture: Mapping[str, Any], graph: Graph) -> dict[str, OutputTargets]:
    """The names and scales of the numbers to predict, by the outputs' names, that go with a network's weights.

    Raises:
        TargetsError: They are not what fittool wrote, or do not fit the network.
    """
    return targets_from(architecture.get("targets", {}), {name: shape[-1] for name, shape in graph.output_shapes.items()})


def facts_of(model: SavedModel, epochs: int) -> CheckpointFacts:
    """The facts that a file holds about a model after so many epochs."""
    network = model.architecture
    compiled = None if model.compiled is None else model.compiled.plain()
    return CheckpointFacts(
        epoch=epochs,
        class_names=model.class_names,
        model=hashlib.sha256(to_json(network)).hexdigest(),
        architecture={**network, "compile": compiled, "seed": model.seed},
    )


def save_model(model: SavedModel, path: str | PathLike[str]) -> None:
    """Write a model with its optimizer to one file.

    Raises:
        ExperimentError: A ValueError: the name does not end in .safetensors.
        StorageError: It could not be stored; an older file is untouched.
    """
    save_checkpoint(_check(path), model.state(), facts_of(model, model.epochs_done))


def save_weights(model: SavedModel, path: str | PathLike[str]) -> None:
    """Write a model's weights to one file; errors as for `save_model`."""
    save_checkpoint(_check(path), model.network.weights(), facts_of(model, model.epochs_done))


def load_weights(model: SavedModel, path: str | PathLike[str]) -> None:
    """Give a model the weights of a file, and the scale of the targets that goes with them.

    Raises:
        CheckpointError: The file is missing or damaged, or its weights have other names or shapes.
    """
    checkpoint = load_checkpoint(Path(path))
    weights = weights_in(checkpoint.tensors)
    check_whole_state(weights, weights_in(model.network.weights()), str(path))
    try:
        targets = targets_in(checkpoint.facts.architecture or {}, model.network.graph)
    except TargetsError as error:
        raise CheckpointError(f"is damaged: {error}.", place=str(path)) from error
    model.network.load(weights)
    model.network.learn_targets(targets)


def _check(path: str | PathLike[str]) -> Path:
    """A file's name with the one ending that is written."""
    if Path(path).suffix != ".safetensors":
        raise ExperimentError(f"The file's name must end in .safetensors, the one format that is written; got {path}.")
    return Path(path)


class FileRecorder(NullRecorder):
    """The recorder of a `fit` in Python.

    Args:
        facts: What a file says about the model, at an epoch (the number of finished ones since the model was made).
    """

    def __init__(self, facts: Callable[[Snapshot], CheckpointFacts]) -> None:
        self._facts = facts

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Save a model or its weights to a file, relative to the working directory."""
        if path is None:
            return
        weights_only = kind == "weights"
        tensors = {name: array for name, array in snapshot.tensors.items() if not weights_only or name.startswith("weights/")}
        make_folder(Path(path).parent)
        save_checkpoint(Path(path), tensors, self._facts(snapshot))


def identity_of(architecture: Mapping[str, Any], network: Network, seed: int, loader: BatchLoader) -> dict[str, str]:
    """Hashes of model and data; batches whose content nobody knows before have none.

    Args:
        architecture: The model's network as plain data.
        network: Its network, with what `compile` was told.
        seed: Its seed.
        loader: The training data.
    """
    compiled = None if network.compiled is None else network.compiled.plain()
    settings = {
        "network": {name: value for name, value in architecture.items() if name != "name"},
        "compile": compiled,
        "batch_size": loader.batch_size,
    }
    data = loader.dataset.fingerprint() if isinstance(loader, DatasetLoader) else ""
    return {"experiment": hashlib.sha256(to_json(settings)).hexdigest(), "data": data, "seed": str(seed)}
