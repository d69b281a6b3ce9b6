"""Experiments on pictures that start from a network somebody has trained already."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.config.experiment_file import load_experiment
from fittool.config.yaml.writer import flow_text
from fittool.errors import CheckpointError, UsageError, shown
from fittool.exchange.incoming.preset_dialects import preset_of
from fittool.exchange.incoming.reading import is_foreign, read_weights
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
        preset: What it is.
        weights: The file or run with its weights.
    """

    preset: Preset
    weights: Path

    def side(self, survey: Survey) -> int:
        """Height and width of the pictures: the network's own, or near those that there are."""
        own = getattr(self.preset, "input_size", None)
        if own is not None:
            return int(own[0])
        there = min(survey.image_size or (_SMALLEST, _SMALLEST))
        return max(_SMALLEST, min(_LARGEST, there // _STEP * _STEP))

    def sections(self, folder: str) -> str:
        """The sections `model`, `initial_weights` and `fine_tune`, paths relative to a folder."""
        arguments: dict[str, Any] = dict(plain(self.preset, defaults=False)[self.preset.public_name()])
        arguments.pop("classes", None)
        preset: Any = {self.preset.public_name(): arguments} if arguments else self.preset.public_name()
        where = os.path.relpath(self.weights.absolute(), folder)
        return f"""\
model:
  preset: {flow_text(preset)}  # with a new last layer, for your classes

initial_weights: {{from: {flow_text(where)}, strict: false}}  # all but the last layer

fine_tune:  # `fittool show` prints the stages that this stands for
  head_epochs: 5  # in which the new layer learns alone
  epochs: 5  # in which the last stage learns, too
  learning_rate: 0.00003
"""


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
        return Pretrained(_preset_in(folder), _weights_in(folder) if path.is_dir() else path)
    foreign = read_weights(path)
    preset = preset_of(foreign)
    if preset is None:
        text = (
            "holds weights under names that none of the presets has. Import it with `fittool import … --as`, or write its layers."
        )
        raise CheckpointError(text, place=shown(path))
    return Pretrained(preset, path)


def _preset_in(folder: Path) -> Preset:
    if not (folder / _EXPERIMENT).is_file():
        raise UsageError(f"--pretrained: {shown(folder)} holds no {_EXPERIMENT}, which says what network the weights are of.")
    preset = load_experiment(folder / _EXPERIMENT).experiment.model.preset
    if preset is None:
        text = f"--pretrained: the network in {shown(folder / _EXPERIMENT)} is written layer by layer. Copy it, change its last"
        raise UsageError(f"{text} layer, and name the weights under initial_weights with strict: false.")
    return preset


def _weights_in(folder: Path) -> Path:
    return folder / "weights.safetensors" if (folder / "weights.safetensors").is_file() else folder
