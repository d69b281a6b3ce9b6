"""Layers, losses, callbacks as people give them: names, mappings, objects. Each mistake is one short sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from fittool.callbacks import CALLBACKS, Callback, started
from fittool.errors import ExperimentError

Parsed = TypeVar("Parsed")


def parsed(what: str, parse: Callable[[Any], Parsed], value: object) -> Parsed:
    """The member that a family makes of a value.

    Args:
        what: The argument's name, for messages.
        parse: `Family.parse`.
        value: A name, a mapping of one name to its arguments, or an object.

    Raises:
        ExperimentError: A ValueError that names the argument and what is wrong with it.
    """
    try:
        return parse(value)
    except ValidationError as error:
        raise ExperimentError("\n".join(_sentence(what, item) for item in error.errors(include_url=False))) from None
    except PydanticCustomError as error:
        raise ExperimentError(_custom(what, error.type, error.message(), error.context or {})) from None


def _sentence(what: str, item: Mapping[str, Any]) -> str:
    place = ".".join([what, *(str(part) for part in item["loc"])])
    return _custom(place, item["type"], item["msg"], item.get("ctx", {}))


def _custom(place: str, kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind != "unknown_name":
        return f"{place}: {message}."
    mend = f"Did you mean {context['nearest']}?" if context["nearest"] else f"Known are {context['known']}."
    return f"{place}: {message}. {mend}"


def callbacks_of(given: Any) -> list[Callback]:
    """Callbacks at work, from one or several in any form.

    Raises:
        ExperimentError: A ValueError that says which is wrong.
    """
    several: Sequence[Any] = () if given is None else given if isinstance(given, list | tuple) else [given]
    return started([parsed("callbacks", CALLBACKS.parse, callback) for callback in several])
