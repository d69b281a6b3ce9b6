"""The page of a run: `fittool report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fittool.report.pages.charts import Series, legend, line_chart
from fittool.report.pages.contents import Mistake, RunReport
from fittool.report.pages.drawings import bars, heat_map, histogram_chart, reliability_chart, scatter_chart
from fittool.report.pages.page import render
from fittool.report.pages.pictures import as_addresses
from fittool.runs.listing.summary import RunSummary
from fittool.training.display.formatting import duration, number

_NOT_DRAWN = ("epoch", "stage", "seconds", "examples_per_second", "data_seconds")
_MOST_CELLS, _MOST_ROWS, _MOST_PAIRS, _MOST_COLUMNS = 30, 60, 12, 20
_IMAGE_AXES = 3
Rows = Sequence[Mapping[str, Any]]


def run_report_page(report: RunReport) -> str:
    """The page as HTML.

    Args:
        report: What it shows.
    """
    evaluation = report.evaluation or {}
    baselines = evaluation.get("baselines") or {}
    summary = report.summary
    charts = _charts(report.rows, summary.best_epoch)
    parts = {
        "classes": _classes(evaluation),
        "confusion": _confusion(evaluation),
        "mistakes": _mistakes(report, evaluation),
        "calibration": _calibration(evaluation),
        "numbers": _numbers(report, evaluation),
        "importance": _importance(report.importance),
    }
    return render(
        "run_report.html",
        title=report.name,
        about=f"{summary.name} · {summary.state} · {summary.epochs:,} epochs · begun {_when(summary.started)}",
        sentence=_sentence(evaluation, baselines),
        verdict=baselines.get("verdict", ""),
        notes=report.notes,
        sections=_sections(charts, parts),
        cards=_cards(evaluation, summary),
        baseline_bars=_baseline_bars(baselines),
        baseline_title=f"{baselines.get('metric', '')} beside what needs no network",
        interval=_interval_told(evaluation),
        charts=charts,
        curves_told=_curves_told(summary),
        layers=report.layers,
        layers_told=report.sums,
        facts=_facts(report),
        warnings=report.warnings,
        settings=report.settings,
        **parts,
    )


def _when(stamp: str) -> str:
    return stamp.replace("T", " ").replace("Z", " UTC") or "at an unknown time"


_TITLES = {
    "classes": "By class", "confusion": "Confusion", "mistakes": "Mistakes", "calibration": "Calibration", "numbers": "Numbers",
    "importance": "Columns",
}  # fmt: skip


def _sections(charts: Sequence[Any], parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    there = [(key, name) for key, name in _TITLES.items() if parts[key]]
    curves = [("curves", "Curves")] if charts else []
    return [("result", "Result"), *curves, *there, ("network", "Network"), ("run", "The run")]


def _sentence(evaluation: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    """The result in one sentence."""
    if not evaluation:
        return "There is no evaluation of this run."
    where = {"validation": "validation samples", "train": "samples that it was trained with"}.get(evaluation["data"], "samples")
    many = f"On {evaluation.get('samples', evaluation['interval']['samples']):,} {where}"
    epoch = f"the network of epoch {evaluation['epoch']}"
    if baselines and baselines.get("network") is not None:
        reached = f"{many} {epoch} reaches {baselines['metric']} {baselines['network']:.3f}."
        others = [] if baselines["line"] is None else [f"a line {baselines['line']:.3f}"]
        others.append(f"{_constant(baselines)} {baselines['constant']:.3f}")
        told = ", ".join(others)
        return f"{reached} {told[0].upper()}{told[1:]}."
    values = ", ".join(f"{name} {number(one['value'])}" for name, one in evaluation["metrics"].items())
    return f"{many} {epoch} has {values}."


def _constant(baselines: Mapping[str, Any]) -> str:
    return "the mean" if baselines["metric"] == "R²" else "the commonest class"


def _cards(evaluation: Mapping[str, Any], summary: RunSummary) -> list[tuple[str, str, str]]:
    cards = []
    for name, one in evaluation.get("metrics", {}).items():
        known = one["low"] is not None
        cards.append((name, number(one["value"]), f"{number(one['low'])} to {number(one['high'])}" if known else ""))
    if "averages" in evaluation:
        cards.append(("macro F1", number(evaluation["averages"]["macro"]["f1"]), "mean of the classes"))
    if evaluation.get("auc") is not None:
        cards.append(("AUC", number(evaluation["auc"]), ""))
    if summary.best_epoch is not None and summary.best is not None:
        cards.append(("best epoch", f"{summary.best_epoch:,}", f"{summary.monitor} {number(summary.best)}"))
    if summary.seconds is not None:
        cards.append(("time to train", duration(summary.seconds), f"{summary.epochs:,} epochs"))
    return cards


def _baseline_bars(baselines: Mapping[str, Any]) -> str:
    if not baselines or baselines.get("network") is None:
        return ""
    found = [("this network", baselines["network"]), ("a line", baselines["line"]), (_constant(baselines), baselines["constant"])]
    return bars([(name, share, f"{share:.3f}") for name, share in found if share is not None])


def _interval_told(evaluation: Mapping[str, Any]) -> str:
    if not evaluation:
        return ""
    said = evaluation["interval"]
    return f"Ranges are {said['level'] * 100:g} % intervals: {said['method']}, drawn {said['resamples']:,} times."


def _charts(rows: Rows, best: int | None) -> list[tuple[str, str, str]]:
    """A chart for each value, with that of the validation over that of the training."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _NOT_DRAWN))
    charts = []
    for name in names:
        if name.startswith("val_") and name[4:] in names:
            continue
        if name == "learning_rate" and len({row.get(name) for row in rows}) == 1:
            continue
        pair = [one for one in (f"val_{name}", name) if one in names]
        series = [Series(one, _points(rows, one), place, dashed=one == name and len(pair) > 1) for place, one in enumerate(pair)]
        if chart := line_chart(f"{name} over the epochs", series, mark=best):
            charts.append((name, chart, legend(series)))
    return charts


