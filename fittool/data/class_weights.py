"""Class weights: from names, numbers or `balanced` to one weight per sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.class_labels import values_of
from fittool.data.formats.number_parsing import is_number
from fittool.errors import ExperimentError, Problem
from fittool.settings import nearest_name

_MOST_CLASSES = 2**31
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"]
"""Weights by class name or class number (as a number or as text); `balanced` makes all classes count alike."""


def class_factors(
    class_weight: ClassWeight, class_names: tuple[str, ...] | None, labels: NDArray[np.int64] | None
) -> NDArray[np.float32]:
    """The weight of each class.

    Args:
        class_weight: By name or number; a class that is not listed weighs 1.
        class_names: The name of each class, or None: classes are known by number only.
        labels: (N,) the class number of each sample; None only where they come later, from a generator.

    Returns:
        (classes,) float32. `balanced` is n / (classes * count), over the classes that occur.

    Raises:
        ExperimentError: A class is unknown, a weight is negative or no number, or `balanced` without labels.
    """
    if isinstance(class_weight, str):
        if labels is None:
            text = "class_weight: balanced needs to count all labels, which a generator cannot tell."
            raise ExperimentError(f"{text} Give a weight for each class.")
        return _balance(labels, len(class_names or ()))
    count = len(class_names) if class_names is not None else None if labels is None else int(labels.max()) + 1
    numbers = {key: _class_number(key, class_names, count) for key in class_weight}
    problems = [_unknown(key, class_names, count) for key, number in numbers.items() if number is None]
    # `not >=` finds NaN too.
    negative = [(key, value) for key, value in class_weight.items() if not value >= 0]
    rule = "it must be at least 0"
    problems += [Problem(f"class_weight: the weight of {key} is {value}; {rule}.", key=str(key)) for key, value in negative]
    if problems:
        raise ExperimentError(problems)
    highest = max((number for number in numbers.values() if number is not None), default=0)
    factors = np.ones(highest + 1 if count is None else count, np.float32)
    for key, number in numbers.items():
        factors[number] = class_weight[key]
    return factors


class Balance:
    """`balanced` weights where labels come batch by batch: from all that were seen so far."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)

    def see(self, labels: NDArray[np.int64]) -> None:
        """Count (N,) class numbers."""
        counts = np.bincount(labels, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts

    def factors(self) -> NDArray[np.float32]:
        """(classes,) the weight of each class: n / (classes * count), over the classes that occur."""
        present = self._counts > 0
        factors = np.ones(len(self._counts), np.float32)
        factors[present] = self._counts.sum() / (np.count_nonzero(present) * self._counts[present])
        return factors


def _balance(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    balance = Balance()
    balance.see(labels)
    factors = balance.factors()
    return np.concatenate([factors, np.ones(max(classes - len(factors), 0), np.float32)])


def _class_number(key: object, class_names: tuple[str, ...] | None, count: int | None) -> int | None:
    """The class that a key means: a name first, then a number; None where it is neither.

    Where names are numbers, a key is the value of one: {1: …, 2: …} of the classes 01 and 02 is meant so, and not by place.
    """
    if class_names is not None and str(key) in class_names:
        return class_names.index(str(key))
    by_value = values_of(class_names) if class_names else None
    if by_value is not None:
        return by_value.get(float(str(key))) if is_number(str(key)) else None
    try:
        number = int(str(key))
    except ValueError:
        return None
    return number if number >= 0 and (count is None or number < count) else None


def _unknown(key: object, class_names: tuple[str, ...] | None, count: int | None) -> Problem:
    near = None if class_names is None else nearest_name(str(key), class_names)
    if near is not None:
        mend = f"Did you mean {near}?"
    elif class_names is not None:
        mend = f"Classes are {', '.join(class_names[:10])}{', …' if len(class_names) > 10 else ''}."
    else:
        mend = "Classes are numbers from 0." if count is None else f"Classes are 0 to {count - 1}."
    return Problem(f"class_weight: there is no class {key}. {mend}", key=str(key))


def classes_of(targets: NDArray[Any]) -> NDArray[np.int64] | None:
    """The class numbers that targets stand for, by Keras's rule: argmax over a last axis of more than one, else rounded.

    Args:
        targets: (N,), (N, 1) or (N, classes).

    Returns:
        (N,) int64, or None where the targets are no classes: negative, fractions, or of more axes.
    """
    if targets.ndim == 2 and targets.shape[1] > 1:
        return np.asarray(targets.argmax(axis=1), np.int64)
    if targets.size != len(targets) or targets.dtype.kind not in "buif":
        return None
    values = targets.reshape(-1)
    if not (np.abs(values, dtype=np.float64) < _MOST_CLASSES).all():
        return None
    rounded = np.round(values).astype(np.int64)
    return rounded if np.array_equal(rounded, values) and (len(rounded) == 0 or int(rounded.min()) >= 0) else None


def per_sample(
    factors: NDArray[np.float32], labels: NDArray[np.int64], sample_weight: NDArray[Any] | None
) -> NDArray[np.float32]:
    """(N,) class weights, multiplied with the samples' own; a class beyond the factors weighs 1."""
    # Both choices are computed for each label, so the index is kept within the factors.
    weights = np.where(labels < len(factors), factors[np.minimum(labels, len(factors) - 1)], np.float32(1))
    return weights if sample_weight is None else weights * sample_weight.astype(np.float32, copy=False)
