"""The history of the epochs: a list of flat rows; everything else (tables, plots, Keras's dictionary) is a view of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.nn.objectives import ROW_NAMES

Row = dict[str, Any]
"""`epoch` (from 1), in a training of several parts `stage`, then `loss`, metrics, `val_*`, `learning_rate`, `seconds`,
`examples_per_second`, `data_seconds` (spent waiting for training data); all but `stage` are
numbers."""


class History(Callback):
    """The rows of all epochs.

    Attributes:
        rows: One flat mapping an epoch.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def append(self, row: Row) -> None:
        """Add a finished epoch."""
        self.rows.append(row)

    @property
    def epoch(self) -> list[int]:
        """The epochs' numbers, from 0 as in Keras."""
        return [int(row["epoch"]) - 1 for row in self.rows]

    @property
    def history(self) -> dict[str, list[float]]:
        """Keras's keys, each with one value for every epoch that has one."""
        names = dict.fromkeys(name for row in self.rows for name in row if name not in ROW_NAMES)
        return {name: [row[name] for row in self.rows if name in row] for name in names}

    def replace(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take the rows of a run that goes on."""
        self.rows = [dict(row) for row in rows]


def make_row(
    epoch: int, logs: Logs, seconds: float, examples_per_second: float, data_seconds: float, *, stage: str | None = None
) -> Row:
    """The row of an epoch (counted from 0) from its logs; what is no number is left out."""
    row: Row = {"epoch": epoch + 1} | ({} if stage is None else {"stage": stage})
    for name, value in logs.items():
        number = _number(value)
        if number is not None:
            row[name] = number
    return row | {"seconds": seconds, "examples_per_second": examples_per_second, "data_seconds": data_seconds}


def logs_of(row: Mapping[str, Any]) -> Logs:
    """The logs that a row was made from, as far as they were numbers."""
    return {name: value for name, value in row.items() if name not in ROW_NAMES}


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]  # callbacks may add whatever converts: NumPy numbers, tensors
    except (TypeError, ValueError):
        return None
