"""An evaluation as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from fittool.errors import visible
from fittool.training.display.formatting import number

if TYPE_CHECKING:
    from fittool.experiment.ensembles.statistics import Spread

_MOST_CLASSES = 25
_MOST_PAIRS = 5
_LEAST_PAIRS = 2


def print_figures(
    values: Mapping[str, float], evaluation: Mapping[str, Any], spreads: Mapping[str, Spread] | None = None
) -> None:
    """Print an evaluation: loss and metrics, one a line, on stdout, all else on stderr.

    Args:
        values: Loss and metrics.
        evaluation: The content of evaluation.json.
        spreads: Of an ensemble, each value as its members have it.
    """
    for name, value in values.items():
        click.echo(f"{name} {value:.6g}")
    for line in (*_spread_lines(spreads or {}), *evaluation_lines(evaluation)):
        click.echo(line, err=True)


def _spread_lines(spreads: Mapping[str, Spread]) -> Iterator[str]:
    """`accuracy  0.9855 ± 0.0041  (0.9826 to 0.9912)`, of the members each by itself."""
    width = max(map(len, spreads), default=0)
    for name, one in spreads.items():
        ends = f"({number(min(one.values))} to {number(max(one.values))})"
        yield f"{visible(name):<{width}}  {number(one.mean)} ± {number(one.deviation)}  {ends}"
    if spreads:
        count = len(next(iter(spreads.values())).values)
        yield f"Mean and standard deviation of {count:,} runs, each by itself; in brackets the least and the most."
        yield ""


def evaluation_lines(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """The lines below the metrics: their intervals, figures by class or number, what was confused, calibration, baselines."""
    yield from _intervals(evaluation)
    rows = evaluation.get("per_class")
    if rows:
        yield from _classes(rows, "label" if evaluation["kind"] == "labels" else "class", evaluation["averages"])
    if evaluation.get("confused") and len(evaluation["classes"]) > _LEAST_PAIRS:
        yield from _confused(evaluation["confused"])
    yield from _decisions(evaluation)
    if evaluation.get("targets"):
        yield from _targets(evaluation["targets"])
    yield from baseline_lines(evaluation.get("baselines"))


def _intervals(evaluation: Mapping[str, Any]) -> Iterator[str]:
    known = {name: one for name, one in evaluation["metrics"].items() if one["low"] is not None}
    if not known:
        return
    said, width = evaluation["interval"], max(map(len, known))
    for name, one in known.items():
        yield f"{visible(name):<{width}}  {number(one['value'])}  ({number(one['low'])} to {number(one['high'])})"
    drawn = f"{said['samples']:,} samples, drawn {said['resamples']:,} times"
    yield f"In brackets: {said['level'] * 100:g} % intervals, {said['method']} ({drawn})."


def _classes(rows: Sequence[Mapping[str, Any]], what: str, averages: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A table of all classes, or of those that are worst told apart where there are many."""
    shown = rows if len(rows) <= _MOST_CLASSES else sorted(rows, key=lambda row: (row["f1"], row["name"]))[:_MOST_CLASSES]
    cells = [[what, "precision", "recall", "f1", "support"]]
    cells += [_row(row["name"], row, f"{row['support']:,}") for row in shown]
    cells += [_row(f"{name} mean", averages[name], "") for name in ("macro", "weighted")]
    yield ""
    yield from _aligned(cells)
    if len(shown) < len(rows):
        yield f"The {len(shown)} of {len(rows):,} with the least F1; evaluation.json has all."


def _row(name: str, figures: Mapping[str, float], last: str) -> list[str]:
    return [visible(name), *(f"{figures[figure]:.4f}" for figure in ("precision", "recall", "f1")), last]


def _aligned(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows with the first column at the left and all others at the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *rest in cells:
        numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *numbers]).rstrip()


def _confused(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    told = [f"{visible(one['true'])} taken for {visible(one['predicted'])}: {_of(one)}" for one in pairs[:_MOST_PAIRS]]
    yield ""
    yield f"Most confused: {'; '.join(told)}."


def _decisions(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """The thresholds and the temperature with which the figures were made, and what the temperature has changed."""
    if evaluation.get("thresholds"):
        told = ", ".join(f"{visible(name)} above {value:.4g}" for name, value in evaluation["thresholds"].items())
        yield f"Predicted: {told} (threshold.json)."
    if evaluation.get("temperature", 1.0) != 1.0:
        yield temperature_line(evaluation["temperature"], evaluation.get("calibration_before"), evaluation.get("calibration"))


def temperature_line(temperature: float, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """`Calibrated by the temperature 1.62: calibration error 0.0811 before, 0.0203 after; log loss …`."""
    told = f"Calibrated by the temperature {temperature:.3g}"
    if not before or not after:
        return f"{told}."
    error, loss = (f"{number(before[name])} before, {number(after[name])} after" for name in ("error", "log_loss"))
    return f"{told}: calibration error {error}; log loss {loss}."


def _of(pair: Mapping[str, Any]) -> str:
    return f"{pair['count']:,} ({pair['share'] * 100:.0f} %)"


def _targets(targets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    cells = [["number", "MAE", "RMSE", "R²", "residual 5 %", "median", "95 %"]]
    for one in targets:
        quantiles = one["residual_quantiles"]
        explained = "-" if one["r2"] is None else number(one["r2"])
        ends = [number(quantiles[share]) for share in ("0.05", "0.5", "0.95")]
        cells.append([visible(one["name"]), number(one["mae"]), number(one["rmse"]), explained, *ends])
    yield ""
    yield from _aligned(cells)


def baseline_lines(baselines: Mapping[str, Any] | None) -> Iterator[str]:
    """`accuracy 0.9560; a line 0.9810, the commonest class 0.6320`, and whether the network was worth it."""
    if not baselines:
        return
    yield baselines["sentence"]
    if baselines.get("verdict"):
        yield baselines["verdict"]