def _points(rows: Rows, name: str) -> list[tuple[int, float]]:
    return [(int(row["epoch"]), float(row[name])) for row in rows if row.get(name) is not None]


def _curves_told(summary: RunSummary) -> str:
    best = "" if summary.best_epoch is None else f" The upright line is the best epoch, {summary.best_epoch}."
    return f"Values of an epoch show where the pointer rests.{best}"


def _classes(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = evaluation.get("per_class")
    if not rows:
        return None
    names = ("precision", "recall", "f1", *(["auc"] if "auc" in rows[0] else []))
    shown = rows if len(rows) <= _MOST_ROWS else sorted(rows, key=lambda row: (row["f1"], row["name"]))[:_MOST_ROWS]
    cells = [[row["name"], *(_figure(row[name]) for name in names), f"{row['support']:,}"] for row in shown]
    for kind, means in evaluation["averages"].items():
        cells.append([f"{kind} mean", *(_figure(means.get(name)) for name in names), ""])
    told = "" if len(shown) == len(rows) else f"The {len(shown)} of {len(rows):,} with the least F1; evaluation.json has all."
    return {"head": ["class", *names, "support"], "rows": cells, "told": told}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _confusion(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    names, matrix = evaluation.get("classes"), evaluation.get("confusion")
    pairs = [
        (one["true"], one["predicted"], f"{one['count']:,}", f"{one['share'] * 100:.0f} %")
        for one in evaluation.get("confused", [])[:_MOST_PAIRS]
    ]
    if not names or "confused" not in evaluation:
        return None
    if matrix is None or len(names) > _MOST_CELLS:
        return {"names": names, "rows": [], "map": "" if matrix is None else heat_map(names, matrix), "pairs": pairs}
    rows = [(name, _cells(row, place)) for place, (name, row) in enumerate(zip(names, matrix, strict=True))]
    return {"names": names, "rows": rows, "map": "", "pairs": pairs}


def _cells(row: Sequence[int], place: int) -> list[tuple[str, str, str]]:
    """The cells of a true class: a text, its kind, and its share of the class."""
    total = sum(row) or 1
    kinds = ["none" if not value else "right" if at == place else "wrong" for at, value in enumerate(row)]
    return [(f"{value:,}", kind, f"{value / total:.2f}") for value, kind in zip(row, kinds, strict=True)]


def _mistakes(report: RunReport, evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    found = report.mistakes
    if not found:
        return None
    of_classes = evaluation.get("kind") == "classes"
    told = "Wrong, and most certain of it." if of_classes else "The predictions that are furthest off."
    images = [one.values for one in found if one.values is not None and one.values.ndim == _IMAGE_AXES]
    if len(images) == len(found):
        pictures = as_addresses(np.stack(images))
        texts = [f"{one.answers[0]}, taken for {one.answers[1]} ({_sure(one, of_classes)})" for one in found]
        names = [one.name.rpartition("/")[2] for one in found]
        return {"told": told, "pictures": list(zip(pictures, texts, names, strict=True))}
    head = ["sample", "true", "predicted", "probability" if of_classes else "off by"]
    rows = [[one.name.rpartition("/")[2], *one.answers, number(one.certainty)] for one in found]
    return {"told": told, "pictures": [], "head": head, "rows": rows}


def _sure(mistake: Mistake, of_classes: bool) -> str:
    return f"{mistake.certainty * 100:.0f} %" if of_classes else f"off by {number(mistake.certainty)}"


def _calibration(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    found = evaluation.get("calibration")
    if not found:
        return None
    names = (("calibration error", "error"), ("log loss", "log_loss"), ("Brier score", "brier"))
    rows = [(name, number(found[key])) for name, key in names]
    if (before := evaluation.get("calibration_before")) is not None:
        rows += [("temperature", number(evaluation["temperature"])), ("calibration error before", number(before["error"]))]
    told = f"Dots on the dotted line are right: of {found['of']}, so many as said came true. Larger dots are more samples."
    return {"chart": reliability_chart(found["bins"]), "rows": rows, "told": told}


def _numbers(report: RunReport, evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    targets = evaluation.get("targets")
    if not targets:
        return None
    rows = [_number_row(one) for one in targets]
    charts = []
    if report.points:
        true, said = zip(*report.points, strict=True)
        charts = [
            ("Predicted against true", scatter_chart("Predicted against true", true, said)),
            ("Residuals", histogram_chart("Residuals", [one - other for one, other in report.points], "true minus predicted")),
        ]
    return {"head": ["number", "MAE", "RMSE", "R²", "residual 5 %", "median", "95 %"], "rows": rows, "charts": charts}


def _number_row(one: Mapping[str, Any]) -> list[str]:
    quantiles = [number(one["residual_quantiles"][share]) for share in ("0.05", "0.5", "0.95")]
    return [one["name"], number(one["mae"]), number(one["rmse"]), _figure(one["r2"]), *quantiles]


def _importance(found: tuple[str, list[tuple[str, float]]] | None) -> dict[str, Any] | None:
    if not found:
        return None
    what, rows = found
    told = "What is lost when the values of a column are shuffled. Columns that say the same can stand in for each other."
    if len(rows) > _MOST_COLUMNS:
        told += f" The {_MOST_COLUMNS} of {len(rows)} that matter most."
    return {"what": what, "told": told, "rows": [(name, f"{value:.3f}") for name, value in rows[:_MOST_COLUMNS]]}


def _facts(report: RunReport) -> list[tuple[str, str]]:
    environment, rows = report.environment, report.rows
    machine, versions = environment.get("machine", {}), environment.get("versions", {})
    facts = [
        ("command", " ".join(environment.get("command", []))),
        ("samples", _samples(environment.get("samples", {}))),
        ("engine", f"{environment.get('engine', '')}, {environment.get('threads')} threads"),
        ("seed", str(environment.get("seed", ""))),
        ("machine", f"{machine.get('processor', '')}, {machine.get('system', '')} {machine.get('architecture', '')}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("git commit", str(environment.get("git_commit") or "–")),
    ]  # fmt: skip
    speeds = sorted(float(row["examples_per_second"]) for row in rows if row.get("examples_per_second") is not None)
    if speeds:
        facts.append(("examples per second", f"{speeds[len(speeds) // 2]:,.0f} in the middle epoch"))
    waited = sum(float(row.get("data_seconds") or 0) for row in rows)
    total = sum(float(row.get("seconds") or 0) for row in rows)
    if total:
        facts.append(("waiting for data", f"{duration(waited)} of {duration(total)} ({waited / total * 100:.0f} %)"))
    return facts


def _samples(counts: Mapping[str, int]) -> str:
    words = {"validation": "to validate", "train": "to train"}
    return ", ".join(f"{count:,} {words.get(part, part)}" for part, count in counts.items())
