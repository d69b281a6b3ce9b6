"""The JSON Schema (Draft 2020-12) of the experiment file, for editors.

Pydantic writes each family out wherever it may occur; here each becomes one definition that the others refer to.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from fittool.config.experiment import Experiment
from fittool.config.messages.schema_lookup import families
from fittool.nn.naming import snake_case
from fittool.settings import Family, folded, only_argument

Schema = dict[str, Any]

_KEYWORDS = {"oneOf": "anyOf", "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""What pydantic calls a limit on a value that may be a number or a fraction in text."""


def json_schema() -> Schema:
    """What an experiment file may hold; a file that `extends` another may leave any part of it to that one."""
    definitions: Schema = {}
    whole = _Shared(definitions).schema(TypeAdapter(Experiment).json_schema(mode="validation"))
    definitions |= whole.pop("$defs")
    needed = {}
    for name, reference in whole["properties"].items():
        section = definitions.get(reference.get("$ref", "").rpartition("/")[2], {})
        if "required" in section:
            needed[name] = {"required": section.pop("required")}
    extends = {"type": "string", "description": "Another experiment file to build on, relative to this one."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fittool experiment",
        "description": whole["description"],
        "type": "object",
        "properties": {"extends": extends, **whole["properties"]},
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": whole["required"], "properties": needed},
        "$defs": definitions,
    }


class _Shared:
    """Puts each family and each of its members into `definitions` once."""

    def __init__(self, definitions: Schema) -> None:
        self.definitions = definitions
        self.families = {(*family.members, *family.aliases): family for family in families(Experiment)}

    def schema(self, schema: Any) -> Any:
        """The same schema with references to families, and without titles that only repeat names."""
        if isinstance(schema, list):
            return [self.schema(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if family := self._family_of(schema):
            return self._reference(family, schema)
        return {_KEYWORDS.get(key, key): self._value(key, value) for key, value in schema.items() if key != "title"}

    def _value(self, key: str, value: Any) -> Any:
        if key in ("properties", "$defs"):  # names that are no keywords
            return {name: self.schema(inner) for name, inner in value.items()}
        return self.schema(value)

    def _family_of(self, schema: Schema) -> Family[Any] | None:
        names = schema.get("anyOf", [{}])[0].get("enum", ())
        return self.families.get(tuple(names))

    def _reference(self, family: Family[Any], schema: Schema) -> Schema:
        count = len(family.members) + 1
        forms, further = schema["anyOf"][:count], schema["anyOf"][count:]
        name = definition_of(family)
        if name not in self.definitions:
            self.definitions[name] = {}  # a family may occur within itself
            self.definitions[name] = self._definition(family, forms)
        reference = {"$ref": f"#/$defs/{name}"}
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
        return {**rest, **({"anyOf": [reference, *self.schema(further)]} if further else reference)}

    def _definition(self, family: Family[Any], forms: list[Schema]) -> Schema:
        arguments: Schema = {}
        for name, form in zip(family.members, forms[1:], strict=True):
            definition = f"{definition_of(family)}.{name}"
            self.definitions[definition] = self.schema(form["properties"][name])
            spelt = [name, *(alias for alias, member in family.aliases.items() if member == name)]
            given: Schema = {"anyOf": [{"$ref": f"#/$defs/{definition}"}, {"type": "null"}]}
            if (only := only_argument(family.members[name])) is not None:  # its value alone; a mapping holds arguments
                given["anyOf"].append({**self.definitions[definition]["properties"][only], "not": {"type": "object"}})
            arguments |= dict.fromkeys(_spellings(spelt), given)
        one = {"type": "object", "properties": arguments, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"enum": list(arguments)}, one]}


def definition_of(family: Family[Any]) -> str:
    """What the schema calls a family."""
    return family.kind.replace(" ", "_")


def _spellings(names: list[str]) -> list[str]:
    """Each name as it is, in Keras's snake case and in lower case."""
    return list(dict.fromkeys(spelling for name in names for spelling in (name, snake_case(name), folded(name))))
