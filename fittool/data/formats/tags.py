"""Several labels in one cell of a table, such as `beach sunset`: each is a class, and a sample may have any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from fittool.data.targets import ClassMode, Targets
from fittool.errors import DataError, ExperimentError, Problem
from fittool.settings import nearest_name

SEPARATORS = (",", ";", "|", " ")
"""The texts that may stand between labels, the surest first."""

_SHARED = 0.8
_MOST_TAGS = 1000
_SHOWN = 5


def tags_of(cell: str, separator: str) -> tuple[str, ...]:
    """The labels in a cell, each once, without blanks around them."""
    parts = cell.split() if separator == " " else (part.strip() for part in cell.split(separator))
    return tuple(dict.fromkeys(part for part in parts if part))


def separator_in(cells: Sequence[str]) -> str | None:
    """The text that separates the labels in a column of several labels a cell; None where the cells look like single labels.

    A few words that most cells are made of, each in several combinations, are labels; names of two words are none.
    """
    distinct = list(dict.fromkeys(cells))
    for separator in SEPARATORS:
        split = [tags_of(cell, separator) for cell in distinct]
        if any(len(tags) > 1 for tags in split) and _are_tags(split):
            return separator
    return None


def _are_tags(split: Sequence[Sequence[str]]) -> bool:
    counts = Counter(tag for tags in split for tag in tags)
    shared = sum(count > 1 for count in counts.values())
    return len(counts) <= _MOST_TAGS and len(counts) <= len(split) and shared >= _SHARED * len(counts)


def from_tags(
    cells: Sequence[str],
    separator: str,
    class_mode: ClassMode,
    known: tuple[str, ...] | None,
    place: Callable[[int], str],
    what: str,
) -> Targets:
    """Targets from cells with any number of labels: a row (classes,) of ones and zeros for each sample.

    Args:
        cells: (N,) labels as they are written.
        separator: Between them.
        class_mode: The form of the targets; `sparse` has no room for several.
        known: The classes of the training data, or None: the sorted labels are the classes.
        place: Names sample i in messages.
        what: What the labels are called in messages ("column tags").

    Raises:
        DataError: A label is not known in training, or there is none at all.
        ExperimentError: The loss takes one class a sample.
    """
    if class_mode == "sparse":
        mend = "Use binary_crossentropy, and sigmoid as the last activation."
        raise ExperimentError(f"label_separator gives several labels a sample, but the loss takes one class number. {mend}")
    tags = [tags_of(cell, separator) for cell in cells]
    names = tuple(sorted({tag for found in tags for tag in found})) if known is None else known
    if not names:
        raise DataError(f"{what} holds no label.", place=place(0))
    positions = {name: number for number, name in enumerate(names)}
    problems = [
        Problem(f"{what}: the training data have no label {tag!r}.{_mend(tag, names)}", place(row))
        for row, found in enumerate(tags)
        for tag in found
        if tag not in positions
    ]
    if problems:
        raise DataError(problems[:_SHOWN])
    rows = np.zeros((len(tags), len(names)), np.float32)
    for row, found in enumerate(tags):
        rows[row, [positions[tag] for tag in found]] = 1
    return Targets(rows, names, class_mode)


def _mend(tag: str, names: Sequence[str]) -> str:
    near = nearest_name(tag, list(names))
    return f" Did you mean {near}?" if near else ""


def remark_on_tags(cells: Sequence[str]) -> tuple[str, ...]:
    """A sentence where single labels look like several in a cell, or none."""
    separator = separator_in(cells)
    if separator is None:
        return ()
    example = next(cell for cell in cells if len(tags_of(cell, separator)) > 1)
    return (
        f"Labels such as {example!r} look like several in one cell, but count as one class. For several labels a sample set "
        f"label_separator: {separator!r}.",
    )
