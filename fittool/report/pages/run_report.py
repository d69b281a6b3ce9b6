"""The page of a run: `fittool report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fittool.report.pages.contents import RunReport
from fittool.report.pages.curves import Rows, learning_curves
from fittool.report.pages.drawings import bars
from fittool.report.pages.page import render
from fittool.report.pages.result_parts import (
    calibration_part,
    classes_part,
    confusion_part,
    importance_part,
    mistakes_part,
    numbers_part,
    seen_part,
)
from fittool.runs.listing.summary import RunSummary
from fittool.training.display.formatting import duration, number


def run_report_page(report: RunReport) -> str:
    """The page as HTML.

    Args:
        report: What it shows.
    """
    evaluation = report.evaluation or {}
    baselines = evaluation.get("baselines") or {}
    summary = report.summary
    charts = learning_curves(report.rows, summary.best_epoch)
    times = _times(report)
    parts = {
        "classes": classes_part(evaluation),
        "confusion": confusion_part(evaluation),
        "mistakes": mistakes_part(report, evaluation),
        "calibration": calibration_part(evaluation),
        "numbers": numbers_part(report, evaluation),
        "importance": importance_part(report.importance),
        "samples": seen_part(report.seen),
    }
    return render(
        "run_report.html",
        title=report.name,
        state=summary.state,
        about=f"{summary.name} · {_standing(summary, report.epochs)} · begun {_when(summary.started)}",
        sentence=_sentence(evaluation, baselines),
        verdict=baselines.get("verdict", ""),
        notes=report.notes,
        sections=_sections(charts, {**parts, "time": times}),
        cards=_cards(evaluation, summary),
        baseline_bars=_baseline_bars(baselines),
        baseline_title=f"{baselines.get('metric', '')} beside what needs no network",
        interval=_interval_told(evaluation),
        charts=charts,
        curves_told=_curves_told(summary),
        layers=report.layers,
        layers_told=report.sums,
        data=report.data,
        columns=report.columns,
        times=times,
        facts=_facts(report),
        overrides=report.overrides,
        warnings=report.warnings,
        settings=report.settings,
        **parts,
    )


def _standing(summary: RunSummary, epochs: int) -> str:
    """How far the run has come, in the words of the live page."""
    return f"Epoch {summary.epochs:,} of {max(epochs, summary.epochs):,}, {summary.state}."


def _epochs(count: int) -> str:
    return f"{count:,} epoch{'s' * (count != 1)}"


def _when(stamp: str) -> str:
    return stamp.replace("T", " ").replace("Z", " UTC") or "at an unknown time"


_TITLES = {
    "result": "Result", "curves": "Curves", "classes": "By class", "confusion": "Confusion", "mistakes": "Mistakes",
    "calibration": "Calibration", "numbers": "Numbers", "importance": "Columns", "samples": "Samples", "network": "Network",
    "time": "Time", "run": "The run",
}  # fmt: skip


def _sections(charts: Sequence[Any], parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parts that are there, in the order of the page."""
    there = {"result": True, "curves": charts, "network": True, "run": True, **parts}
    return [(key, name) for key, name in _TITLES.items() if there[key]]


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
        cards.append(("time to train", duration(summary.seconds), _epochs(summary.epochs)))
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


def _curves_told(summary: RunSummary) -> str:
    best = "" if summary.best_epoch is None else f" The upright line is the best epoch, {summary.best_epoch}."
    return f"Values of an epoch show where the pointer rests.{best}"


def _times(report: RunReport) -> dict[str, Any] | None:
    """Where the time of all finished epochs went, and how fast they were."""
    total = sum(seconds for _, seconds in report.times)
    if not total:
        return None
    shares = [(name, seconds, seconds / total) for name, seconds in report.times]
    rows = [(name, duration(seconds), f"{share * 100:.0f} %", f"{share:.3f}") for name, seconds, share in shares]
    return {"rows": rows, "told": f"Of the {duration(total)} that all epochs took together.{_speed(report.rows)}"}


def _speed(rows: Rows) -> str:
    speeds = sorted(float(row["examples_per_second"]) for row in rows if row.get("examples_per_second") is not None)
    return f" {speeds[len(speeds) // 2]:,.0f} samples a second in the middle epoch." if speeds else ""


def _facts(report: RunReport) -> list[tuple[str, str]]:
    environment = report.environment
    machine, versions = environment.get("machine", {}), environment.get("versions", {})
    resumed = environment.get("resumed", [])
    facts = [
        ("command", " ".join(map(str, environment.get("command", [])))),
        ("went on", ", ".join(f"{_when(str(one.get('at', '')))} after epoch {one.get('epoch')}" for one in resumed)),
        ("engine", f"{environment.get('engine', '')}, {environment.get('threads')} threads"),
        ("processes", str(environment["processes"]) if environment.get("processes", 1) != 1 else ""),
        ("seed", str(environment.get("seed", ""))),
        ("machine", f"{machine.get('processor', '')}, {machine.get('system', '')} {machine.get('architecture', '')}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("git commit", str(environment.get("git_commit") or "")),
        ("run", str(environment.get("run", ""))),
    ]
    return [(name, text) for name, text in facts if text]
