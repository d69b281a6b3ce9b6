"""The learning curves of a run, as its report and its live page show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fittool.report.pages.charts import Series, legend, line_chart

NOT_DRAWN = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
_HOVERS, _MOST_HOVERS = 2400, 150
_POINTS, _MOST_POINTS = 12_000, 600
Rows = Sequence[Mapping[str, Any]]


def value_names(rows: Rows) -> list[str]:
    """The names of all values in rows that can be drawn, in the order in which they first came."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in NOT_DRAWN))


def learning_curves(rows: Rows, best: int | None) -> list[tuple[str, str, str]]:
    """A chart for each value, with that of the validation over that of the training: name, chart and legend.

    However many values and epochs there are, all charts together stay below a megabyte: points are left out evenly.

    Args:
        rows: Of the epochs.
        best: The number of the best epoch, which is marked.
    """
    names = value_names(rows)
    alone = [name for name in names if not (name.startswith("val_") and name[4:] in names) and not _is_constant(name, rows)]
    hovers, points = min(_HOVERS // max(len(names), 1), _MOST_HOVERS), min(_POINTS // max(len(names), 1), _MOST_POINTS)
    charts = []
    for name in alone:
        pair = [one for one in (f"val_{name}", name) if one in names]
        series = [Series(one, _points(rows, one), place, dashed=one == name and len(pair) > 1) for place, one in enumerate(pair)]
        if chart := line_chart(f"{name} over the epochs", series, mark=best, hovers=hovers, points=points):
            charts.append((name, chart, legend(series)))
    return charts


def _is_constant(name: str, rows: Rows) -> bool:
    """A learning rate that never changes, which is told among the settings."""
    return name == "learning_rate" and len({row.get(name) for row in rows}) == 1


def _points(rows: Rows, name: str) -> list[tuple[int, float]]:
    return [(int(row["epoch"]), float(row[name])) for row in rows if row.get(name) is not None]
