"""Members of families: made in Python, and written as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from fittool.settings.family import fields_of, written_name


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

    Members of a family become `{name: arguments}`. With `defaults=False`, arguments at their default are left out.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        known = fields_of(type(value))
        arguments = {
            name: plain(getattr(value, field.name), defaults=defaults)
            for field, name in ((field, written_name(field.name)) for field in dataclasses.fields(value))
            if defaults or getattr(value, field.name) != known[name].get_default(call_default_factory=True)
        }
        return {value.public_name(): arguments} if isinstance(value, Named) else arguments
    if isinstance(value, Mapping):
        return {key: plain(item, defaults=defaults) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, defaults=defaults) for item in value]
    return value
