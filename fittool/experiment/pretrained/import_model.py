"""A model of another tool as an experiment and a file of weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittool.config.experiment import name_from
from fittool.config.experiment_file import load_experiment
from fittool.config.yaml.writer import yaml_text
from fittool.errors import CheckpointError, FittoolError, SettingWarning, UsageError, shown
from fittool.exchange.incoming.foreign import ForeignModel, ForeignWeights, refused
from fittool.exchange.incoming.matching import Assignment, assign, dialect_of
from fittool.exchange.incoming.preset_dialects import dialects
from fittool.exchange.incoming.reading import holds_model, read_model, read_weights
from fittool.model.model import Model
from fittool.nn.graph import Graph, LayerError
from fittool.nn.layers import Layer
from fittool.nn.layers.last_activation import last_activation
from fittool.nn.presets import PRESETS, Preset
from fittool.nn.shapes import Shape
from fittool.runs.files.atomic import atomic_write, make_folder
from fittool.settings import plain

EXPERIMENT, WEIGHTS = "experiment.yaml", "weights.safetensors"
_LOSSES = {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}
_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
_SIDE = 224


@dataclass(frozen=True)
class ImportedModel:
    """What was written.

    Attributes:
        folder: Where.
        loaded: The number of arrays that were taken.
        parameters: The number of numbers in them.
        names: Whose names the file goes by.
        skipped: What of the file has no place.
        missing: Layers that the file has nothing for, and that are as drawn.
        notes: What was left out, though outputs do not change by it.
        steps: The steps of the optimizer that was taken as it stood; None where none was.
    """

    folder: Path
    loaded: int
    parameters: int
    names: str
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    steps: int | None = None


@dataclass(frozen=True)
class _Network:
    """A network to be written.

    Attributes:
        layers: Its layers.
        inputs: Shape of each input by name.
        outputs: Names of the outputs; None where it is the last layer.
        weights: By `<layer>/<parameter>`.
        written: The section `model`.
        compiled: The section `compile`.
        optimizer: The optimizer's state, where it goes on.
    """

    layers: Sequence[Layer]
    inputs: Mapping[str, Shape]
    outputs: tuple[str, ...] | None
    weights: Mapping[str, Any]
    written: dict[str, Any]
    compiled: dict[str, Any]
    optimizer: Mapping[str, Any] = field(default_factory=dict)


def import_model(
    path: Path,
    folder: Path,
    *,
    network: str | None = None,
    input_shape: Sequence[int] | None = None,
    force: bool = False,
) -> ImportedModel:
    """Write `experiment.yaml` and `weights.safetensors` for a file of another tool.

    Args:
        path: .keras, .h5, .pth, .pt or .safetensors.
        folder: Where to write.
        network: A preset's name, or the path of an experiment file whose `model` the weights are for; where the file holds
            weights alone.
        input_shape: Sizes that the file leaves open, or of the images of a preset, without the batch axis.
        force: Whether files that are there are replaced.

    Raises:
        CheckpointError: The file is refused, or its weights do not fit.
        UsageError: The folder holds such files already, or it is not said whose weights they are.
        MachineError: An extra is not installed.
    """
    _check_folder(folder, force)
    if not path.is_file():
        raise refused(path, "There is no such file.")
    if network is None and holds_model(path):
        read = read_model(path, input_shape)
        return _write(path, folder, _of_model(read), _all_loaded(read), read.notes)
    if network is None:
        known = ", ".join(name for name, cls in PRESETS.members.items() if dialects(_parsed(cls.public_name())))
        raise UsageError(f"{shown(path)} holds weights alone. Say whose they are: --as PRESET ({known}) or --as EXPERIMENT.yaml.")
    given, assigned = _of_weights(path, network, input_shape)
    return _write(path, folder, given, assigned, ())


def _check_folder(folder: Path, force: bool) -> None:
    there = [name for name in (EXPERIMENT, WEIGHTS) if (folder / name).exists()]
    if there and not force:
        raise UsageError(f"{shown(folder / there[0])} is there already; choose another --out, or replace it with --force.")


def _parsed(name: str) -> Preset:
    return PRESETS.parse(name)


def _all_loaded(read: ForeignModel) -> Assignment:
    return Assignment(dict(read.weights), (), (), "Keras")


def _of_model(read: ForeignModel) -> _Network:
    """A model of Keras, layer by layer."""
    layers = [plain(layer, defaults=False) for layer in read.layers]
    graph = Graph.build(read.layers, read.inputs, read.outputs)
    several = len(read.outputs) > 1
    written: dict[str, Any] = {"layers": layers} | ({"outputs": list(read.outputs)} if several else {})
    compiled = read.training or {"loss": _loss_of(graph)}
    return _Network(read.layers, read.inputs, read.outputs, read.weights, written, compiled, read.optimizer)


def _loss_of(graph: Graph) -> Any:
    """A loss for each output that goes with its activation."""
    nodes = {node.name: node for node in graph.nodes}
    found = {}
    for name in graph.outputs:
        node = nodes.get(name)
        activation = None if node is None else last_activation(node.layer, node.output_shape)
        found[name] = _LOSSES.get(activation or "", "mean_squared_error")
    return found if len(found) > 1 else next(iter(found.values()))


def _of_weights(path: Path, network: str, input_shape: Sequence[int] | None) -> tuple[_Network, Assignment]:
    """Weights alone, for a preset or for the network of an experiment."""
    foreign = read_weights(path)
    if network.endswith((".yaml", ".yml")):
        return _of_experiment(foreign, Path(network), input_shape)
    preset = _preset(network)
    units = _units(foreign, preset)
    sizes = tuple(input_shape or (*(getattr(preset, "input_size", None) or (_SIDE, _SIDE)), 3))
    graph = _built(preset.expand(units, "softmax"), {"input": sizes}, path)
    if (dialect := dialect_of(foreign, graph, preset)) is not None:
        preset = dialect.with_layout(preset)
    layers = preset.expand(units, "softmax")
    graph = _built(layers, {"input": sizes}, path)
    assigned = assign(foreign, graph, preset)
    arguments = {**plain(preset, defaults=False)[preset.public_name()], "classes": units}
    written = {"preset": {preset.public_name(): arguments}}
    compiled = {"optimizer": {"Adam": {"learning_rate": 0.001}}, "loss": _LOSSES["softmax"], "metrics": ["accuracy"]}
    return _Network(layers, {"input": sizes}, None, assigned.weights, written, compiled), assigned


def _preset(name: str) -> Preset:
    from pydantic_core import PydanticCustomError

    try:
        return PRESETS.parse(name)
    except (PydanticCustomError, FittoolError) as error:
        raise UsageError(f"--as {name}: {error}") from None


def _of_experiment(foreign: ForeignWeights, experiment: Path, input_shape: Sequence[int] | None) -> tuple[_Network, Assignment]:
    """Weights for the layers that an experiment writes, matched one after the other, or by name for its preset."""
    loaded = load_experiment(experiment)
    model, size = loaded.experiment.model, loaded.experiment.data.image.size
    if model.layers is None:
        raise UsageError(f"--as {shown(experiment)}: the experiment must write its layers out; of a preset give the name alone.")
    channels = {mode: count for count, mode in _MODES.items()}[loaded.experiment.data.image.color_mode]
    shape = tuple(input_shape) if input_shape else None if size is None else (*size, channels)
    if shape is None:
        raise UsageError(f"--as {shown(experiment)}: the size of the inputs is not known; say it with --input-shape.")
    graph = _built(model.layers, {"input": shape}, experiment)
    assigned = assign(foreign, graph, None)
    written = {"layers": [plain(layer, defaults=False) for layer in model.layers]}
    compiled = plain(loaded.experiment.compile, defaults=False)
    return _Network(model.layers, {"input": shape}, None, assigned.weights, written, compiled), assigned


def _built(layers: Sequence[Layer], inputs: Mapping[str, Shape], path: Path) -> Graph:
    try:
        return Graph.build(layers, inputs)
    except LayerError as error:
        raise CheckpointError([refused(path, str(one)).problems[0] for one in error.problems]) from None


def _units(foreign: ForeignWeights, preset: Preset) -> int:
    """The number of outputs of the file's last layer."""
    for dialect in dialects(preset):
        parts = foreign.layers.get(dialect.names["predictions"])
        if parts:
            weight = next(iter(parts.values()))
            return int(len(weight) if foreign.form == "torch" else weight.shape[-1])
    last = list(foreign.layers.values())[-1]
    return len(next(iter(last.values()))) if foreign.ordered and foreign.form == "torch" else 1000


