"""A model in one file, a checkpoint that describes itself, and a model from such a file or from a run's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Snapshot
from fittool.engines.state import check_whole_state, weights_in
from fittool.errors import CheckpointError, ExperimentError
from fittool.nn.graph import Graph
from fittool.nn.layers import Layer, Layers
from fittool.runs.checkpoint import CheckpointFacts, load_checkpoint, save_checkpoint
from fittool.runs.files.atomic import make_folder
from fittool.runs.files.json_text import to_json
from fittool.settings import plain
from fittool.training.recording.recorder import NullRecorder

if TYPE_CHECKING:
    from fittool.model.model import Model


def described(layers: Sequence[Layer], graph: Graph) -> dict[str, Any]:
    """A network as plain data, from which `rebuilt` makes it again."""
    return {
        "inputs": {name: list(shape) for name, shape in graph.inputs.items()},
        "layers": [plain(layer, defaults=False) for layer in layers],
        "outputs": list(graph.outputs),
    }


def layers_of(architecture: Mapping[str, Any]) -> list[Layer]:
    """The layers that `described` wrote down."""
    return TypeAdapter(Layers).validate_python(architecture["layers"])


def rebuilt(architecture: Mapping[str, Any]) -> Graph:
    """The network that `described` wrote down; by default its output is the last layer."""
    shapes = {name: tuple(shape) for name, shape in architecture["inputs"].items()}
    return Graph.build(layers_of(architecture), shapes, architecture.get("outputs"))


def facts_of(model: Model, epochs: int) -> CheckpointFacts:
    """What a file says about a model after so many epochs."""
    network = described(model.layers, model.graph)
    compiled = None if model.compiled is None else model.compiled.plain()
    return CheckpointFacts(
        epoch=epochs,
        model=hashlib.sha256(to_json(network)).hexdigest(),
        architecture={**network, "compile": compiled, "seed": model.seed},
    )


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a model with its optimizer to one file.

    Raises:
        ExperimentError: A ValueError: the name does not end in .safetensors.
        StorageError: It could not be stored; an older file is untouched.
    """
    if Path(path).suffix != ".safetensors":
        raise ExperimentError(f"The file's name must end in .safetensors, the one format that is written; got {path}.")
    save_checkpoint(Path(path), model.state(), facts_of(model, model.epochs_done))


def load_model(path: str | PathLike[str], *, engine: object = "numpy", threads: int | None = None) -> Model:
    """A model from a file of `Model.save` or of ModelCheckpoint, or from a run's checkpoint.

    Args:
        path: The file.
        engine: What computes.
        threads: How many threads compute; by default all processors.

    Returns:
        The model with its weights; compiled as it was, with the optimizer's state, where the file says so.

    Raises:
        CheckpointError: The file is missing or damaged, or does not describe its network.
    """
    from fittool.model.model import Model

    checkpoint = load_checkpoint(Path(path))
    said = checkpoint.facts.architecture
    if said is None:
        raise CheckpointError("does not describe its network.", place=str(path))
    shapes: dict[str, Any] = dict(said["inputs"])
    seed = int(said.get("seed", 0))
    model = Model(layers_of(said), shapes, outputs=said.get("outputs"), engine=engine, seed=seed, threads=threads)
    compiled = said.get("compile")
    if compiled is not None:
        model.compile(**compiled)
    kinds = ("weights/",) if compiled is None else ("weights/", "optimizer/")
    state = {name: array for name, array in checkpoint.tensors.items() if name.startswith(kinds)}
    check_whole_state(weights_in(state), weights_in(model.state()), str(path))
    model.load_state(state, checkpoint.facts.epoch)
    return model


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
