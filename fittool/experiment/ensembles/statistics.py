"""The results of an ensemble's members, and their mean and deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fittool.nn.objectives import ROW_NAMES
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary

_NO_RESULTS = frozenset({*ROW_NAMES, "learning_rate"})


@dataclass(frozen=True)
class Spread:
    """A value in several runs.

    Attributes:
        values: One a run.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Their standard deviation: the root of the mean square of the distances from the mean.

        The sum is divided by the number of runs and not by one less, as in scikit-learn's `std_test_score`.
        """
        if len(set(self.values)) == 1:
            return 0.0  # where the mean is rounded, the formula gives some 1e-16
        return float(np.std(self.values))

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"mean": self.mean, "deviation": self.deviation, "values": list(self.values)}


def summaries_of(members: Sequence[Path]) -> list[RunSummary | None]:
    """Each member in short; None for one that has not begun."""
    found = [run_at(path) for path in members]
    return [None if one is None else RunSummary.of(one) for one in found]


def results_of(members: Sequence[RunSummary]) -> dict[str, Spread]:
    """The values of the best epoch of each member, and their mean: those of validation first, then those of training.

    Values that a member lacks are left out.
    """
    rows = [member.best_row() for member in members]
    shared = [
        name for name in (rows[0] if rows else {}) if name not in _NO_RESULTS and all(_is_number(row, name) for row in rows)
    ]
    names = sorted(shared, key=lambda name: not name.startswith("val_"))
    return {name: Spread(tuple(float(row[name]) for row in rows)) for name in names}


def _is_number(row: Mapping[str, Any], name: str) -> bool:
    return isinstance(row.get(name), int | float) and not isinstance(row.get(name), bool)
