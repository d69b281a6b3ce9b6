"""Oddities of training data with which nothing is wrong: a warning each, before training."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import Problem, shown

_SHOWN = 5


def remarks(loaded: LoadedExperiment, train: Dataset | GeneratorData) -> tuple[Problem, ...]:
    """Warnings about the samples to train on: classes that look alike, one class only, columns that never change."""
    if isinstance(train, GeneratorData):
        return ()
    texts = [*look_alikes(train.class_names or ()), *_one_class(train), *_constant_columns(train)]
    return tuple(loaded.problem(text, "data", "train") for text in texts)


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


def _one_class(train: Dataset) -> list[str]:
    labels = train.labels()
    if labels is None or not len(labels) or (labels != labels[0]).any():
        return []
    name = labels[0] if train.class_names is None else train.class_names[labels[0]]
    return [f"All samples are of one class, {name}, so there is nothing to learn."]


def _constant_columns(train: Dataset) -> list[str]:
    """Of a table; pixels that are always black are nothing to wonder about."""
    features = train.inputs[0] if isinstance(train, ArrayDataset) else getattr(train, "features", None)
    if features is None or train.feature_names is None or features.ndim != 2 or len(features) < 2:
        return []
    constant = np.flatnonzero((features == features[0]).all(axis=0)).tolist()
    if not constant:
        return []
    listed = ", ".join(train.feature_names[number] for number in constant[:_SHOWN]) + ", …" * (len(constant) > _SHOWN)
    columns = "1 column holds" if len(constant) == 1 else f"{len(constant):,} columns each hold"
    return [f"{columns} the same number in all rows, so nothing can be learnt there: {listed}."]
