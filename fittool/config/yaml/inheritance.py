"""Settings over settings: files that extend others, and the options `--set KEY=VALUE` over both.

Mappings merge, lists are replaced, and a mapping that names one thing (a source, optimizer, engine, preset) is replaced when the
name differs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fittool.config.yaml.environment_variables import filled
from fittool.config.yaml.reader import read_file, read_text
from fittool.config.yaml.short_forms import expand
from fittool.config.yaml.source_map import Node, Place, Placed, Source
from fittool.errors import ExperimentError, KeyPath, Problem, UsageError, path_text, shorten
from fittool.settings import fold, nearest_name
from fittool.settings.lookup import accepts_key, expects_list, families_at, known_names, names_one_thing

_INDEX = re.compile(r"\[(\d{1,6})\]")


@dataclass(frozen=True)
class _Override:
    """One `--set`: the keys on the way, and what to put there; None deletes."""

    path: tuple[str, ...]
    value: Node | None
    place: Place

    def refused(self, text: str) -> UsageError:
        return UsageError(self.place.problem(text))


def apply(root: Node, settings: Sequence[str], top: type, variables: Mapping[str, str]) -> Node:
    """Lay every setting over the tree, in order.

    Args:
        root: The tree of the file.
        settings: `KEY=VALUE` or `~KEY`, dotted keys, lists by index; values are read as in the file.
        top: The description of the whole, for the names that may occur.
        variables: The environment, for `${ENV:NAME}`.

    Raises:
        UsageError: Settings in another form, unknown keys, places that do not exist; all of them.
    """
    problems: list[Problem] = []
    for setting in settings:
        try:
            override = _parse(setting, variables)
            root = _lay(root, override, (), top)
        except UsageError as error:
            problems.extend(error.problems)
    if problems:
        raise UsageError(problems)
    return root


def lay(root: Node, key: str, value: Node, top: type) -> Node:
    """Lay one value over the tree, as `--set` does; its own place is said where it is wrong.

    Args:
        root: The tree of the file.
        key: The dotted key of the setting.
        value: What to put there.
        top: The description of the whole.

    Raises:
        UsageError: The key is unknown, or leads to a place that does not exist.
    """
    return _lay(root, _Override(path_of_key(key), value, value.place), (), top)


def path_of_key(key: str) -> tuple[str, ...]:
    """The steps of a dotted key; a list's index may stand in brackets."""
    return tuple(_INDEX.sub(r".\1", key).split("."))


def _parse(setting: str, variables: Mapping[str, str]) -> _Override:
    source = Source.option(setting, os.getcwd())
    place = Place(source, 1, 1)
    key, equals, text = setting.partition("=")
    deletes = key.startswith("~")
    path = path_of_key(key.removeprefix("~"))
    if deletes == bool(equals) or not all(path):
        raise UsageError(place.problem("Write KEY=VALUE, such as train.epochs=3, or ~KEY to delete a setting."))
    if deletes:
        return _Override(path, None, place)
    try:
        document = read_text(text, source)
        if document.problems:
            raise ExperimentError([told.problem for told in document.problems])
        return _Override(path, filled(document.root, variables), place)
    except ExperimentError as error:
        raise UsageError([replace(problem, place=str(place), excerpt="") for problem in error.problems]) from error


def _lay(node: Node | None, override: _Override, path: KeyPath, top: type) -> Node:
    """The node at `path` with the rest of the override laid into it."""
    step = override.path[len(path)]
    if node is not None and isinstance(node.value, list):
        return replace(node, value=_lay_in_list(node.value, override, path, top))
    node = _open(node, step, override, path, top)
    return replace(node, value=_lay_in_mapping(dict(node.value) if isinstance(node.value, dict) else {}, override, path, top))


