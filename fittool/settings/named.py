"""Members of families: made in Python, and written as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from fittool.settings.family import fields_of, written_name

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class _Made(type):
    """The class of members of families: wrong arguments in Python are told by the sentences that tell them in a file."""

    def __call__(cls, *args: Any, **named: Any) -> Any:
        """Make an object.

        Raises:
            ArgumentError: A ValueError and TypeError that says what is wrong with the arguments.
        """
        try:
            return super().__call__(*args, **named)
        except ValidationError as error:
            from fittool.settings.complaints import argument_error  # only needed once something is wrong

            raise argument_error(cast("type[Named]", cls).public_name(), cls, args, named, error) from None


class Named(metaclass=_Made):
    """Mixed into the members of a family: written as `{public name: arguments}`."""

    @classmethod
    def public_name(cls) -> str:
        """The name in files and in Python; the class's own unless overridden."""
        return cls.__name__


def plain(value: object, *, defaults: bool = True) -> Any:
    """A description as plain data (mappings, lists, numbers, text) that its family or section reads back.

    Members of a family become `{name: arguments}`, and their arguments alone where a field takes no other member. With
    `defaults=False`, arguments at their default are left out.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        arguments = _arguments(value, defaults)
        return {value.public_name(): arguments} if isinstance(value, Named) else arguments
    if isinstance(value, Mapping):
        return {key: plain(item, defaults=defaults) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, defaults=defaults) for item in value]
    return value


def _arguments(value: Any, defaults: bool) -> dict[str, Any]:
    """Field by field, the arguments of a description as plain data."""
    known = fields_of(type(value))
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        name, item = written_name(field.name), getattr(value, field.name)
        if defaults or item != known[name].get_default(call_default_factory=True):
            alone = isinstance(item, Named) and _is_no_choice(known[name], item)
            arguments[name] = _arguments(item, defaults) if alone else plain(item, defaults=defaults)
    return arguments


def _is_no_choice(info: FieldInfo, item: Named) -> bool:
    """True where a field takes objects of the item's own class alone, so that it needs no name."""
    return info.annotation is type(item)
