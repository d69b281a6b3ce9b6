"""A column, or an array, that says of each sample whether it is trained or validated on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool.errors import DataError
from fittool.settings import nearest_name

COLUMN_NAMES = ("split", "set", "subset", "fold", "partition", "part", "phase", "is_valid", "is_val", "is_test", "is_train")
"""The names of such columns."""

_TRAINING = frozenset({"train", "training", "tr", "trn", "learn", "development"})
_VALIDATION = frozenset({"val", "valid", "validation", "validate", "dev", "eval", "evaluation"})
_TEST = frozenset({"test", "testing", "tst", "holdout"})
_TRUE, _FALSE = frozenset({"true", "1", "yes", "1.0"}), frozenset({"false", "0", "no", "0.0"})
_MOST_FOLDS = 20
_SHOWN = 10


@dataclass(frozen=True)
class ColumnSplit:
    """The values of a column that are trained on, and those validated on; samples with others are left out.

    Attributes:
        training, validation: Values as they are written.
        others: How many samples have each of the other values.
    """

    training: frozenset[str]
    validation: frozenset[str]
    others: Mapping[str, int]

    def remark(self, column: str) -> str | None:
        """A sentence about what is left out, or None."""
        if not self.others:
            return None
        listed = ", ".join(f"{value} ({count:,})" for value, count in list(self.others.items())[:_SHOWN])
        amount = sum(self.others.values())
        samples = "1 sample is" if amount == 1 else f"{amount:,} samples are"
        return f"{samples} neither trained nor validated on, as {column} says: {listed}."


def column_split(column: str, values: NDArray[np.str_], asked: Sequence[str] | None = None) -> ColumnSplit:
    """The way a column divides the samples.

    Args:
        column: Its name.
        values: (N,) its cells.
        asked: The values to validate on; all others are trained on then, but for those that mean test data. By default those that
            mean validation data, or, where there are none, test data.

    Raises:
        DataError: Its values do not tell, or leave nothing on one side.
    """
    counts = dict(Counter(values.tolist()))
    training, validation = _guess(column, counts) if asked is None else _ask(column, counts, asked)
    if not training or not validation:
        listed = ", ".join(sorted(counts)[:_SHOWN]) + (", …" if len(counts) > _SHOWN else "")
        mend = "Say with value which of them are validated on."
        raise DataError(f"The column {column} does not tell which samples are trained and validated on: {listed}. {mend}")
    others = {value: count for value, count in counts.items() if value not in training | validation}
    return ColumnSplit(frozenset(training), frozenset(validation), others)


def _guess(column: str, counts: Mapping[str, int]) -> tuple[set[str], set[str]]:
    """The values that mean training data, and those that mean validation data."""
    name = column.strip().lower()
    if name.startswith("is_") and all(_plain(value) in _TRUE | _FALSE for value in counts):
        true = {value for value in counts if _plain(value) in _TRUE}
        false = set(counts) - true
        return (true, false) if name == "is_train" else (false, true)
    training = {value for value in counts if _plain(value) in _TRAINING}
    validation = {value for value in counts if _plain(value) in _VALIDATION}
    return training, validation or {value for value in counts if _plain(value) in _TEST}


def _ask(column: str, counts: Mapping[str, int], asked: Sequence[str]) -> tuple[set[str], set[str]]:
    for value in asked:
        if value not in counts:
            near = nearest_name(value, list(counts))
            known = f"Did you mean {near}?" if near else f"There are {', '.join(sorted(counts)[:_SHOWN])}."
            raise DataError(f"No sample has the value {value!r} in the column {column}. {known}")
    validation = set(asked)
    return {value for value in counts if value not in validation and _plain(value) not in _TEST}, validation


def _plain(value: str) -> str:
    return value.strip().lower()


def find_split_column(columns: Mapping[str, Sequence[str]]) -> tuple[str, tuple[str, ...] | None] | None:
    """A column that divides a table, and the values to validate on where they are not plain from its words; None without one.

    Args:
        columns: The cells of each column.
    """
    for name in sorted(columns, key=lambda name: _rank(name)):
        if _rank(name) == len(COLUMN_NAMES):
            continue
        cells = np.array(list(columns[name]), np.str_)
        try:
            column_split(name, cells)
        except DataError:
            folds = sorted(set(cells.tolist()), key=lambda text: (len(text), text))
            if _plain(name) == "fold" and 2 <= len(folds) <= _MOST_FOLDS and all(fold.isdigit() for fold in folds):
                return name, (folds[0],)
            continue
        return name, None
    return None


def _rank(name: str) -> int:
    plain = _plain(name)
    return COLUMN_NAMES.index(plain) if plain in COLUMN_NAMES else len(COLUMN_NAMES)
