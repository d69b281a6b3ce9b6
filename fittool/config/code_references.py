"""Which settings name code of the user's, so that nothing but a file that the user gives can have it run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from fittool.errors import KeyPath
from fittool.settings import NAMES_CODE, Named, fields_of, written_name


def code_fields(cls: type) -> tuple[str, ...]:
    """The keys of a setting that may name code."""
    return tuple(name for name, info in fields_of(cls).items() if NAMES_CODE in info.metadata)


def code_named_in(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every `module:function` in an experiment, or in a part of it, with its key path."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        path = (*path, value.public_name()) if isinstance(value, Named) else path
        coded = code_fields(type(value))
        for field in dataclasses.fields(value):
            name, item = written_name(field.name), getattr(value, field.name)
            if name in coded and isinstance(item, str):
                yield (*path, name), item
            yield from code_named_in(item, (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from code_named_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from code_named_in(item, (*path, index))
