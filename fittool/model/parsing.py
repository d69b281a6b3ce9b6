"""Layers, losses, callbacks as people give them: names, mappings, objects. Each mistake is one short sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from fittool.callbacks import CALLBACKS, Callback, started
from fittool.errors import ExperimentError, Problem
from fittool.settings import Family
from fittool.settings.complaints import Subject, sentences

Parsed = TypeVar("Parsed")


def parsed(what: str, family: Family[Parsed], value: object) -> Parsed:
    """The member that a family makes of a value.

    Args:
        what: The argument's name, for messages.
        family: What the value is to be a member of.
        value: A name, a mapping of one name to its arguments, or an object.

    Raises:
        ExperimentError: A ValueError that names the argument and what is wrong with it.
    """
    try:
        return family.parse(value)
    except ValidationError as error:
        errors: Sequence[Mapping[str, Any]] = error.errors(include_url=False)
    except PydanticCustomError as error:
        errors = [{"type": error.type, "msg": error.message(), "ctx": error.context, "loc": ()}]
    raise ExperimentError([Problem(one.text) for one in sentences(errors, Subject(family, value, owner=(what,)))])


def callbacks_of(given: Any) -> list[Callback]:
    """Callbacks at work, from one or several in any form.

    Raises:
        ExperimentError: A ValueError that says which is wrong.
    """
    several: Sequence[Any] = () if given is None else given if isinstance(given, list | tuple) else [given]
    return started([parsed("callbacks", CALLBACKS, callback) for callback in several])
