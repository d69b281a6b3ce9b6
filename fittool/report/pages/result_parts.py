"""The parts of a run's page that say how good its network is: by class, by number, where it errs, what it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.report.pages.contents import Importance, Mistake, RunReport, Seen
from fittool.report.pages.drawings import heat_map, histogram_chart, reliability_chart, scatter_chart
from fittool.report.pages.pictures import as_addresses
from fittool.training.display.formatting import number

_MOST_CELLS, _MOST_ROWS, _MOST_PAIRS, _MOST_COLUMNS = 30, 60, 12, 30
_IMAGE_AXES = 3


def classes_part(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """The figures of each class; of very many those with the least F1, and how all of them are spread."""
    rows = evaluation.get("per_class")
    if not rows:
        return None
    names = ("precision", "recall", "f1", *(["auc"] if "auc" in rows[0] else []))
    shown = rows if len(rows) <= _MOST_ROWS else sorted(rows, key=lambda row: (row["f1"], row["name"]))[:_MOST_ROWS]
    cells = [[row["name"], *(_figure(row[name]) for name in names), f"{row['support']:,}"] for row in shown]
    for kind, means in evaluation["averages"].items():
        cells.append([f"{kind} mean", *(_figure(means.get(name)) for name in names), ""])
    told, chart = "", ""
    if len(shown) < len(rows):
        told = f"The {len(shown)} of {len(rows):,} with the least F1; evaluation.json has all."
        chart = histogram_chart("F1 of all classes", [float(row["f1"]) for row in rows], "F1", of="classes")
    return {"head": ["class", *names, "support"], "rows": cells, "told": told, "chart": chart}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def confusion_part(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is taken for what: a matrix, of many classes a map, and the most frequent mistakes."""
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


def mistakes_part(report: RunReport, evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """The worst mistakes, as pictures where all samples are images of a size."""
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


def calibration_part(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether probabilities come true."""
    found = evaluation.get("calibration")
    if not found:
        return None
    names = (("calibration error", "error"), ("log loss", "log_loss"), ("Brier score", "brier"))
    rows = [(name, number(found[key])) for name, key in names]
    if (before := evaluation.get("calibration_before")) is not None:
        rows += [("temperature", number(evaluation["temperature"])), ("calibration error before", number(before["error"]))]
    told = f"Dots on the dotted line are right: of {found['of']}, so many as said came true. Larger dots are more samples."
    return {"chart": reliability_chart(found["bins"]), "rows": rows, "told": told}


def numbers_part(report: RunReport, evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """The figures of numbers to predict, of one number with its scatter and residuals."""
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


def importance_part(found: Importance | None) -> dict[str, Any] | None:
    """The columns of a table, those that matter most first, each with a bar."""
    if found is None:
        return None
    told = "What is lost when the values of a column are shuffled, "
    told += f"the mean of {found.repeats} shuffles on {found.samples:,} samples"
    told += "; ± is their standard deviation. Columns that say the same can stand in for each other."
    if len(found.rows) > _MOST_COLUMNS:
        told += f" The {_MOST_COLUMNS} of {len(found.rows):,} that matter most."
    most = max((value for _, value, _ in found.rows), default=0.0)
    rows = [
        (name, f"{value:.3f} ± {spread:.3f}", f"{max(value, 0.0) / most:.3f}" if most > 0 else "0")
        for name, value, spread in found.rows[:_MOST_COLUMNS]
    ]
    return {"what": found.what, "told": told, "rows": rows}


def seen_part(seen: Seen | None) -> dict[str, Any] | None:
    """Training samples as they came to the network."""
    if seen is None:
        return None
    told = f"{seen.told} {seen.scaled}".rstrip()
    rows = [[name, *map(_short, values)] for name, values in seen.rows]
    return {"told": told, "head": ["", *seen.samples], "rows": rows, "pictures": _strips(seen.pictures)}


def _strips(pictures: Sequence[tuple[str, Sequence[NDArray[Any]]]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The addresses of the images of each sample, with what they are; those that are changed are drawn on one scale."""
    if not pictures:
        return []
    originals = as_addresses(np.stack([images[0] for _, images in pictures]))
    changed = [np.asarray(image, np.float32) for _, images in pictures for image in images[1:]]
    addresses = iter(as_addresses(np.stack(changed)) if changed else ())
    strips = []
    for (name, images), original in zip(pictures, originals, strict=True):
        others = [(next(addresses), f"{name}, changed for epoch {turn}") for turn in range(1, len(images))]
        strips.append((name, [(original, name), *others]))
    return strips


def _short(value: float) -> str:
    return f"{value:.4g}"
