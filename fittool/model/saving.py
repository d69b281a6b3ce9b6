"""A model in one file, a checkpoint that describes itself, and a model from such a file or from a run's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Snapshot
from fittool.engines.state import check_whole_state, weights_in
from fittool.errors import CheckpointError, ExperimentError
from fittool.nn.calls.wiring import input_tensor
from fittool.nn.graph import Graph
from fittool.nn.layers import Input, Layer, Layers
from fittool.nn.shapes import Shape
from fittool.runs.checkpoint import CheckpointFacts, load_checkpoint, save_checkpoint
from fittool.runs.files.atomic import make_folder
from fittool.runs.files.json_text import to_json
from fittool.settings import plain
from fittool.training.recording.recorder import NullRecorder

if TYPE_CHECKING:
    from fittool.model.layer_model import LayerModel
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


def facts_of(model: LayerModel, epochs: int) -> CheckpointFacts:
    """The facts that a file holds about a model after so many epochs."""
    network = model.architecture
    compiled = None if model.compiled is None else model.compiled.plain()
    return CheckpointFacts(
        epoch=epochs,
        class_names=model.class_names,
        model=hashlib.sha256(to_json(network)).hexdigest(),
        architecture={**network, "compile": compiled, "seed": model.seed},
    )


def save_model(model: LayerModel, path: str | PathLike[str]) -> None:
    """Write a model with its optimizer to one file.

    Raises:
        ExperimentError: A ValueError: the name does not end in .safetensors.
        StorageError: It could not be stored; an older file is untouched.
    """
    save_checkpoint(_checked(path), model.state(), facts_of(model, model.epochs_done))


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
    checkpoint = load_checkpoint(Path(path))
    said = checkpoint.facts.architecture
    if said is None:
        raise CheckpointError("does not describe its network.", place=str(path))
    model = _model_of({"seed": 0, **said}, engine=engine, threads=threads)
    compiled = said.get("compile")
    if compiled is not None:
        model.compile(**compiled)
    kinds = ("weights/",) if compiled is None else ("weights/", "optimizer/")
    state = {name: array for name, array in checkpoint.tensors.items() if name.startswith(kinds)}
    check_whole_state(weights_in(state), weights_in(model.state()), str(path))
    model.load_state(state, checkpoint.facts.epoch)
    model.class_names = checkpoint.facts.class_names
    return model


def save_weights(model: LayerModel, path: str | PathLike[str]) -> None:
    """Write a model's weights to one file; errors as for `save_model`."""
    save_checkpoint(_checked(path), model.network.weights(), facts_of(model, model.epochs_done))


def load_weights(model: LayerModel, path: str | PathLike[str]) -> None:
    """Give a model the weights of a file.

    Raises:
        CheckpointError: The file is missing or damaged, or its weights have other names or shapes.
    """
    weights = {name: array for name, array in load_checkpoint(Path(path)).tensors.items() if name.startswith("weights/")}
    check_whole_state(weights_in(weights), weights_in(model.network.weights()), str(path))
    model.network.load(weights)


def model_from_json(text: str, *, engine: object = "numpy", threads: int | None = None) -> Model:
    """A model from what `to_json` gave, with fresh weights.

    Raises:
        ExperimentError: A ValueError: the text is something else.
    """
    try:
        return _model_of(json.loads(text), engine=engine, threads=threads)
    except (json.JSONDecodeError, TypeError, KeyError, ValidationError) as error:
        raise ExperimentError("This is no text of model.to_json().") from error


def _model_of(said: Mapping[str, Any], *, engine: object, threads: int | None) -> Model:
    """The model of an architecture, with fresh weights; a chain that was a `Sequential` becomes one again."""
    from fittool.model.model import Model  # a model saves itself, so the two know each other
    from fittool.model.sequential import Sequential

    layers, shapes = layers_of(said), {name: tuple(shape) for name, shape in said["inputs"].items()}
    options: Any = {"engine": engine, "seed": said.get("seed"), "threads": threads, "name": said.get("name")}
    chain = _chain(layers, shapes) if said.get("kind") == "Sequential" else None
    if chain is not None:
        return Sequential(chain, **options)
    return Model(layers, shapes, outputs=said.get("outputs"), **options)


def _chain(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> list[Any] | None:
    """The layers without their inputs, if each takes the one before it and the first the only input; else None."""
    (name,) = shapes
    links: list[Any] = [input_tensor(shapes[name], name)]
    for layer in layers:
        if isinstance(layer, Input):
            continue
        if layer.inputs not in (None, (name,)):
            return None
        links.append(replace(layer, inputs=None))
        name = layer.name or ""
    return links


def _checked(path: str | PathLike[str]) -> Path:
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
