"""Descriptions as frozen pydantic dataclasses, the kinds of their fields, and families of named ones."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Generic, TypeVar, cast, dataclass_transform

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from fittool.settings.first_use import wait_for_use
from fittool.settings.on_demand import OnDemand

T = TypeVar("T")

_LONGEST_NAME = 200

FRACTION = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*")
CONFIG = ConfigDict(extra="forbid", arbitrary_types_allowed=True, defer_build=True)


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def setting(cls: type[T]) -> type[T]:
    """Make a class a frozen, validated description; unknown keys are refused.

    A member of a family becomes one when it is first used: a file names a dozen of some two hundred.
    """
    return cls if wait_for_use(cls, _complete) else _complete(cls)


def _complete(cls: type[T]) -> type[T]:
    _resolve_annotations(cls)
    return cast("type[T]", pydantic_dataclass(frozen=True, config=CONFIG)(cls))


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def arguments(cls: type[T]) -> type[T]:
    """Make a class the arguments that several descriptions share; they validate them, so it costs no validator of its own."""
    return cls if wait_for_use(cls, _complete_arguments) else _complete_arguments(cls)


def _complete_arguments(cls: type[T]) -> type[T]:
    _resolve_annotations(cls)
    return dataclasses.dataclass(frozen=True)(cls)


def _resolve_annotations(cls: type) -> None:
    """Evaluate a class's annotations in its own module.

    Pydantic builds the class when it is first used, and would look names up where that happens before it looks here: a script
    that imports a layer called `Activation` would change the meaning of `Dense.activation`.
    """
    module, annotations = sys.modules[cls.__module__], inspect.get_annotations(cls)
    for name, text in annotations.items():
        if isinstance(text, str):
            with suppress(NameError):  # a name that the module defines further down: pydantic's own way finds it
                annotations[name] = eval(text, vars(module), dict(vars(cls)))
    cls.__annotations__ = annotations


def _number(value: object) -> object:
    """A number as people write it: `1/255` is a number; booleans, NaN and infinities are not."""
    if isinstance(value, str) and (match := FRACTION.fullmatch(value)) and float(match[2]) != 0:
        value = float(match[1]) / float(match[2])
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite_number", "must be a finite number")
    return value


def _pair(value: object) -> object:
    """Keras's short form: one number stands for (height, width)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("pair_form", "must be a whole number, or two for height and width")
    return tuple(value)


class Before:
    """A function that is given a value before it is validated, as pydantic's BeforeValidator has it.

    It looks at the function and at the type in the JSON Schema once, where pydantic does so in every field of every class.

    Args:
        function: Gives the value that is validated.
        written: The type that the JSON Schema names.
    """

    def __init__(self, function: Callable[[object], object], written: Any) -> None:
        self.function = function
        self.written = written
        self._schema: CoreSchema | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate what the function gives."""
        schema = handler(source)
        if self._schema is None:
            self._schema = handler.generate_schema(self.written)
        return core_schema.no_info_before_validator_function(self.function, schema, json_schema_input_schema=self._schema)


Integer = Annotated[int, Strict()]
"""A whole number; `3.0`, `"3"` and `true` are refused."""
Boolean = Annotated[bool, Strict()]
"""`true` or `false`; `yes`, 0 and 1 are refused."""
Text = Annotated[str, Strict()]
"""Text; numbers are refused."""
Number = Annotated[float, Strict(), Before(_number, float | str)]
"""A finite number; whole numbers and fractions such as `1/255` are welcome."""
Pair = Annotated[tuple[Integer, Integer], Before(_pair, int | list[int])]
"""(height, width); one number stands for both."""


def _printable(name: str) -> str:
    if not name.isprintable() or len(name.encode()) > _LONGEST_NAME:
        raise PydanticCustomError(
            "printable_name", "must be a name of printable characters, at most {longest} bytes", {"longest": _LONGEST_NAME}
        )
    return name


ValueName = Annotated[Text, Field(pattern=r"^[^/\s]+$"), AfterValidator(_printable)]
"""The name of a layer or metric: a part of tensors' names in files, of columns and of lines on terminals."""


class _NamesCode:
    """The type of `NAMES_CODE`."""


NAMES_CODE = _NamesCode()
"""Annotation metadata of a field whose text names code of the user's (`module:function`), which a run directory must not run."""


class _DoesNotCount:
    """The type of `DOES_NOT_COUNT`."""


DOES_NOT_COUNT = _DoesNotCount()
"""Annotation metadata of a field that cannot change the numbers, so that a run goes on although it was changed."""


def fold(name: str) -> str:
    """A name without case and underscores, so that `SparseCategoricalCrossentropy` and Keras's snake case meet."""
    return name.replace("_", "").casefold()


