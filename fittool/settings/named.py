"""Members of families: made in Python, and written as plain data."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from fittool.settings.family import fields_of, written_name
from fittool.settings.first_use import CompletedAtFirstUse, complete

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class _Made(CompletedAtFirstUse):
    """The class of members of families: wrong arguments in Python are told by the sentences that tell them in a file."""

    @property
    def __signature__(cls) -> inspect.Signature:  # noqa: N805 - the first argument of a class's class is a class
        """Arguments and defaults in Keras's order, for `help` and editors; pydantic's own loses the order of the positions."""
        complete(cls)
        maker = next(one for one in cls.__mro__ if "__init__" in vars(one))
        if "__pydantic_fields__" in vars(maker):
            return _signature_of_fields(cls)
        whole = inspect.signature(vars(maker)["__init__"])
        return whole.replace(parameters=list(whole.parameters.values())[1:], return_annotation=inspect.Signature.empty)

    @__signature__.setter
    def __signature__(cls, unwanted: object) -> None:  # noqa: N805
        """Let pydantic set its own, to no effect."""

    def __call__(cls, *args: Any, **named: Any) -> Any:  # noqa: N805
        """Make an object.

        Raises:
            ArgumentError: A ValueError and TypeError that says what is wrong with the arguments.
        """
        try:
            return super().__call__(*args, **named)
        except ValidationError as error:
            from fittool.settings.complaints import argument_error  # only needed once something is wrong

            raise argument_error(cast("type[Named]", cls).public_name(), cls, args, named, error) from None


def _signature_of_fields(cls: type) -> inspect.Signature:
    known = cast("Any", cls).__pydantic_fields__
    parameters = []
    for field in dataclasses.fields(cast("Any", cls)):
        kind = inspect.Parameter.KEYWORD_ONLY if field.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD
        required = known[field.name].is_required()
        default = inspect.Parameter.empty if required else known[field.name].get_default(call_default_factory=True)
        parameters.append(inspect.Parameter(field.name, kind, default=default))
    return inspect.Signature(sorted(parameters, key=lambda one: one.kind))


class Named(metaclass=_Made):
    """Mixed into the members of a family: written as `{public name: arguments}`."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Come out of a pickle, perhaps as the first object of the class in this process."""
        complete(type(self))
        self.__dict__.update(state)

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
