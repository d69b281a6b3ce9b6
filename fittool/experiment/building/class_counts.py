"""The number of samples of each class, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fittool.data.dataset import Dataset, Subset
from fittool.data.targets import Targets
from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.building.data import Data

_SHOWN = 20


def _of_rows(data: Dataset, classes: int) -> list[int]:
    """The number of samples with each of several labels, where targets are rows of ones and zeros; empty for others."""
    whole: Any = data
    within = np.arange(len(data))
    while isinstance(whole, Subset):
        within, whole = whole.indices[within], whole.dataset
    held = getattr(whole, "targets", None)
    rows = held.values if isinstance(held, Targets) else held[0] if isinstance(held, tuple) and len(held) == 1 else None
    if rows is None or rows.shape[1:] != (classes,):
        return []
    return [int(count) for count in np.count_nonzero(rows[within], axis=0)]


def class_counts(data: Data | None, names: Sequence[str] | None) -> str:
    """`cat 500, dog 480`, the first classes of many; "" where there are no classes to count."""
    if data is None or names is None or isinstance(data, GeneratorData):
        return ""
    labels = data.labels()
    counts = _of_rows(data, len(names)) if labels is None else np.bincount(labels, minlength=len(names)).tolist()
    if not counts:
        return ""
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(names[:_SHOWN], counts, strict=False))
    return listed + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