def snake_case(name: str) -> str:
    """Keras's other spelling of a class name: `conv2d`, `max_pooling2d`, `re_lu`, `sparse_categorical_crossentropy`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def nearest_name(name: str, known: Iterator[str] | list[str] | tuple[str, ...]) -> str | None:
    """The known name that `name` most likely meant, or None where nothing is near."""
    import difflib  # only needed once something is wrong

    by_folded = {fold(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(fold(name), by_folded, n=3, cutoff=0.6)
    if not near:
        return None
    likeness = [difflib.SequenceMatcher(None, candidate, fold(name)).ratio() for candidate in near]
    equal = [candidate for candidate, value in zip(near, likeness, strict=True) if value == likeness[0]]
    # `MaxPooling` is as near to each of its three kinds; images are what most people have.
    return by_folded[next((candidate for candidate in equal if candidate.endswith("2d")), equal[0])]


def _move(error: ValidationError, key: str) -> ValidationError:
    """The same errors one level deeper, behind `key`, so that they point into `{key: {…}}`."""
    details: list[InitErrorDetails] = []
    for item in error.errors(include_url=False):
        kind = PydanticCustomError(cast("Any", item["type"]), "{text}", {**item.get("ctx", {}), "text": item["msg"]})
        details.append(InitErrorDetails(type=kind, loc=(key, *item["loc"]), input=item["input"]))
    return ValidationError.from_exception_data(error.title, details)


class Family(Generic[T]):
    """Named things of one kind: `"adam"`, `{"Adam": {"learning_rate": 0.01}}` and `Adam(0.01)` all give an `Adam`.

    Use an instance as annotation metadata: `optimizer: Annotated[Optimizer, OPTIMIZERS]`.

    Args:
        kind: What the members are called in messages and on the reference page ("optimizer").
        members: The classes by their public name, in the order in which the reference lists them.
        aliases: Further names for members (Keras's `mse` for `MeanSquaredError`).
        accepts: Tells objects that are no member but welcome from Python (a custom callback, a function).
    """

    def __init__(
        self,
        kind: str,
        members: Mapping[str, type[T]],
        aliases: Mapping[str, str] | None = None,
        accepts: Callable[[object], bool] | None = None,
    ) -> None:
        self.kind = kind
        self.members: dict[str, type[T]] | OnDemand[T] = members if isinstance(members, OnDemand) else dict(members)
        self.aliases = dict(aliases or {})
        self.accepts = accepts
        self._by_folded = {fold(name): name for name in self.members}
        self._by_folded |= {fold(alias): name for alias, name in self.aliases.items()}
        self._adapters: dict[str, TypeAdapter[T]] = {}

    def class_of(self, name: str) -> type[T] | None:
        """The class behind a name or alias, whatever its case; None where there is none."""
        found = self._by_folded.get(fold(name))
        return None if found is None else self.members[found]

    def parse(self, value: object) -> T:
        """Turn a name, `{name: arguments}` or a member object into the member object.

        Raises:
            PydanticCustomError: The name is unknown or the form is wrong.
            ValidationError: The arguments are wrong; locations begin with the name as written.
        """
        if isinstance(value, self._classes()) or (self.accepts is not None and self.accepts(value)):
            return cast("T", value)
        if isinstance(value, str):
            return self._build(value, {})
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, arguments),) = value.items()
            return self._build(str(name), {} if arguments is None else arguments)
        raise PydanticCustomError(
            "family_form", "must be the name of one {kind}, or one name with its arguments", {"kind": self.kind}
        )

    def _classes(self) -> tuple[type, ...]:
        """The classes that an object can be of."""
        return self.members.imported() if isinstance(self.members, OnDemand) else tuple(self.members.values())

    def _build(self, written: str, arguments: object) -> T:
        name = self._by_folded.get(fold(written))
        if name is None:
            near = nearest_name(written, [*self.members, *self.aliases]) or ""
            known = ", ".join(self.members)
            raise PydanticCustomError(
                "unknown_name",
                "no {kind} is called {name}",
                {"kind": self.kind, "name": written, "nearest": near, "known": known},
            )
        only = only_argument(self.members[name])
        if not isinstance(arguments, Mapping):
            if only is None:
                raise PydanticCustomError("family_arguments", "the arguments of {name} must be a mapping", {"name": name})
            arguments = {only: arguments}
        if name not in self._adapters:
            self._adapters[name] = TypeAdapter(self.members[name])
        try:
            return self._adapters[name].validate_python(dict(arguments))
        except ValidationError as error:
            raise _move(error, written) from None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate through `parse`."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A bare name, or a mapping with one name to its arguments."""
        forms: list[dict[str, Any]] = [{"enum": [*self.members, *self.aliases]}]
        for name, cls in self.members.items():
            if name not in self._adapters:
                self._adapters[name] = TypeAdapter(cls)
            arguments = handler(self._adapters[name].core_schema)
            forms.append({"type": "object", "properties": {name: arguments}, "required": [name], "additionalProperties": False})
        return {"anyOf": forms}


def only_argument(cls: type) -> str | None:
    """The argument of a setting class that alone has no default, as it is written, so that its value can stand for it."""
    required = [name for name, info in fields_of(cls).items() if info.is_required()]
    return required[0] if len(required) == 1 else None


def fields_of(cls: type) -> dict[str, FieldInfo]:
    """The described fields of a setting class, in order: name to pydantic's FieldInfo (description, default, limits)."""
    fields = cast("dict[str, FieldInfo]", cast("Any", cls).__pydantic_fields__)
    return {written_name(name): info for name, info in fields.items()}


def counts(cls: type, name: str) -> bool:
    """True for a field of a setting class, by its name in files, that may change the numbers; unknown ones may."""
    info = fields_of(cls).get(name)
    return info is None or DOES_NOT_COUNT not in info.metadata


def written_name(field: str) -> str:
    """A field's name in files: `class_` is written `class`, as Python keeps that word for itself."""
    return field.removesuffix("_")
