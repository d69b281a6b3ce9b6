"""`${ENV:NAME}` and `${ENV:NAME:default}` in values; `$${` stands for a literal `${`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from fittool.config.yaml.source_map import Node, Place
from fittool.errors import ExperimentError, KeyPath, Problem, shorten, visible
from fittool.settings import nearest_name
from fittool.settings.scalars import Scalar, ScalarError, scalar

_MOST_REFERENCES = 100
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}?")
_VARIABLE = re.compile(r"ENV:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<default>.*))?", re.DOTALL)


def filled(node: Node, variables: Mapping[str, str]) -> Node:
    """The tree with every reference replaced; values without quotes are read again, so that they can be numbers.

    Raises:
        ExperimentError: Variables that are not set and have no default, or references in another form; all of them.
    """
    problems: list[Problem] = []
    result = _fill(node, variables, problems)
    if problems:
        raise ExperimentError(problems)
    return result


class Reference(str):
    """Text with `${ENV:…}` in it that is written as it is, so that the value is taken from the environment again."""


def has_reference(text: str) -> bool:
    """True for text in which `filled` replaces something."""
    return any(match["inside"] is not None for match in _REFERENCE.finditer(text))


def references_in(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """The values that take something from the environment, not filled yet, with their key paths."""
    if isinstance(node.value, str) and has_reference(node.value):
        yield path, node
    for step, child in node.children():
        yield from references_in(child, (*path, step))


def protect(text: str) -> str:
    """Text in which `filled` finds nothing to replace and gives `text` back."""
    return text.replace("${", "$${")


def _fill(node: Node, variables: Mapping[str, str], problems: list[Problem]) -> Node:
    if isinstance(node.value, dict):
        return replace(node, value={key: _fill(child, variables, problems) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_fill(child, variables, problems) for child in node.value])
    if not isinstance(node.value, str) or "${" not in node.value:
        return node
    if node.value.count("${") > _MOST_REFERENCES:
        problems.append(node.place.problem(f"The text holds more than {_MOST_REFERENCES} references to variables."))
        return node
    text = _REFERENCE.sub(lambda match: _text_for(match, variables, node.place, problems), node.value)
    reference = node.value if has_reference(node.value) else None
    return replace(node, value=_read_again(text, node, problems), reference=reference)


def _read_again(text: str, node: Node, problems: list[Problem]) -> Scalar:
    if "\0" in text:
        problems.append(node.place.problem("An environment variable holds a NUL character."))
        return None
    try:
        return scalar(text) if node.plain else text
    except ScalarError as error:
        problems.append(node.place.problem(f"{shorten(text, 20)} {error}."))
        return None


def _text_for(match: re.Match[str], variables: Mapping[str, str], place: Place, problems: list[Problem]) -> str:
    inside = match["inside"]
    if inside is None:
        return "${"
    variable = _VARIABLE.fullmatch(inside) if match[0].endswith("}") else None
    if variable is None:
        problems.append(place.problem(f"{shorten(match[0])} is not replaced. Write ${{ENV:NAME}}, or $${{ for the text ${{."))
        return match[0]
    value = variables.get(variable["name"], variable["default"])
    if value is None:
        near = nearest_name(variable["name"], list(variables))
        mend = f"Did you mean {visible(near)}?" if near else f"Set it, or write ${{ENV:{variable['name']}:default}}."
        problems.append(place.problem(f"The environment variable {variable['name']} is not set. {mend}"))
        return match[0]
    return value