def _lay_in_list(items: list[Node], override: _Override, path: KeyPath, top: type) -> list[Node]:
    step = override.path[len(path)]
    if not step.isdecimal() or int(step) >= len(items):
        count = f"has {len(items)} items, counted from 0" if items else "is an empty list"
        raise override.refused(f"{path_text(path)} {count}; there is no item {shorten(step)}.")
    index = int(step)
    changed = _change(items[index], override, (*path, index), top)
    return [*items[:index], *([] if changed is None else [changed]), *items[index + 1 :]]


def _lay_in_mapping(entries: dict[str, Node], override: _Override, path: KeyPath, top: type) -> dict[str, Node]:
    key = _existing_key(entries, override.path[len(path)], named=bool(families_at(top, path)))
    if override.value is None and key not in entries:
        raise override.refused(f"{path_text((*path, key))} is not in the experiment.{_suggestion(key, list(entries))}")
    if not accepts_key(top, path, key) and override.value is not None:
        names = known_names(top, path)
        raise override.refused(f"{path_text((*path, key))} is not a setting.{_suggestion(key, list(names or ()))}")
    changed = _change(entries.get(key), override, (*path, key), top)
    if changed is None:
        return {name: node for name, node in entries.items() if name != key}
    return {**entries, key: changed}


def _change(node: Node | None, override: _Override, path: KeyPath, top: type) -> Node | None:
    """The node at `path` afterwards; None where the override deletes it."""
    if len(path) < len(override.path):
        return _lay(node, override, path, top)
    return None if override.value is None else replace(override.value, key_place=override.place)


def _open(node: Node | None, step: str, override: _Override, path: KeyPath, top: type) -> Node:
    """A mapping to lay `step` into: what is there, a bare name with room for arguments, or a new one."""
    families = families_at(top, path)
    if node is None or node.value is None:
        if expects_list(top, path) and known_names(top, path) is None:
            raise override.refused(f"{path_text(path)} is an empty list; there is no item {shorten(step)}.")
        return Node({}, override.place, override.place)
    if isinstance(node.value, dict):
        other = names_one_thing(top, path) and any(fold(name) != fold(step) for name in node.value)
        return replace(node, value={}) if other and override.value is not None else node
    if not families:
        raise override.refused(f"{path_text(path)} is a single value; there is no {shorten(step)} in it.")
    same = any(family.class_of(str(node.value)) is family.class_of(step) for family in families)
    return replace(node, value={step: Node({}, node.place, node.place)} if same else {})


def _existing_key(entries: dict[str, Node], key: str, *, named: bool) -> str:
    """The key as the file wrote it, where only case and underscores differ in the name of a thing."""
    if named and key not in entries:
        return next((name for name in entries if fold(name) == fold(key)), key)
    return key


def _suggestion(name: str, known: list[str]) -> str:
    near = nearest_name(name, known)
    return f" Did you mean {near}?" if near else ""


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
    # Variables come first, as the path behind `extends` may hold one.
    root = expand(filled(document.root, variables), top)
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return Layered(root, document.problems)
    rest = replace(root, value={key: node for key, node in root.value.items() if key != "extends"})
    extends = root.value["extends"]
    base = _base(extends, name, top, variables, (*below, os.path.realpath(path)))
    if not isinstance(base.root.value, dict):
        text = f"extends: {extends.value} must hold keys such as data:, model:, compile: and train:, as this file does."
        raise ExperimentError(extends.place.problem(text))
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
        return _merge_named(base, over, top, path)
    entries = dict(base.value)
    for key, node in over.value.items():
        entries[key] = merged(entries[key], node, top, (*path, key)) if key in entries else node
    return replace(over, value=entries)


def _merge_named(base: Node, over: Node, top: type, path: KeyPath) -> Node:
    """Arguments merge only where both name the same thing; a null leaves it at the base's arguments."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or len(base.value) != 1 or len(over.value) != 1:
        return over
    ((base_name, base_arguments),) = base.value.items()
    ((name, arguments),) = over.value.items()
    if fold(base_name) != fold(name):
        return over
    return replace(over, value={name: merged(base_arguments, arguments, top, (*path, name))})
