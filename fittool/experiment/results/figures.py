"""The figures behind the metrics: by class, by label or by number to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.experiment.answers.decoding import Answers
from fittool.results.calibration import Reliability, brier, log_loss
from fittool.results.classification import PerClass, balanced_accuracy, confusion_matrix, most_confused
from fittool.results.ranking import macro_auc, roc_auc
from fittool.results.regression import TargetFigures

_MOST_CLASSES = 200
"""A confusion matrix of more classes is not kept whole; the pairs that are most confused are."""
_MOST_PAIRS = 50
_MOST_RANKED = 20_000_000
"""Numbers (samples times classes squared) up to which the area of each class is worked out."""
_PAIR = 2


def figures_of(answers: Answers, targets: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """Everything that predictions and truth say of each other, as plain data.

    Args:
        answers: Of a network with one output; of one with several there are none.
        targets: (N, …) for each output.

    Returns:
        `kind`, and by it: of classes and labels `per_class`, `averages`, and more; of numbers `targets`.
    """
    if len(answers.outputs) != 1 or not targets:
        return {"kind": "several outputs" if len(answers.outputs) != 1 else answers.kind}
    (outputs,) = answers.outputs.values()
    if answers.kind == "labels" and answers.names is not None:
        return {"kind": "labels", **_labels(answers, outputs, targets[0].reshape(len(outputs), -1) > 0)}
    if answers.kind == "classes" and answers.names is not None:
        return {"kind": "classes", **_classes(answers, outputs, class_numbers(targets[0]))}
    return {"kind": "numbers", **_numbers(answers.names, outputs, targets[0])}


def class_numbers(targets: NDArray[Any]) -> NDArray[np.int64]:
    """(N,) the class of each sample, of class numbers (N,) or (N, 1) or of rows (N, K) with a number for each class."""
    rows = targets.reshape(len(targets), -1)
    return np.asarray(rows.argmax(axis=1) if rows.shape[1] > 1 else np.rint(rows[:, 0]), np.int64)


def _classes(answers: Answers, outputs: NDArray[np.float32], truth: NDArray[np.int64]) -> dict[str, Any]:
    names = answers.names or ()
    known = (truth >= 0) & (truth < len(names))  # a class number may stand for "not known"
    outputs, truth, predicted = outputs[known], truth[known], answers.decided[known]
    confusion = confusion_matrix(truth, predicted, len(names))
    figures = PerClass.of(confusion)
    right = int(np.diagonal(confusion).sum())
    found: dict[str, Any] = {
        "samples": len(truth),
        "accuracy": right / len(truth) if len(truth) else None,
        "balanced_accuracy": balanced_accuracy(confusion),
        "auc": _auc(truth, outputs),
        "classes": list(names),
        "per_class": _per_class(names, figures),
        "averages": {"macro": figures.macro, "weighted": figures.weighted},
        "confusion": confusion.tolist() if len(names) <= _MOST_CLASSES else None,
        "confused": [
            {"true": names[one.truth], "predicted": names[one.predicted], "count": one.times, "share": one.share}
            for one in most_confused(confusion, _MOST_PAIRS)
        ],
    }
    if answers.are_probabilities and len(truth):
        found["calibration"] = calibration_of(truth, outputs)
    return found


def _auc(truth: NDArray[np.int64], outputs: NDArray[np.float32]) -> float | None:
    """The area of the second of two classes, or the mean over the classes; None where it is not defined or too much work."""
    classes = outputs.shape[1]
    if classes == _PAIR:
        return roc_auc(truth == 1, outputs[:, 1])
    return macro_auc(truth, outputs) if len(outputs) * classes**2 <= _MOST_RANKED else None


def calibration_of(truth: NDArray[np.int64], outputs: NDArray[Any]) -> dict[str, Any]:
    """Whether probabilities (N, K) come true: of two classes that of the second, of more that of the predicted one.

    Args:
        truth: (N,) class numbers.
        outputs: (N, K).
    """
    if outputs.shape[1] == _PAIR:
        of, came_true, probability = "the second class", truth == 1, outputs[:, 1]
    else:
        predicted = outputs.argmax(axis=1)
        of, came_true, probability = "the predicted class", truth == predicted, outputs[np.arange(len(truth)), predicted]
    one_hot = np.zeros(outputs.shape, bool)
    one_hot[np.arange(len(truth)), truth] = True
    is_pair = outputs.shape[1] == _PAIR
    return {
        "of": of,
        "log_loss": log_loss(truth, outputs),
        "brier": brier(truth == 1, outputs[:, 1]) if is_pair else brier(one_hot, outputs),
        **_bins(Reliability.of(came_true, probability)),
    }


def _bins(found: Reliability) -> dict[str, Any]:
    names = ("low", "high", "count", "probability", "share")
    rows = zip(found.low, found.high, found.count, found.probability, found.share, strict=True)
    return {"error": found.error, "bins": [dict(zip(names, map(_plain, row), strict=True)) for row in rows]}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _per_class(names: Sequence[str], figures: PerClass) -> list[dict[str, Any]]:
    rows = zip(names, figures.precision, figures.recall, figures.f1, figures.support, strict=True)
    return [
        {"name": name, "precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(support)}
        for name, precision, recall, f1, support in rows
    ]


def _labels(answers: Answers, outputs: NDArray[np.float32], truth: NDArray[np.bool_]) -> dict[str, Any]:
    names, predicted = answers.names or (), answers.decided
    figures = PerClass.of_labels(truth, predicted)
    rows = _per_class(names, figures)
    for number, row in enumerate(rows):
        row["auc"] = roc_auc(truth[:, number], outputs[:, number])
    return {
        "samples": len(truth),
        "accuracy": float((truth == predicted).mean()) if truth.size else None,
        "all_labels_right": float((truth == predicted).all(axis=1).mean()) if truth.size else None,
        "classes": list(names),
        "per_class": rows,
        "averages": {"macro": figures.macro, "weighted": figures.weighted},
    }


def _numbers(names: Sequence[str] | None, outputs: NDArray[np.float32], targets: NDArray[Any]) -> dict[str, Any]:
    columns, truth = outputs.reshape(len(outputs), -1), targets.reshape(len(targets), -1)
    if columns.shape != truth.shape or not truth.size:
        return {"samples": len(outputs), "targets": []}
    called = (
        names
        if names is not None
        else ["prediction"]
        if columns.shape[1] == 1
        else [f"output_{at}" for at in range(columns.shape[1])]
    )
    return {
        "samples": len(truth),
        "targets": [_target(name, truth[:, at], columns[:, at]) for at, name in enumerate(called)],
    }


def _target(name: str, truth: NDArray[Any], predicted: NDArray[Any]) -> Mapping[str, Any]:
    found = TargetFigures.of(truth, predicted)
    quantiles = {f"{share:g}": value for share, value in found.residual_quantiles.items()}
    return {"name": name, "mae": found.mae, "rmse": found.rmse, "r2": found.r2, "residual_quantiles": quantiles}
