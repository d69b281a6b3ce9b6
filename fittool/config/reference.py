"""The reference page of the experiment file, written from the descriptions themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticUndefined

from fittool.config.experiment import Experiment
from fittool.config.json_schema import Schema, definition_of, json_schema
from fittool.config.messages.schema_lookup import families
from fittool.config.sections import Checkpoint, Compile, Data, Image, InitialWeights, Model, Output, Stage, Train
from fittool.config.yaml.writer import flow_text
from fittool.data.sources import SOURCES
from fittool.data.splits.split_setting import VALIDATION
from fittool.settings import Family, fields_of, plain

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
_NAMES = {
    "engine": "Engines", "source": "Sources", "validation source": "Validation sources", "layer": "Layers",
    "recurrence": "Recurrences", "preset": "Presets",
    "optimizer": "Optimizers", "loss": "Losses", "metric": "Metrics", "schedule": "Schedules", "initializer": "Initializers",
    "regularizer": "Regularizers", "callback": "Callbacks",
}  # fmt: skip


def reference() -> str:
    """The page as Markdown: every section and every named thing with its settings, their types, defaults and meaning."""
    return "\n".join([_OPENING, *_Page(json_schema()).lines()])


class _Page:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def lines(self) -> Iterator[str]:
        """All of the page behind its opening."""
        yield from self._section("The file", Experiment, self.schema)
        augmentation = fields_of(Experiment)["augmentation"].annotation.__args__[0]  # type: ignore[union-attr]
        for name, cls in {
            "data": Data, "data.image": Image, "augmentation": augmentation, "model": Model, "compile": Compile,
            "initial_weights": InitialWeights, "train": Train, "train[0]": Stage, "output": Output,
            "output.checkpoint": Checkpoint,
        }.items():  # fmt: skip
            yield from self._section(f"`{name}`", cls, self.schema["$defs"][cls.__name__])
        for family in sorted(families(Experiment), key=lambda family: list(_NAMES).index(family.kind)):
            yield from self._family(family)

    def _section(self, title: str, cls: type, schema: Schema) -> Iterator[str]:
        yield f"## {title}\n\n{_summary(cls)}\n"
        yield from self._table(cls, schema)

    def _family(self, family: Family[Any]) -> Iterator[str]:
        yield f"## {_NAMES[family.kind]}\n"
        if family is VALIDATION:
            yield "All sources, and:\n"
        for name, cls in family.members.items():
            if family is VALIDATION and name in SOURCES.members:
                continue
            also = [alias for alias, member in family.aliases.items() if member == name]
            yield f"### {name}\n\n{_summary(cls)}{' Also: ' + ', '.join(f'`{alias}`' for alias in also) + '.' if also else ''}\n"
            yield from self._table(cls, self.schema["$defs"][f"{definition_of(family)}.{name}"])

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
            return " or ".join(dict.fromkeys(self._type(_limited(form, limits)) for form in _forms(schema["anyOf"])))
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


def _limited(form: Schema, limits: Schema) -> Schema:
    return form | limits if form.get("type") in ("number", "integer") else form


def _limits(schema: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    said = [f"{sign} {schema[key]:,}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(said)}" if said else ""


def _target(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{_NAMES[name].lower()})" if name in _NAMES else "mapping"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _summary(cls: type) -> str:
    """The first paragraph of a class's docstring in one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
