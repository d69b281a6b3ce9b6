"""Settings that most files do without: what describes one is imported when a file has it."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema


class OptionalSection:
    """Annotation metadata of a field that holds a value of a type, or in most cases None.

    Args:
        module: The dotted name of the module that has the type.
        name: The type's name there: a class, or an alias.
        or_none: Whether None is welcome.
    """

    def __init__(self, module: str, name: str, *, or_none: bool = True) -> None:
        self.module, self.name, self.or_none = module, name, or_none

    @cached_property
    def described(self) -> Any:
        """The type, imported now."""
        return getattr(import_module(self.module), self.name)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.described)

    def _parse(self, value: object) -> object:
        return None if value is None and self.or_none else self._adapter.validate_python(value)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with the type's own schema, which is made once there is something to validate."""
        return core_schema.no_info_plain_validator_function(self._parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The type's, or null where that is welcome."""
        schema = self._adapter.core_schema
        return handler(core_schema.nullable_schema(schema) if self.or_none else schema)


def optional_section(module: str, name: str) -> Any:
    """The annotation of a field that holds a value of a type, or None; type checkers are told `Type | None`."""
    return Annotated[Any, OptionalSection(module, name)]
