"""The form of the targets that data give, to be held against losses and metrics before training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.class_weights import classes_of
from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.nn.targets import Targets


def target_forms(data: Dataset | GeneratorData, source: str = "data.train") -> tuple[Targets, ...]:
    """The form of some data's targets, one for each output; looks at all labels, but decodes one sample at most.

    Args:
        data: The samples; of user code's batches the first is looked at.
        source: What the targets are called in messages.
    """
    if isinstance(data, GeneratorData):
        held = data.first.targets
        labels = classes_of(held[0]) if len(held) == 1 else None
    else:
        arrays = data.load(np.zeros(1, np.int64))[1]
        held = data.targets if isinstance(data, ArrayDataset) else arrays
        labels = data.labels() if len(held) == 1 else None
    names = None if isinstance(data, GeneratorData) else data.class_names
    forms = tuple(_form(array, labels, source) for array in held)
    return tuple(replace(form, class_names=names) if form.kind == "class numbers" else form for form in forms)


def _form(array: Array, labels: NDArray[np.int64] | None, source: str) -> Targets:
    """The form of targets (N, …) whose class numbers are `labels`, if they have such."""
    shape = array.shape[1:]
    known: Any = array if labels is None or shape not in ((), (1,)) else labels
    lowest, highest = float(known.min()), float(known.max())
    if len(shape) == 1 and shape[0] > 1 and _is_one_hot(array):
        return Targets("one-hot", shape, lowest, highest, source)
    whole = np.issubdtype(array.dtype, np.integer) or (labels is not None and shape in ((), (1,)))
    return Targets("class numbers" if whole else "numbers", shape, lowest, highest, source)


def _is_one_hot(rows: Any) -> bool:
    return bool(np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(axis=-1) == 1))