def _write(path: Path, folder: Path, network: _Network, assigned: Assignment, notes: tuple[str, ...]) -> ImportedModel:
    outputs = None if network.outputs is None else list(network.outputs)
    model = Model(list(network.layers), input_shape=dict(network.inputs), outputs=outputs)
    if network.optimizer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SettingWarning)  # training it on will say so
            model.compile(**network.compiled)
    weights = {f"weights/{name}": array for name, array in network.weights.items()}
    model.network.load({**weights, **network.optimizer})
    make_folder(folder)
    model.save(folder / WEIGHTS)
    atomic_write(folder / EXPERIMENT, [_experiment(path, network).encode()])
    load_experiment(folder / EXPERIMENT)  # what is written is what is read
    count = sum(array.size for array in assigned.weights.values())
    steps = int(network.optimizer["optimizer/iterations"]) if network.optimizer else None
    return ImportedModel(folder, len(assigned.weights), count, assigned.names, assigned.skipped, assigned.missing, notes, steps)


def _experiment(path: Path, network: _Network) -> str:
    """The experiment file: the network with its weights, and data and training to be filled in."""
    shapes = list(network.inputs.values())
    data: dict[str, Any] = {"train": {"npz": {"path": "data.npz"}}}
    where = "# The inputs and targets to train on: arrays x and y. See docs/data.md for other sources.\n"
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][-1] in _MODES:
        data = {
            "train": {"folder": {"path": "pictures"}},
            "image": {"size": list(shapes[0][:2]), "color_mode": _MODES[shapes[0][-1]]},
        }
        where = "# A folder with a folder of pictures for each class. See docs/data.md for other sources.\n"
    head = f"# Imported from {path.name}. The network and its weights are as they were; data and training are to be filled in.\n"
    sections = [
        (head, {"name": name_from(path.stem)}),
        (where, {"data": data}),
        ("", {"model": network.written, "initial_weights": {"from": WEIGHTS}, "compile": network.compiled}),
        ("", {"train": {"mode": "fit", "batch_size": 32, "epochs": 10, "validation_split": 0.2}}),
    ]
    return "".join(comment + yaml_text(section) for comment, section in sections)
