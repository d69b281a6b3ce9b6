"""`extends:`: one file merged over another.

Mappings merge, lists are replaced, and a mapping that names one thing (a source, optimizer, engine, preset) is replaced
when the name differs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fittool.config.messages.schema_lookup import names_one_thing
from fittool.config.yaml.environment_variables import filled
from fittool.config.yaml.reader import read_file
from fittool.config.yaml.short_forms import expanded
from fittool.config.yaml.source_map import KeyPath, Node, Placed
from fittool.errors import ExperimentError
from fittool.settings import folded

_MOST_FILES = 32


@dataclass(frozen=True)
class Layered:
    """A file merged over all files it extends, and mistakes that did not keep them from being read."""

    root: Node
    problems: tuple[Placed, ...]


def read_layers(path: str, name: str, top: type, variables: Mapping[str, str], below: tuple[str, ...] = ()) -> Layered:
    """Read a file and everything it extends.

    Args:
        path: The file.
        name: What messages call it.
        top: The description of the whole, to know which mappings name one thing.
        variables: The environment.
        below: Real paths of the files that extend this one, to find cycles.

    Raises:
        ExperimentError: A file cannot be read, or they extend each other in a circle.
    """
    document = read_file(path, name)
    root = expanded(filled(document.root, variables), top)
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return Layered(root, document.problems)
    rest = replace(root, value={key: node for key, node in root.value.items() if key != "extends"})
    extends = root.value["extends"]
    base = _base(extends, name, top, variables, (*below, os.path.realpath(path)))
    return Layered(merged(base.root, rest, top), (*document.problems, *base.problems))


def _base(extends: Node, name: str, top: type, variables: Mapping[str, str], below: tuple[str, ...]) -> Layered:
    if not isinstance(extends.value, str) or not extends.value:
        raise ExperimentError(extends.place.problem("extends must be the path of another experiment file."))
    path = os.path.join(extends.place.source.folder, extends.value)
    if os.path.realpath(path) in below:
        raise ExperimentError(extends.place.problem(f"extends goes round in a circle: {extends.value} is already being read."))
    if len(below) >= _MOST_FILES:
        raise ExperimentError(extends.place.problem(f"More than {_MOST_FILES} files extend each other."))
    if not os.path.exists(path):
        folder = extends.place.source.folder
        raise ExperimentError(extends.place.problem(f"extends: the file {extends.value} does not exist in {folder}."))
    return read_layers(path, os.path.normpath(os.path.join(os.path.dirname(name), extends.value)), top, variables, below)


def merged(base: Node, over: Node, top: type, path: KeyPath = ()) -> Node:
    """`over` laid on `base`: the values of `over` win."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if names_one_thing(top, path):
        return _merged_named(base, over, top, path)
    entries = dict(base.value)
    for key, node in over.value.items():
        entries[key] = merged(entries[key], node, top, (*path, key)) if key in entries else node
    return replace(over, value=entries)


def _merged_named(base: Node, over: Node, top: type, path: KeyPath) -> Node:
    """Arguments merge only where both name the same thing; a null leaves it at the base's arguments."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or len(base.value) != 1 or len(over.value) != 1:
        return over
    ((base_name, base_arguments),) = base.value.items()
    ((name, arguments),) = over.value.items()
    if folded(base_name) != folded(name):
        return over
    return replace(over, value={name: merged(base_arguments, arguments, top, (*path, name))})
