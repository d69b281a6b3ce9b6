"""The contents of an experiment file, from the descriptions: the JSON Schema for editors, and the reference page for people.

Pydantic writes each family out wherever it may occur; here each becomes one definition that the others refer to.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

from fittool.augmentation.settings import Augmentation
from fittool.config.experiment import Experiment
from fittool.config.optional_sections.notify import Notify
from fittool.config.optional_sections.pretrained import FineTune, InitialWeights
from fittool.config.optional_sections.sweep import Range, Sweep
from fittool.config.sections import Checkpoint, Compile, Data, Image, Model, Output, Stage, Train
from fittool.config.target import Target
from fittool.config.yaml.writer import flow_text
from fittool.data.sources import SOURCES
from fittool.data.splits.split_setting import VALIDATION
from fittool.data.tables.column_kinds import ColumnDefaults
from fittool.nn.layers.wrappers import OF_ALL_SAMPLES, WRAPPED
from fittool.settings import Family, fields_of, fold, only_argument, plain, snake_case
from fittool.settings.lookup import families

Schema = dict[str, Any]

_KEYWORDS = {"oneOf": "anyOf", "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""Pydantic's names, and the schema's, of a limit on a value that may be a number or a fraction in text."""


def json_schema() -> Schema:
    """The JSON Schema of what an experiment file may hold; a file that `extends` another may leave any part of it to that one."""
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
        self.of_class: dict[type, str] = {}  # members of two families, such as layers and wrapped layers, are written out once

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
            known = self.of_class.setdefault(family.members[name], definition)
            whole = self.schema(form["properties"][name]) if known == definition else {"$ref": f"#/$defs/{known}"}
            self.definitions[definition] = whole
            spelt = [name, *(alias for alias, member in family.aliases.items() if member == name)]
            given: Schema = {"anyOf": [{"$ref": f"#/$defs/{definition}"}, {"type": "null"}]}
            if (only := only_argument(family.members[name])) is not None:  # its value alone; a mapping holds arguments
                given["anyOf"].append({**self.definitions[known]["properties"][only], "not": {"type": "object"}})
            arguments |= dict.fromkeys(_spellings(spelt), given)
        one = {"type": "object", "properties": arguments, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
        return {"anyOf": [{"enum": list(arguments)}, one]}


def definition_of(family: Family[Any]) -> str:
    """The schema's name of a family."""
    return family.kind.replace(" ", "_")


def _spellings(names: list[str]) -> list[str]:
    """Each name as it is, in Keras's snake case and in lower case."""
    return list(dict.fromkeys(spelling for name in names for spelling in (name, snake_case(name), fold(name))))


_OPENING = """\
# Everything an experiment file can hold

Written by fittool from the descriptions that also check the file. Numbers may be written as fractions (`1/255`). What has
a name (layers, optimizers, losses, …) is written as the bare name, or as `{Name: {argument: value}}`; where just one argument
is needed, `{Name: value}` gives that one: `Dense: 10`, `Activation: relu`. Case and underscores do not matter:
`sparse_categorical_crossentropy` is `SparseCategoricalCrossentropy`.

`extends: other.yaml` builds on another file: mappings merge, lists are replaced, and a mapping that names one thing is
replaced when the name differs. `${ENV:NAME}` and `${ENV:NAME:default}` take environment variables. Paths are relative to
the file that wrote them.
"""
FAMILY_NAMES = {
    "engine": "Engines", "source": "Sources", "validation source": "Validation sources", "layer": "Layers",
    "recurrence": "Recurrences", "wrapped layer": "Wrapped layers", "preset": "Presets",
    "optimizer": "Optimizers", "loss": "Losses", "metric": "Metrics", "schedule": "Schedules", "initializer": "Initializers",
    "regularizer": "Regularizers", "callback": "Callbacks", "kind": "Kinds", "pruner": "Pruners",
}  # fmt: skip
FAMILY_TITLES = tuple(FAMILY_NAMES.values())
"""The headings of the families of named things."""
_MOST_USED = (
    (Data, "data", "train"), (Data, "data", "validation"), (Model, "model", "layers"), (Model, "model", "preset"),
    (Compile, "compile", "optimizer"), (Compile, "compile", "loss"), (Compile, "compile", "metrics"), (Train, "train", "epochs"),
    (Train, "train", "batch_size"), (Experiment, "", "callbacks"),
)  # fmt: skip
"""The settings that most experiments write: the class of their section, its name, and theirs."""


def reference() -> str:
    """The page as Markdown: every section and every named thing with its settings, their types, defaults and meaning."""
    return "\n".join([_OPENING, *_Page(json_schema()).lines()])


class _Page:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def lines(self) -> Iterator[str]:
        """All of the page behind its opening."""
        yield from self._most_used()
        yield from self._section("The file", Experiment, self.schema)

        for name, cls in {
            "data": Data, "data.image": Image, "data.column_defaults": ColumnDefaults, "data.target": Target,
            "augmentation": Augmentation, "model": Model, "compile": Compile,
            "initial_weights": InitialWeights, "fine_tune": FineTune, "train": Train, "train[0]": Stage, "output": Output,
            "output.checkpoint": Checkpoint, "notify": Notify, "sweep": Sweep, "sweep.parameters": Range,
        }.items():  # fmt: skip
            yield from self._section(f"`{name}`", cls, self.schema["$defs"][cls.__name__])
        for family in sorted(families(Experiment), key=lambda family: list(FAMILY_NAMES).index(family.kind)):
            yield from self._family(family)

    def _most_used(self) -> Iterator[str]:
        """The settings that most experiments write, and where to find the others."""
        yield "## The ten most used settings\n\n| setting | meaning | described under |\n| --- | --- | --- |"
        for cls, section, name in _MOST_USED:
            title = f"`{section}`" if section else "The file"
            where = f"[{title}](#{section or 'the-file'})"
            yield f"| `{'.'.join(filter(None, (section, name)))}` | {fields_of(cls)[name].description} | {where} |"
        links = ", ".join(f"[{title}](#{title.casefold().replace(' ', '-')})" for title in FAMILY_TITLES)
        yield f"\nThings that have names: {links}.\n"

    def _section(self, title: str, cls: type, schema: Schema) -> Iterator[str]:
        yield f"## {title}\n\n{_summary(cls)}\n"
        yield from self._table(cls, schema)

    def _family(self, family: Family[Any]) -> Iterator[str]:
        yield f"## {FAMILY_NAMES[family.kind]}\n"
        if family is VALIDATION:
            yield "All sources, and:\n"
        if family is WRAPPED:
            names = sorted(name for name, cls in family.members.items() if cls not in OF_ALL_SAMPLES)
            yield f"Layers of one input that learn from each sample: {', '.join(names)}.\n"
            return
        for name, cls in family.members.items():
            if family is VALIDATION and name in SOURCES.members:
                continue
            also = [alias for alias, member in family.aliases.items() if member == name]
            yield f"### {name}\n\n{_summary(cls)}{' Also: ' + ', '.join(f'`{alias}`' for alias in also) + '.' if also else ''}\n"
            yield from self._table(cls, self._definition(f"{definition_of(family)}.{name}"))

    def _definition(self, name: str) -> Schema:
        """A definition of the schema; where it is another's, that one."""
        found: Schema = self.schema["$defs"][name]
        return self._definition(found["$ref"].rpartition("/")[2]) if "$ref" in found else found

    def _table(self, cls: type, schema: Schema) -> Iterator[str]:
        fields = fields_of(cls)
        if not fields:
            return
        yield "| setting | type | default | meaning |\n| --- | --- | --- | --- |"
        for name, info in fields.items():
            default = info.get_default(call_default_factory=True)
            shown = "needed" if default is PydanticUndefined else f"`{flow_text(plain(default, defaults=False))}`"
            yield _row(f"`{name}`", self._type(schema["properties"][name]), shown, str(info.description))
        yield ""

    def _type(self, schema: Schema) -> str:
        """The type as people say it."""
        if "$ref" in schema:
            return _target(schema["$ref"])
        if "anyOf" in schema:
            limits = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "description")}
            return " or ".join(dict.fromkeys(self._type(_limit(form, limits)) for form in _forms(schema["anyOf"])))
        if "enum" in schema or "const" in schema:
            return ", ".join(f"`{flow_text(choice)}`" for choice in schema.get("enum", [schema.get("const")]))
        return self._plain_type(schema)

    def _plain_type(self, schema: Schema) -> str:
        kind = schema.get("type")
        if kind == "array":
            items = schema.get("items") or schema.get("prefixItems", [{}])[0]
            return f"list of {self._type(items)}" if items else "list"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"mapping to {self._type(values)}" if isinstance(values, dict) else "mapping"
        names = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
        return names.get(str(kind), "anything") + _limits(schema)


def _forms(forms: list[Schema]) -> list[Schema]:
    """The forms of a value; the text beside a number is a fraction and goes without saying."""
    if {"type": "string"} in forms and any(form.get("type") == "number" for form in forms):
        return [form for form in forms if form != {"type": "string"}]
    return forms


def _limit(form: Schema, limits: Schema) -> Schema:
    return form | limits if form.get("type") in ("number", "integer") else form


def _limits(schema: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    said = [f"{sign} {schema[key]:,}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(said)}" if said else ""


def _target(reference: str) -> str:
    name = reference.rpartition("/")[2].replace("_", " ")
    return f"[{name}](#{FAMILY_NAMES[name].lower().replace(' ', '-')})" if name in FAMILY_NAMES else "mapping"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _summary(cls: type) -> str:
    """The first paragraph of a class's docstring in one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
