"""Checks that the images of the data can be changed as `augmentation:` asks, before the first batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import ExperimentError, KeyPath, path_text
from fittool.nn.shapes import Shape

if TYPE_CHECKING:
    from fittool.augmentation.settings import Augmentation

_COLOURS = 3
_IMAGE_AXES = 3


def check_augmentation(loaded: LoadedExperiment, shapes: Mapping[str, Shape]) -> None:
    """Hold every stage's augmentation against the shapes of the data's inputs.

    Raises:
        ExperimentError: An image has too few or too many channels, or is too large; one problem for each setting.
    """
    problems = [
        loaded.problem(f"{path_text((*path, *key))} {text}", *path, *key)
        for path, augmentation in _sections(loaded).items()
        for key, text in _impossible(augmentation, [tuple(shape) for shape in shapes.values()])
    ]
    if problems:
        raise ExperimentError(problems)


def _sections(loaded: LoadedExperiment) -> dict[KeyPath, Augmentation]:
    """The augmentations that stages use, by where they are written."""
    experiment = loaded.experiment
    found: dict[KeyPath, Augmentation] = {}
    for stage in experiment.stages:
        augmentation = experiment.augmentation_of(stage)
        if augmentation is not None:
            own = augmentation is not experiment.augmentation
            found[(*experiment.path_of(stage), "augmentation") if own else ("augmentation",)] = augmentation
    return found


def _impossible(augmentation: Augmentation, shapes: list[Shape]) -> Iterator[tuple[KeyPath, str]]:
    """The settings that samples of some shapes do not allow, and why; images are those of three axes."""
    from fittool.augmentation.coordinates import LARGEST_SIDE

    images = [shape for shape in shapes if len(shape) == _IMAGE_AXES]
    if not images:
        found = ", ".join(map(str, shapes))
        yield (), f"needs images of shape (height, width, channels), but data.train gives samples of shape {found}."
        return
    height, width, channels = images[0]
    if channels != _COLOURS:
        mend = f"needs images of {_COLOURS} channels, but they have {channels}. Leave it out, or load the images in colour."
        if augmentation.saturation_range is not None:
            yield ("saturation_range",), mend
        if augmentation.hue_range > 0:
            yield ("hue_range",), mend
    erasing = augmentation.random_erasing
    if erasing is not None and isinstance(erasing.value, tuple) and len(erasing.value) != channels:
        given = f"has {len(erasing.value)} number{'s' * (len(erasing.value) != 1)}"
        yield ("random_erasing", "value"), f"{given}, but the images have {channels} channels. Give one for each, or one for all."
    if max(height, width) > LARGEST_SIDE and augmentation.warps:
        yield (), f"moves pixels of images of up to {LARGEST_SIDE:,} pixels a side, but these have {height:,} x {width:,}."
