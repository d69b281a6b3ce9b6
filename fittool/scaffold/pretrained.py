"""Experiments on pictures that start from a network somebody has trained already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import load_experiment
from fittool.config.sections import Image
from fittool.config.yaml.writer import flow_text, yaml_text
from fittool.errors import CheckpointError, UsageError, shown
from fittool.exchange.incoming.preset_dialects import preset_of
from fittool.exchange.incoming.reading import is_foreign, read_weights
from fittool.experiment.pretrained.initial_weights import class_names_in
from fittool.nn.layers import Activation, BatchNormalization, Dense, Dropout, Layer
from fittool.nn.presets import Preset
from fittool.runs.checkpoint import is_checkpoint
from fittool.scaffold.survey import Survey
from fittool.settings import plain

_SMALLEST, _LARGEST, _STEP = 128, 224, 32
"""Sides of the pictures, in pixels: those of these networks' own training are 224, and from 128 on they see well enough."""
_EXPERIMENT = "experiment.yaml"


@dataclass(frozen=True)
class Pretrained:
    """A network to start from.

    Attributes:
        preset: What it is; None where its layers are written out.
        weights: The file or run with its weights.
        names_classes: Whether the names of the classes that it tells apart are known.
        layers: Its layers, where it is no preset.
        image: How it takes pictures, where that is known.
    """

    preset: Preset | None
    weights: Path
    names_classes: bool = False
    layers: tuple[Layer, ...] = ()
    image: Image | None = None

    @property
    def title(self) -> str:
        """Its name, for people."""
        return "the network" if self.preset is None else self.preset.public_name()

    def size(self, survey: Survey) -> tuple[int, int]:
        """Height and width of the pictures: the network's own, or near those that there are."""
        if self.image is not None and self.image.size is not None:
            return self.image.size
        own = getattr(self.preset, "input_size", None)
        if own is not None:
            return int(own[0]), int(own[0])
        there = min(survey.image_size or (_SMALLEST, _SMALLEST))
        side = max(_SMALLEST, min(_LARGEST, there // _STEP * _STEP))
        return side, side

    @property
    def color_mode(self) -> str:
        """The channels of the pictures."""
        return "rgb" if self.image is None else self.image.color_mode

    def sections(self, folder: str, units: int, activation: str) -> str:
        """The sections `model`, `initial_weights` and `fine_tune`.

        Args:
            folder: What paths are relative to.
            units, activation: Of the last layer.

        Raises:
            UsageError: The network has no last layer that could be another.
        """
        where = os.path.relpath(self.weights.absolute(), folder)
        last = "of the last layer, what belongs to classes that stay" if self.names_classes else "all but the last layer"
        by_name = ", classes: by_name" * self.names_classes
        return f"""\
{self._model(units, activation)}
initial_weights: {{from: {flow_text(where)}, strict: false{by_name}}}  # {last}

fine_tune:  # `fittool show` prints the stages that this stands for
  head_epochs: 5  # in which the new layer learns alone
  epochs: 12  # in which all others but normalizations learn, too; unfreeze: last_stage takes less time, and does less
  learning_rate: 0.0001  # which falls to nothing
  unfreeze: all
"""

    def _model(self, units: int, activation: str) -> str:
        if self.preset is None:
            layers = [plain(layer, defaults=False) for layer in _with_head(self.layers, units, activation, shown(self.weights))]
            return yaml_text({"model": {"layers": layers}})
        arguments: dict[str, Any] = dict(plain(self.preset, defaults=False)[self.preset.public_name()])
        arguments.pop("classes", None)
        preset: Any = {self.preset.public_name(): arguments} if arguments else self.preset.public_name()
        return f"model:\n  preset: {flow_text(preset)}  # with a new last layer, for your classes\n"


def _with_head(layers: Sequence[Layer], units: int, activation: str, place: str) -> list[Layer]:
    """The layers with another size of the last one that has one; the activation may be a layer of its own.

    Raises:
        UsageError: There is none, or what stands behind it is for another kind of answers.
    """
    number = max((number for number, layer in enumerate(layers) if isinstance(layer, Dense)), default=None)
    behind = [] if number is None else layers[number + 1 :]
    fits = all(isinstance(layer, Dropout | BatchNormalization) or _is(layer, activation) for layer in behind)
    if number is None or not fits:
        text = f"--pretrained: the network of {place} does not end with a Dense layer for classes such as these. Copy its"
        raise UsageError(
            f"{text} experiment, change its last layers, and name the weights under initial_weights with strict: false."
        )
    own = layers[number]
    assert isinstance(own, Dense)
    squashed = replace(own, units=units) if any(_is(layer, activation) for layer in behind) else None
    return [*layers[:number], squashed or replace(own, units=units, activation=activation), *behind]


def _is(layer: Layer, activation: str) -> bool:
    return activation == (layer.activation if isinstance(layer, Activation) else type(layer).__name__.lower())


def pretrained(path: Path) -> Pretrained:
    """The network of a folder that `fittool import` or a training wrote, or of a file of weights whose names say whose they are.

    Raises:
        CheckpointError: The file is refused, or its names are none of a preset's.
        UsageError: The folder's network is no preset.
    """
    if not path.exists():
        raise CheckpointError("There is no such file or folder.", place=shown(path))
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or (path.suffix == ".safetensors" and not is_foreign(path) and is_checkpoint(path)):
        weights = _weights_in(folder) if path.is_dir() else path
        experiment = _experiment_in(folder)
        named = class_names_in(weights) is not None
        preset, layers = experiment.model.preset, tuple(experiment.model.layers or ())
        return Pretrained(preset, weights, named, layers, None if layers == () else experiment.data.image)
    foreign = read_weights(path)
    preset = preset_of(foreign)
    if preset is None:
        text = (
            "holds weights under names that none of the presets has. Import it with `fittool import … --as`, or write its layers."
        )
        raise CheckpointError(text, place=shown(path))
    return Pretrained(preset, path)


def _experiment_in(folder: Path) -> Experiment:
    """The experiment that the weights in a folder are of."""
    if not (folder / _EXPERIMENT).is_file():
        raise UsageError(f"--pretrained: {shown(folder)} holds no {_EXPERIMENT}, which says what network the weights are of.")
    return load_experiment(folder / _EXPERIMENT).experiment


def _weights_in(folder: Path) -> Path:
    return folder / "weights.safetensors" if (folder / "weights.safetensors").is_file() else folder
