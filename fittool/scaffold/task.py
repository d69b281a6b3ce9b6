"""The task that data set: to tell classes apart, or to predict numbers; found by opening them as either."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from fittool.data.class_labels import are_classes
from fittool.data.dataset import Dataset
from fittool.data.targets import ClassMode, Targets
from fittool.errors import DataError, ExperimentError, visible

_SHOWN = 5

Open = Callable[[ClassMode], Dataset]
"""Opens data in a class mode."""


@dataclass(frozen=True)
class Task:
    """The task that data set.

    Attributes:
        kind: `classes`: one of several; `one-hot`: the same, given as rows; `several`: any of several, named in one cell; `yes or
            no`: several answers of 0 or 1; `numbers`.
        classes: How many samples each class has; empty where classes have no names.
        outputs: How many numbers or answers there are for each sample.
    """

    kind: Literal["classes", "one-hot", "several", "yes or no", "numbers"]
    classes: dict[str, int] = field(default_factory=dict)
    outputs: int = 1

    @property
    def units(self) -> int:
        """The number of units of the last layer."""
        return len(self.classes) or self.outputs

    @property
    def can_be_stratified(self) -> bool:
        """True where each class has samples for both sides."""
        return self.kind == "classes" and min(self.classes.values()) > 1

    def in_words(self) -> str:
        """Such as `3 classes (a 20, b 20, c 20)`."""
        if self.classes:
            few = [f"{visible(name)} {count:,}" for name, count in list(self.classes.items())[:_SHOWN]]
            return f"{len(self.classes)} classes ({', '.join(few)}{', …' if len(self.classes) > _SHOWN else ''})"
        if self.kind == "numbers":
            return "a number to predict" if self.outputs == 1 else f"{self.outputs} numbers to predict"
        return f"{self.outputs} classes as one-hot rows" if self.kind == "one-hot" else f"{self.outputs} answers of 0 or 1"


def task_of(open_as: Open) -> tuple[Task, Dataset]:
    """The task that labels set, and the data opened so.

    Args:
        open_as: Opens the data.

    Raises:
        DataError: They cannot be opened in either way.
    """
    try:
        dataset = open_as("sparse")
    except (DataError, ExperimentError) as error:
        try:
            dataset = open_as("auto")
        except (DataError, ExperimentError):
            raise error from None
        return _of_numbers(dataset), dataset
    names, labels = dataset.class_names or (), dataset.labels()
    assert labels is not None
    if are_classes(names, len(labels)):
        if len(names) == 1:
            text = f"All {len(labels):,} labels are {visible(names[0])!r}, so there is nothing to learn."
            raise DataError(f"{text} Name another label with --label, or give samples of other classes.")
        counts = np.bincount(labels, minlength=len(names)).tolist()
        return Task("classes", dict(zip(names, counts, strict=True))), dataset
    try:
        dataset = open_as("auto")
    except (DataError, ExperimentError):
        text = f"The labels are text, {len(names):,} different ones in {len(labels):,} samples; these are no classes."
        raise DataError(f"{text} Name another label with --label.") from None
    return _of_numbers(dataset), dataset


def _of_numbers(dataset: Dataset) -> Task:
    held: Any = getattr(dataset, "targets", None)
    targets: Any = held.values if isinstance(held, Targets) else held[0]
    outputs = math.prod(targets.shape[1:])
    if targets.ndim != 2 or outputs == 1 or not np.isin(targets, (0, 1)).all():
        return Task("numbers", outputs=outputs)
    return Task("one-hot" if (targets.sum(axis=1) == 1).all() else "yes or no", outputs=outputs)
