"""A contact sheet of what the network will see: samples beside augmented ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation import Augmentation, apply, draw
from fittool.data.dataset import Dataset
from fittool.data.order import Order
from fittool.data.user_batches import UserBatches
from fittool.errors import ExperimentError
from fittool.experiment.data import open_data
from fittool.report.contact_sheet import contact_sheet
from fittool.spec.experiment_file import LoadedExperiment

if TYPE_CHECKING:
    from PIL import Image


def preview(loaded: LoadedExperiment, *, samples: int = 8, variants: int = 7) -> Image.Image:
    """Draw the sheet: one row a sample, the original first, then the sample as the first epochs will see it.

    Args:
        loaded: The experiment.
        samples: How many samples, the first of the first epoch.
        variants: How many augmented pictures of each.

    Raises:
        ExperimentError: The data are no images.
    """
    experiment = loaded.experiment
    data = open_data(loaded).train
    if isinstance(data, UserBatches) or any(len(shape) != 3 for shape in data.input_shapes.values()):
        raise ExperimentError(loaded.problem("A preview needs images, which data.train does not give.", "data", "train"))
    count = min(samples, len(data))
    augmentation = replace(experiment.any_augmentation or Augmentation(), rescale=None)
    order = Order(len(data), len(data), experiment.seed, shuffle=experiment.first.shuffle)
    chosen = order.batch(0)[2][:count]
    originals = data.load(chosen)[0][0]
    sheets, texts = [], []
    for turn in range(variants):
        positions = np.argsort(order.batch(turn)[2])[chosen]
        parameters = draw(augmentation, originals.shape[1:], experiment.seed, turn, positions, chosen)
        sheets.append(apply(augmentation, originals, parameters))
        texts.append([parameters.describe(index) for index in range(count)])
    return contact_sheet(
        originals, np.stack(sheets, axis=1), _labels(data, chosen), [list(row) for row in zip(*texts, strict=True)]
    )


def _labels(data: Dataset, chosen: NDArray[np.int64]) -> list[str]:
    labels: Any = data.labels()
    if labels is None:
        return [data.describe(int(index)) for index in chosen]
    names = data.class_names
    return [str(labels[index]) if names is None else names[labels[index]] for index in chosen]
