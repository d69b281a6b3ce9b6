"""The JSON Schema: it accepts what loads, refuses what does not, and is itself well formed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fittool.config.reference import json_schema
from fittool.config.yaml.reader import read_file, read_text
from fittool.config.yaml.source_map import Source

CONFIGS = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
}  # fmt: skip
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default"}
LIMITS = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
}
SIZES = {
    "minLength": (str, 1), "minItems": (list, 1), "minProperties": (dict, 1),
    "maxLength": (str, -1), "maxItems": (list, -1), "maxProperties": (dict, -1),
}  # fmt: skip


class Validator:
    """The keywords of Draft 2020-12 that the schema uses; any other is a mistake."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root

    def fits(self, value: Any, schema: dict[str, Any]) -> bool:
        return all(self._keyword(key, rule, value, schema) for key, rule in schema.items() if key not in ANNOTATIONS | {"then"})

    def _keyword(self, key: str, rule: Any, value: Any, schema: dict[str, Any]) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key in LIMITS:
            return not number or LIMITS[key](value, rule)
        if key in SIZES:
            kind, sign = SIZES[key]
            return not isinstance(value, kind) or sign * (len(value) - rule) >= 0
        return bool(getattr(self, f"_{key.replace('$', '').lower()}")(rule, value, schema))

    def _ref(self, rule: str, value: Any, schema: dict[str, Any]) -> bool:
        return self.fits(value, self.root["$defs"][rule.removeprefix("#/$defs/")])

    def _type(self, rule: str, value: Any, schema: dict[str, Any]) -> bool:
        return isinstance(value, TYPES[rule]) and (rule == "boolean" or not isinstance(value, bool))

    def _enum(self, rule: list[Any], value: Any, schema: dict[str, Any]) -> bool:
        return any(value == choice and type(value) is type(choice) for choice in rule)

    def _const(self, rule: Any, value: Any, schema: dict[str, Any]) -> bool:
        return bool(value == rule)

    def _anyof(self, rule: list[dict[str, Any]], value: Any, schema: dict[str, Any]) -> bool:
        return any(self.fits(value, form) for form in rule)

    def _not(self, rule: dict[str, Any], value: Any, schema: dict[str, Any]) -> bool:
        return not self.fits(value, rule)

    def _if(self, rule: dict[str, Any], value: Any, schema: dict[str, Any]) -> bool:
        return not self.fits(value, rule) or self.fits(value, schema["then"])

    def _required(self, rule: list[str], value: Any, schema: dict[str, Any]) -> bool:
        return not isinstance(value, dict) or set(rule) <= set(value)

    def _properties(self, rule: dict[str, Any], value: Any, schema: dict[str, Any]) -> bool:
        return not isinstance(value, dict) or all(self.fits(value[name], rule[name]) for name in value.keys() & rule.keys())

    def _additionalproperties(self, rule: Any, value: Any, schema: dict[str, Any]) -> bool:
        further = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
        return not further if rule is False else rule is True or all(self.fits(value[name], rule) for name in further)

    def _items(self, rule: dict[str, Any], value: Any, schema: dict[str, Any]) -> bool:
        given = len(schema.get("prefixItems", ()))
        return not isinstance(value, list) or all(self.fits(item, rule) for item in value[given:])

    def _prefixitems(self, rule: list[dict[str, Any]], value: Any, schema: dict[str, Any]) -> bool:
        return not isinstance(value, list) or all(map(self.fits, value, rule))

    def _pattern(self, rule: str, value: Any, schema: dict[str, Any]) -> bool:
        return not isinstance(value, str) or re.search(rule, value) is not None


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def data(text: str) -> Any:
    return read_text(text, Source("e.yaml", (), "/")).root.data()


def test_the_small_experiment_conforms(schema: dict[str, Any], small: str) -> None:
    assert Validator(schema).fits(data(small), schema)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_experiments_conform(schema: dict[str, Any], path: Path) -> None:
    assert Validator(schema).fits(read_file(str(path)).root.data(), schema)


@pytest.mark.parametrize(
    "line",
    ["train: {epohcs: 3}", "train: {epochs: 0}", "train: {shuffle: yes}", "seed: x", "callbacks: [EarlyStoping]", "foo: 1",
     "augmentation: {fill_mode: reflct}", "train: {class_weight: {a: {}}}", "output: {checkpoint: {every: {steps: 0}}}"],
)  # fmt: skip
def test_mistakes_do_not_conform(schema: dict[str, Any], small: str, line: str) -> None:
    assert not Validator(schema).fits(data(f"{small}{line}\n"), schema)


@pytest.mark.parametrize("section", ["data", "model", "compile"])
def test_needed_sections_may_come_from_another_file_only(schema: dict[str, Any], small: str, section: str) -> None:
    rest = {key: value for key, value in data(small).items() if key != section}
    assert not Validator(schema).fits(rest, schema)
    assert Validator(schema).fits({"extends": "base.yaml", **rest}, schema)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    targets = set(re.findall(r"'\$ref': '#/\$defs/([^']+)'", str(schema)))
    assert targets
    assert targets <= schema["$defs"].keys()


def test_every_setting_is_described(schema: dict[str, Any]) -> None:
    settings = [item for definition in schema["$defs"].values() for item in definition.get("properties", {}).items()]
    assert len(settings) > 100
    assert [name for name, inner in settings if not inner.keys() & {"description", "$ref", "anyOf"}] == []
