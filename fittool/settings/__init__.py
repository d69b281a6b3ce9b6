"""The base of every described thing: layers, optimizers, losses, callbacks, data sources, sections of an experiment.

A description is a frozen pydantic dataclass. Its fields are at the same time the keys in the experiment file, the arguments
in Python, the JSON Schema and the reference page. Things that have a name and arguments form a `Family`. `family` and `named`
are the base, `scalars` the plain values, `lookup` walks along descriptions, `complaints` and `messages` say what is wrong.
Every part but the single files at the bottom may enter; it knows `errors` alone, and nothing of what it describes.
"""

from __future__ import annotations

from pydantic import Field

from fittool.settings.family import (
    CONFIG,
    DOES_NOT_COUNT,
    NAMES_CODE,
    Boolean,
    Family,
    Integer,
    Number,
    Pair,
    Text,
    ValueName,
    arguments,
    counts,
    fields_of,
    fold,
    nearest_name,
    only_argument,
    setting,
    snake_case,
)
from fittool.settings.first_use import DescribedLater
from fittool.settings.named import Named, plain
from fittool.settings.on_demand import ByClass, OnDemand, homes_in, import_from_home
from fittool.settings.optional_section import optional_section

__all__ = [
    "CONFIG",
    "DOES_NOT_COUNT",
    "NAMES_CODE",
    "Boolean",
    "ByClass",
    "DescribedLater",
    "Family",
    "Field",
    "Integer",
    "Named",
    "Number",
    "OnDemand",
    "Pair",
    "Text",
    "ValueName",
    "arguments",
    "counts",
    "fields_of",
    "fold",
    "homes_in",
    "import_from_home",
    "nearest_name",
    "only_argument",
    "optional_section",
    "plain",
    "setting",
    "snake_case",
]
