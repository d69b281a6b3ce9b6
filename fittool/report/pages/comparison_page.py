"""The page of `compare --html`: what differs, what came of it, and the curves of all runs over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittool.report.pages.charts import Series, legend, line_chart
from fittool.report.pages.page import render
from fittool.runs.files.atomic import atomic_write
from fittool.runs.listing.order import best_among
from fittool.training.display.formatting import number

_NOT_DRAWN = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
Rows = Sequence[Mapping[str, Any]]
_Cells = list[tuple[str, bool]]


@dataclass(frozen=True)
class ComparedCurves:
    """What the page shows of the runs.

    Attributes:
        names: Of each run.
        rows: The rows of the epochs of each.
        differences: By dotted key the setting of each run, None where it has none.
        results: By name the value of each run in its best epoch, None where it has none.
        evaluations: By name what `evaluate` kept of each run, with its interval, as text.
    """

    names: Sequence[str]
    rows: Sequence[Rows]
    differences: Mapping[str, Sequence[Any]]
    results: Mapping[str, Sequence[float | None]]
    evaluations: Mapping[str, Sequence[str]] = field(default_factory=dict)


def write_comparison(path: Path, compared: ComparedCurves) -> str | None:
    """Write the page.

    Returns:
        A warning where a power cut may still undo it, else None.

    Raises:
        StorageError: It cannot be written.
    """
    return atomic_write(path, [comparison_page(compared).encode("utf-8", "replace")])


def comparison_page(compared: ComparedCurves) -> str:
    """The page as HTML."""
    names = list(dict.fromkeys(name for rows in compared.rows for row in rows for name in row if name not in _NOT_DRAWN))
    count = len(compared.names)
    return render(
        "comparison.html",
        title=f"{count:,} run{'s' * (count != 1)} side by side",
        told=", ".join(compared.names),
        names=compared.names,
        results=[(name, _result_cells(name, values)) for name, values in compared.results.items()],
        evaluations=[(name, [(text, False) for text in texts]) for name, texts in compared.evaluations.items()],
        differences=[(key, [_setting_cell(value) for value in values]) for key, values in compared.differences.items()],
        legend=legend([Series(name, (), place) for place, name in enumerate(compared.names)]),
        charts=[(name, chart) for name in names if (chart := _chart(name, compared))],
    )


def _chart(name: str, compared: ComparedCurves) -> str:
    series = [
        Series(f"{run} {name}", [(int(row["epoch"]), float(row[name])) for row in rows if row.get(name) is not None], place)
        for place, (run, rows) in enumerate(zip(compared.names, compared.rows, strict=True))
    ]
    return line_chart(f"{name} over the epochs", series)


def _result_cells(name: str, values: Sequence[float | None]) -> _Cells:
    best = best_among(name, values)
    return [("" if value is None else number(value), place in best) for place, value in enumerate(values)]


def _setting_cell(value: Any) -> tuple[str, bool]:
    return ("" if value is None else str(value).lower() if isinstance(value, bool) else str(value)), False
