"""Oddities of training data with which nothing is wrong: a warning each, before training."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.formats.cell_form import MISSING
from fittool.data.formats.reading import Reading
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import Problem, shown

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder

_SHOWN = 5
_FEWEST_TO_COUNT = 10


def remarks(loaded: LoadedExperiment, train: Dataset | GeneratorData) -> tuple[Problem, ...]:
    """Warnings about the samples to train on: classes that look alike, one class only, columns that never change."""
    if isinstance(train, GeneratorData):
        return ()
    texts = [*look_alikes(train.class_names or ()), *_names_of_gaps(train), *_one_class(train)]
    texts += [*_constant_columns(train), *_counting_columns(train)]
    said = (*remarks_of_source(loaded, train, "train"), *doubts(loaded, train, "train"))
    return (*said, *(loaded.problem(text, "data", "train") for text in texts))


def remarks_of_source(
    loaded: LoadedExperiment, data: Dataset | GeneratorData, part: Literal["train", "validation"]
) -> tuple[Problem, ...]:
    """The sentences of a source about its samples: files that it has left out, and oddities."""
    return tuple(loaded.problem(text, "data", part) for text in said_by_source(data))


def said_by_source(data: Dataset | GeneratorData) -> tuple[str, ...]:
    """The same, without a place; sources of image files say something, and tables beside the training data."""
    said: tuple[str, ...] = getattr(data, "remarks", ())
    return said


def left_out_rows_of(data: Dataset | GeneratorData) -> tuple[Problem, ...]:
    """Why rows of a table were left out when it was read."""
    found: tuple[Problem, ...] = getattr(data, "left_out_rows", ())
    return found


def bad_rows_of(data: Dataset | GeneratorData) -> Mapping[int, Problem]:
    """By the sample: why a row of a table could not be read; empty of other data."""
    found: Mapping[int, Problem] = getattr(data, "bad_rows", {})
    return found


def doubts(loaded: LoadedExperiment, data: Dataset | GeneratorData, part: str) -> tuple[Problem, ...]:
    """Things in a table that may be meant otherwise than they were read."""
    reading: Reading | None = getattr(data, "reading", None)
    return () if reading is None else tuple(loaded.problem(text, "data", part) for text in reading.warnings)


def damaged_exif(*parts: Dataset | GeneratorData | None) -> tuple[Problem, ...]:
    """The number of image files decoded so far whose orientation cannot be told, and the first of them."""
    names: set[str] = set()
    for part in parts:
        whole: Any = part
        while isinstance(whole, Subset):
            whole = whole.dataset
        names |= {shown(os.path.join(whole.root, name)) for name in getattr(whole, "damaged_exif", ())}
    if not names:
        return ()
    amount = "1 file has" if len(names) == 1 else f"{len(names):,} files have"
    return (
        Problem(
            f"{amount} damaged EXIF data, which is ignored; images may lie on their side: {min(names)}{', …' * (len(names) > 1)}"
        ),
    )


def look_alikes(names: Sequence[str]) -> list[str]:
    """A sentence about names that differ in capitals, blanks or the code points of one letter alone, or none."""
    by_look: dict[str, list[str]] = {}
    for name in names:
        by_look.setdefault(_look(name), []).append(name)
    alike = [group for group in by_look.values() if len(group) > 1]
    if not alike:
        return []
    listed = "; ".join(" and ".join(map(ascii, group[:_SHOWN])) for group in alike[:_SHOWN])
    more = f"; and {len(alike) - _SHOWN:,} more" if len(alike) > _SHOWN else ""
    return [f"Names of classes look alike: {listed}{more}. If they mean the same, give them the same name."]


def _look(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())


def _names_of_gaps(train: Dataset) -> list[str]:
    """Classes whose names mostly stand for missing values, where they are cells and not folders that somebody named."""
    labels = None if train.grouped_by_class else train.labels()
    if labels is None or train.class_names is None:
        return []
    reading: Reading | None = getattr(train, "reading", None)
    missing = MISSING if reading is None else reading.missing
    counts = np.bincount(labels, minlength=len(train.class_names)).tolist()
    return [
        f"{count:,} of {len(labels):,} labels are {name!r}, which often stands for a missing value; here it is a class. "
        "If it is none, leave these samples out."
        for name, count in zip(train.class_names, counts, strict=False)
        if name.strip().casefold() in missing and count
    ]


def _one_class(train: Dataset) -> list[str]:
    labels = None if train.class_names is None else train.labels()
    if labels is None or train.class_names is None or not len(labels) or (labels != labels[0]).any():
        return []
    return [f"All samples are of one class, {train.class_names[labels[0]]}, so there is nothing to learn."]


def _constant_columns(train: Dataset) -> list[str]:
    """Of a table; pixels that are always black are nothing to wonder about."""
    features, names = _features_of(train)
    if len(features) < 2:
        return []
    constant = np.flatnonzero((features == features[0]).all(axis=0)).tolist()
    if not constant:
        return []
    listed = ", ".join(names[number] for number in constant[:_SHOWN]) + ", …" * (len(constant) > _SHOWN)
    columns = "1 column holds" if len(constant) == 1 else f"{len(constant):,} columns each hold"
    return [f"{columns} the same number in all rows, so nothing can be learnt there: {listed}."]


def _counting_columns(train: Dataset) -> list[str]:
    """Columns of row numbers, which tell the order of the rows and nothing else."""
    features, names = _features_of(train)
    if len(features) < _FEWEST_TO_COUNT:
        return []
    counting = np.flatnonzero((np.diff(features[:_FEWEST_TO_COUNT], axis=0) == 1).all(axis=0))
    counting = counting[(np.diff(features[:, counting], axis=0) == 1).all(axis=0)]
    return [
        f"The column {names[number]} counts up by one in all rows, so it is likely an index. "
        "If it is, leave it out: list the columns to learn from as features."
        for number in counting.tolist()
    ]


def _features_of(train: Dataset) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """(N, F) the features of a table that are numbers, with their names; none of other data."""
    features = train.inputs[0] if isinstance(train, ArrayDataset) else getattr(train, "features", None)
    if features is None or train.feature_names is None or features.ndim != 2:
        return np.empty((0, 0)), ()
    encoder: TableEncoder | None = getattr(train, "encoder", None)
    if encoder is None or encoder.is_plain:
        return features, train.feature_names
    numbers = encoder.layout.positions("number")
    return features[:, numbers], tuple(encoder.layout.names[position] for position in numbers)
