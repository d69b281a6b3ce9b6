"""A contact sheet of what the network will see: samples beside augmented ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import apply
from fittool.augmentation.draw import Parameters, draw
from fittool.augmentation.mixing import mix, mixes
from fittool.augmentation.standardize import standardizes
from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.dataset import Dataset
from fittool.data.images.preprocessing import Preprocessing
from fittool.data.order import Order, shard_order_of
from fittool.data.splits.partition import balanced
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError
from fittool.experiment.building.compatibility import check_augmentation
from fittool.experiment.building.data import open_data
from fittool.experiment.building.transforms import changes_of, fixed_steps, preprocessing_of
from fittool.report.contact_sheet import contact_sheet

if TYPE_CHECKING:
    from PIL import Image

_IMAGE_AXES = 3


def preview(loaded: LoadedExperiment, *, samples: int = 8, variants: int = 7) -> Image.Image:
    """Draw the sheet: one row a sample, the original first, then the sample as the first epochs will see it.

    Behind the random changes come the user's own function and mixing with the very sample that training mixes it with.
    What the network does by itself (`in_network`) is left out.

    Args:
        loaded: The experiment.
        samples: How many samples, the first of the first epoch.
        variants: How many augmented pictures of each.

    Raises:
        ExperimentError: The data are no images.
    """
    experiment = loaded.experiment
    data = open_data(loaded).train
    if isinstance(data, GeneratorData) or any(len(shape) != _IMAGE_AXES for shape in data.input_shapes.values()):
        raise ExperimentError(loaded.problem("A preview needs images, which data.train does not give.", "data", "train"))
    check_augmentation(loaded, data.input_shapes)
    if experiment.data.oversample is not None:
        data = balanced(data, experiment.seed)
    views = Views(experiment, data, preprocessing_of(loaded))
    chosen = views.pass_of(0)[: min(samples, len(data))]
    originals = data.load(chosen)[0][0]
    seen = [views.of(turn, chosen) for turn in range(variants)]
    captions = [list(row) for row in zip(*(texts for _, texts in seen), strict=True)]
    return contact_sheet(
        originals, np.stack([images for images, _ in seen], axis=1), [views.label(index) for index in chosen], captions
    )


def in_network(loaded: LoadedExperiment) -> tuple[str, ...]:
    """The settings of `augmentation:` that a sheet leaves out, as the network does them."""
    augmentation = loaded.experiment.any_augmentation
    if augmentation is None or not standardizes(augmentation):
        return ()
    steps = ("rescale",) if augmentation.rescale not in (None, 1) else ()
    return (*steps, *(name for name in fixed_steps() if getattr(augmentation, name) is True))


class Views:
    """The samples as training changes them in each pass.

    Args:
        experiment: Says how.
        data: The samples.
        preprocess: The user's function of an image, or None.
    """

    def __init__(self, experiment: Experiment, data: Dataset, preprocess: Preprocessing | None) -> None:
        self._augmentation = replace(experiment.any_augmentation or Augmentation(), rescale=None)
        used = [stage for stage in experiment.stages if experiment.augmentation_of(stage) is not None]
        stage = (used or [experiment.first])[0]
        self._data, self._seed, self._batch_size = data, experiment.seed, stage.batch_size
        self._order = Order(len(data), len(data), experiment.seed, shuffle=stage.shuffle, stream=shard_order_of(data))
        self._preprocess = preprocess
        steps = -(-len(data) // stage.batch_size)
        until = changes_of(experiment, stage, None, steps).until_step
        self._chance_ends = math.inf if until is None else until / steps

    def pass_of(self, turn: int) -> NDArray[np.int64]:
        """The samples of a pass, in its order."""
        return self._order.batch(turn)[2]

    def of(self, turn: int, chosen: NDArray[np.int64]) -> tuple[NDArray[Any], list[str]]:
        """Some samples as a pass shows them, each with a text that says what happened to it."""
        positions = np.argsort(self.pass_of(turn))[chosen]
        if turn >= self._chance_ends:
            return self._preprocess_images(self._data.load(chosen)[0][0]), [""] * len(chosen)
        if not mixes(self._augmentation):
            images, parameters = self._change(turn, positions, chosen)
            return self._preprocess_images(images), [parameters.describe(index) for index in range(len(chosen))]
        each = [self._mix(turn, int(position)) for position in positions]
        return np.stack([image for image, _ in each]), [text for _, text in each]

    def label(self, index: int) -> str:
        """The class of a sample, or else its name."""
        labels: Any = self._data.labels()
        if labels is None:
            return self._data.describe(int(index))
        names = self._data.class_names
        return str(labels[index]) if names is None else names[labels[index]]

    def _change(self, turn: int, positions: NDArray[np.int64], samples: NDArray[np.int64]) -> tuple[NDArray[Any], Parameters]:
        images = self._data.load(samples)[0][0]
        parameters = draw(self._augmentation, images.shape[1:], self._seed, turn, positions, samples)
        return apply(self._augmentation, images, parameters), parameters

    def _preprocess_images(self, images: NDArray[Any]) -> NDArray[Any]:
        return images if self._preprocess is None else self._preprocess(images)

    def _mix(self, turn: int, position: int) -> tuple[NDArray[Any], str]:
        """One sample, mixed with another one of its batch; what is mixed beside the images tells with which, and how."""
        first = position - position % self._batch_size
        samples = self.pass_of(turn)[first : first + self._batch_size]
        images, parameters = self._change(turn, np.arange(first, first + len(samples)), samples)
        own = np.eye(len(samples), dtype=np.float32)
        mixed, (shares,), _ = mix(self._augmentation, (self._preprocess_images(images),), (own,), None, self._seed, turn, first)
        row = position - first
        others = [other for other in np.flatnonzero(shares[row]).tolist() if other != row]
        parts = [f"{shares[row][one]:.0%} {self.label(samples[one])}" for one in (row, *others)]
        return mixed[0][row], ", ".join([parameters.describe(row), *parts])
