"""Classes among labels: the sorted distinct labels, by the names that the data give them; a class's number is its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.number_forms import FORMS
from fittool.data.formats.number_parsing import is_number
from fittool.errors import DataError, Problem
from fittool.settings import nearest_name

_MOST_NAMED = 1000
_MOST_NUMBERED = 30
_OFTEN = 10
_SHOWN = 5
_FOR_REGRESSION = " For regression use a regression loss such as mean_squared_error."


@dataclass(frozen=True)
class ClassLabels:
    """Labels as class numbers.

    Attributes:
        names: Of the classes, in the order of their numbers.
        numbers: (N,) the class number of each sample.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.int64]


def classes_of_text(texts: Sequence[str], known: tuple[str, ...] | None, place: Callable[[int], str], what: str) -> ClassLabels:
    """Classes of labels that are text.

    Names are kept as they are written (`01`, `+1`). Where all are whole numbers they are sorted as such, and those of equal
    value are one class, by its most frequent name.

    Args:
        texts: (N,) labels.
        known: The classes of the training data, or None.
        place: Names sample i in messages.
        what: What the labels are called in messages ("column species").

    Raises:
        DataError: A label is empty, a fraction, or unknown to training.
    """
    counts = Counter(texts)
    if "" in counts:
        raise DataError(f"{what}: the label is empty. Remove the sample, or name its class.", place=place(texts.index("")))
    if known is not None:
        return ClassLabels(known, _number(texts, _places_among(known, counts, texts, place)))
    if not all(map(is_number, counts)):
        names = tuple(sorted(counts))
        return ClassLabels(names, _number(texts, {name: number for number, name in enumerate(names)}))
    values = {text: float(text) for text in counts}
    fraction = next((text for text in texts if values[text] % 1), None)
    if fraction is not None:
        text = f"{what} is {fraction.strip()}, but class numbers must be whole numbers.{_FOR_REGRESSION}"
        raise DataError(text, place=place(texts.index(fraction)))
    number_of = {value: number for number, value in enumerate(sorted(set(values.values())))}
    name_of: dict[float, str] = {}
    for text, value in values.items():
        if value not in name_of or counts[text] > counts[name_of[value]]:
            name_of[value] = text
    names = tuple(name_of[value].strip() for value in number_of)
    return ClassLabels(names, _number(texts, {text: number_of[value] for text, value in values.items()}))


def _number(texts: Sequence[str], places: Mapping[str, int]) -> NDArray[np.int64]:
    return np.fromiter(map(places.__getitem__, texts), np.int64, len(texts))


def _places_among(
    known: tuple[str, ...], counts: Counter[str], texts: Sequence[str], place: Callable[[int], str]
) -> dict[str, int]:
    """The class number of each distinct label: of the class of that name, else of that value where classes are numbers.

    Truth is one value however it is written: `True` in CSV is `true` in JSON lines and Parquet.
    """
    by_name = {name: number for number, name in enumerate(known)}
    by_truth = {name.casefold(): number for name, number in by_name.items()}
    by_truth = by_truth if by_truth.keys() == {"true", "false"} and len(known) == 2 else {}
    by_value = values_of(known)
    places = {}
    for text in counts:
        number = by_name.get(text, by_truth.get(text.casefold()))
        if number is None and by_value is not None and is_number(text):
            number = by_value.get(float(text))
        if number is not None:
            places[text] = number
    if len(places) < len(counts):
        unknown = [text for text in sorted(counts) if text not in places]
        raise DataError([unknown_class(text, known, place(texts.index(text))) for text in unknown[:_SHOWN]])
    return places


def values_of(names: Sequence[str]) -> dict[float, int] | None:
    """The class number by the value of its name, or None where names are no numbers."""
    return {float(name): number for number, name in enumerate(names)} if all(map(is_number, names)) else None


def classes_of_numbers(
    array: NDArray[Any], known: tuple[str, ...] | None, called: Callable[[int], str], *, least: tuple[str, ...] = ()
) -> ClassLabels:
    """Classes of labels that are numbers or booleans.

    Args:
        array: (N,) whole numbers, in any type.
        known: The classes of the training data, or None.
        called: What the label of sample i is called in messages.
        least: Classes that there are in any case, where all labels are among them.

    Raises:
        DataError: A label is a fraction, or unknown to training.
    """
    values, numbers = np.unique(array, return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    fractions: list[int] = np.flatnonzero(np.mod(array, 1) != 0).tolist() if array.dtype.kind == "f" else []
    if fractions:
        others = f" (and {len(fractions) - 1:,} more)" if len(fractions) > 1 else ""
        found = f"{called(fractions[0])} is {array[fractions[0]]:g}{others}"
        raise DataError(f"{found}, but class numbers must be whole numbers.{_FOR_REGRESSION}")
    names = tuple(str(value) if array.dtype.kind == "b" else str(int(value)) for value in values.tolist())
    if known is None and set(names) <= set(least):
        known = least
    if known is None:
        return ClassLabels(names, numbers)
    return ClassLabels(known, _places_of(values, names, known, numbers, called)[numbers])


def _places_of(
    values: NDArray[Any], names: tuple[str, ...], known: tuple[str, ...], numbers: NDArray[np.int64], called: Callable[[int], str]
) -> NDArray[np.int64]:
    """The class numbers of distinct labels: by name, by the value of a name, or, where names are words, as they are."""
    by_value = values_of(known) or {float(number): number for number in range(len(known))}
    by_name = {name: number for number, name in enumerate(known)}
    places = [by_name.get(name, by_value.get(float(value))) for name, value in zip(names, values.tolist(), strict=True)]
    if None in places:
        index = places.index(None)
        raise DataError(_unknown_number(names[index], known, called(int(np.argmax(numbers == index)))))
    return np.array(places, np.int64)


def _unknown_number(name: str, known: tuple[str, ...], called: str) -> str:
    if known == tuple(map(str, range(len(known)))) or values_of(known) is None:
        return f"{called} is {name}, but class numbers must be 0 to {len(known) - 1:,}, as in the training data."
    return f"{called} is {name}, but the training data have no such class. Known are {_as_list(known)}."


def unknown_class(name: str, known: tuple[str, ...], place: str) -> Problem:
    """A class that the training data do not have."""
    near = nearest_name(name, known)
    mend = f"Did you mean {near}?" if near else f"Known are {_as_list(known)}."
    return Problem(f"The training data have no class {name!r}. {mend}", place)


def _as_list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def are_classes(names: Sequence[str], samples: int) -> bool:
    """True where distinct labels are rather classes than amounts, or text of any sort."""
    values = values_of(names)
    if values is not None:
        return _are_class_numbers(list(values), samples)
    if all(any(form.is_number(name.strip().removesuffix("%")) for form in FORMS) for name in names):
        return False  # percentages, or numbers with a decimal comma
    return len(names) <= max(_MOST_NAMED, samples // _OFTEN) and (2 * len(names) <= samples or len(names) <= 2)


def _are_class_numbers(values: list[float], samples: int) -> bool:
    """True where whole numbers are rather classes than amounts: few of them, or 0 to K-1 and each often."""
    if len(values) <= _MOST_NUMBERED:
        return 2 * len(values) <= samples
    return len(values) <= _MOST_NAMED and sorted(values) == list(range(len(values))) and len(values) * _OFTEN <= samples
