"""A model from a file of its own, from a run's checkpoint, or from the text of its architecture."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fittool.engines.state import check_whole_state, weights_in
from fittool.errors import CheckpointError, ExperimentError, SettingWarning
from fittool.model.model import Model
from fittool.model.saving import layers_of, targets_in
from fittool.model.sequential import Sequential
from fittool.nn.calls.wiring import input_tensor
from fittool.nn.layers import Input, Layer
from fittool.nn.output_targets import TargetsError
from fittool.nn.shapes import Shape
from fittool.runs.checkpoint import load_checkpoint


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
    try:
        model = _model_of({"seed": 0, **said}, engine=engine, threads=threads)
    except TargetsError as error:
        raise CheckpointError(f"is damaged: {error}.", place=str(path)) from error
    compiled = said.get("compile")
    # Before the state is loaded: `compile` begins the optimizer anew.
    if compiled is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SettingWarning)  # it was told when the model was made
            model.compile(**compiled)
    kinds = ("weights/",) if compiled is None else ("weights/", "optimizer/")
    state = {name: array for name, array in checkpoint.tensors.items() if name.startswith(kinds)}
    check_whole_state(weights_in(state), weights_in(model.state()), str(path))
    model.load_state(state, checkpoint.facts.epoch)
    model.class_names = checkpoint.facts.class_names
    return model


def model_from_json(text: str, *, engine: object = "numpy", threads: int | None = None) -> Model:
    """A model from what `to_json` gave, with fresh weights.

    Raises:
        ExperimentError: A ValueError: the text is something else.
    """
    try:
        return _model_of(json.loads(text), engine=engine, threads=threads)
    except (json.JSONDecodeError, TypeError, KeyError, ValidationError, TargetsError) as error:
        raise ExperimentError("This is no text of model.to_json().") from error


def _model_of(said: Mapping[str, Any], *, engine: object, threads: int | None) -> Model:
    """The model of an architecture, with fresh weights; a chain that was a `Sequential` becomes one again."""
    layers, shapes = layers_of(said), {name: tuple(shape) for name, shape in said["inputs"].items()}
    options: Any = {"engine": engine, "seed": said.get("seed"), "threads": threads, "name": said.get("name")}
    chain = _chain(layers, shapes) if said.get("kind") == "Sequential" else None
    model = Model(layers, shapes, outputs=said.get("outputs"), **options) if chain is None else Sequential(chain, **options)
    if "targets" in said:
        model.network.learn_targets(targets_in(said, model.graph))
    return model


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
