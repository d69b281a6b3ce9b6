"""The number of samples of each class, in one line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.building.data import Data

_SHOWN = 20


def class_counts(data: Data | None, names: Sequence[str] | None) -> str:
    """`cat 500, dog 480`, the first classes of many; "" where there are no classes to count."""
    if data is None or names is None or isinstance(data, GeneratorData) or (labels := data.labels()) is None:
        return ""
    counts = np.bincount(labels, minlength=len(names)).tolist()
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(names[:_SHOWN], counts, strict=False))
    return listed + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
