"""The contents of an experiment at each key path, walked along the descriptions: sections, families of named things, lists.

Merging files, `--set` and messages need it before anything is validated.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from fittool.settings.family import Family, fields_of
from fittool.settings.optional_section import OptionalSection


@dataclass(frozen=True)
class Items:
    """A list, and what its items may be."""

    annotation: Any


@dataclass(frozen=True)
class Entries:
    """A mapping with keys that the user chooses, and what its values may be."""

    annotation: Any


Form = type | Family[Any] | Items | Entries
"""A form that can stand at a key path, apart from scalars."""
_Waiting = Form | OptionalSection
"""The same, before what an optional section stands for is imported."""


def forms_at(top: Form, path: Sequence[object]) -> tuple[Form, ...]:
    """The forms at `path`, beginning at `top`, a setting class or family; empty for scalars and for unknown paths."""
    forms: tuple[Form, ...] = (top,)
    for step in path:
        forms = forms_below(forms, step)
    return forms


def forms_below(forms: Sequence[Form], step: object) -> tuple[Form, ...]:
    """The forms that may stand one step further."""
    return tuple(form for before in forms for found in _inside(before, step) for form in _resolved(found))


def _resolved(form: _Waiting) -> tuple[Form, ...]:
    """The forms that an optional section stands for; others as they are."""
    return _forms(form.described) if isinstance(form, OptionalSection) else (form,)


def known_names(top: Form, path: Sequence[object]) -> tuple[str, ...] | None:
    """The keys that may stand in a mapping at `path`; None where any key may, or no mapping is expected."""
    forms = [form for form in forms_at(top, path) if not isinstance(form, Items)]
    if not forms or any(isinstance(form, Entries) for form in forms):
        return None
    return tuple(name for form in forms for name in _names(form))


def accepts_key(top: type, path: Sequence[object], key: str) -> bool:
    """True where `key` may stand in a mapping at `path`; a family's names also in another case."""
    return any(True for form in forms_at(top, path) if isinstance(form, Entries) or _has(form, key))


def families_at(top: Form, path: Sequence[object]) -> tuple[Family[Any], ...]:
    """The families whose members may stand at `path`."""
    return tuple(form for form in forms_at(top, path) if isinstance(form, Family))


def names_one_thing(top: type, path: Sequence[object]) -> bool:
    """True where a mapping at `path` stands for one thing out of several, so that another name replaces it as a whole."""
    return tuple(path) == ("model",) or bool(families_at(top, path))


def expects_list(top: type, path: Sequence[object]) -> bool:
    """True where a list may stand at `path`."""
    return any(isinstance(form, Items) for form in forms_at(top, path))


def _inside(form: Form, step: object) -> tuple[_Waiting, ...]:
    if isinstance(form, Items):
        return _forms(form.annotation) if isinstance(step, int) else ()
    if not isinstance(step, str):
        return ()
    if isinstance(form, Entries):
        return _forms(form.annotation)
    if isinstance(form, Family):
        member = form.class_of(step)
        return () if member is None else (member,)
    return _field_forms(form).get(step, ())


def _names(form: Form) -> tuple[str, ...]:
    if isinstance(form, Family):
        return (*form.members, *form.aliases)
    return tuple(_field_forms(form)) if isinstance(form, type) else ()


def _has(form: Form, key: str) -> bool:
    return form.class_of(key) is not None if isinstance(form, Family) else key in _names(form)


@cache
def _field_forms(cls: type) -> dict[str, tuple[_Waiting, ...]]:
    return {name: _named_in(info.metadata) or _forms(info.annotation) for name, info in fields_of(cls).items()}


def _named_in(metadata: Sequence[Any]) -> tuple[_Waiting, ...]:
    """The families that annotate a field, themselves or as the `family` of a form that allows more, or its optional section."""
    found = (getattr(one, "family", one) for one in metadata)
    return tuple(one for one in found if isinstance(one, Family | OptionalSection))


def _forms(annotation: Any) -> tuple[Form, ...]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return tuple(form for found in _named_in(arguments[1:]) for form in _resolved(found)) or _forms(arguments[0])
    if origin in (Union, types.UnionType):
        return tuple(form for argument in arguments for form in _forms(argument))
    if origin in (list, tuple) and arguments:
        return (Items(arguments[0]),)
    if isinstance(origin, type) and issubclass(origin, Mapping) and arguments:
        return (Entries(arguments[1]),)
    return (annotation,) if isinstance(annotation, type) and hasattr(annotation, "__pydantic_fields__") else ()


def families(top: type) -> tuple[Family[Any], ...]:
    """Every family whose members may occur anywhere below `top`, each once, in the order of the file."""
    found: dict[int, Family[Any]] = {}
    seen: set[Any] = set()
    waiting: list[Form] = [top]
    while waiting:
        form = waiting.pop(0)
        if isinstance(form, Family):
            found.setdefault(id(form), form)
        key = id(form) if isinstance(form, Family) else form
        if key not in seen:
            seen.add(key)
            waiting += _below(form)
    return tuple(found.values())


def _below(form: Form) -> list[Form]:
    if isinstance(form, Family):
        return list(form.members.values())
    if isinstance(form, Items | Entries):
        return list(_forms(form.annotation))
    return [below for forms in _field_forms(form).values() for one in forms for below in _resolved(one)]
