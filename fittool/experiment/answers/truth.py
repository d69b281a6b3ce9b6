"""The right answers of samples whose targets are known, in the form of the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.experiment.answers.decoding import Answers


def truth_of(answers: Answers, targets: Sequence[NDArray[Any]]) -> tuple[Any, ...]:
    """The right answer for each of N samples: a class's name, a number, or a mapping of labels or of several numbers.

    Args:
        answers: Says what kind of answers there are.
        targets: (N, …) for each output of the network.
    """
    if len(answers.outputs) == 1:
        return tuple(_of_one(answers, row) for row in targets[0])
    found: list[dict[str, Any]] = [{} for _ in targets[0]]
    for name, array in zip(answers.outputs, targets, strict=False):
        for truth, row in zip(found, array, strict=True):
            truth |= _several(name, row) if name not in answers.classes else {name: _class(answers.classes[name], row)}
    return tuple(found)


def _of_one(answers: Answers, target: NDArray[Any]) -> Any:
    values = np.atleast_1d(target).reshape(-1)
    names = answers.names
    if answers.kind == "classes" and names is not None:
        return _class(names, target)
    if answers.kind == "labels" and names is not None:
        return {name: "yes" if value > 0 else "no" for name, value in zip(names, values.tolist(), strict=True)}
    if names is not None and len(names) == len(values):
        return dict(zip(names, map(_number, values), strict=True))
    return _number(values[0]) if len(values) == 1 else {f"output_{place}": _number(value) for place, value in enumerate(values)}


def _class(names: tuple[str, ...], target: NDArray[Any]) -> str:
    """The name of a class by its number, or by one-hot places."""
    values = np.atleast_1d(target).reshape(-1)
    number = int(values.argmax()) if len(values) > 1 else round(float(values[0]))
    return names[number] if 0 <= number < len(names) else str(number)


def _several(name: str, target: NDArray[Any]) -> dict[str, float]:
    values = np.atleast_1d(target).reshape(-1)
    return {name: _number(values[0])} if len(values) == 1 else {f"{name}_{at}": _number(value) for at, value in enumerate(values)}


def _number(value: Any) -> float:
    return float(str(value))  # the shortest that is the same number
