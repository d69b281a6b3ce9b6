"""Paths and functions in an experiment: relative to the file that wrote them, absolute from here on.

Which settings name code of the user's is known too, so that nothing but a file that the user gives can have it run.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fittool.callbacks import CALLBACKS
from fittool.config.yaml.source_map import Node
from fittool.data.remote import is_remote
from fittool.errors import KeyPath
from fittool.settings import NAMES_CODE, Named, fields_of, fold
from fittool.settings.family import written_name


def code_fields(cls: type) -> tuple[str, ...]:
    """The keys of a setting that may name code."""
    return tuple(name for name, info in fields_of(cls).items() if NAMES_CODE in info.metadata)


def code_named_in(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every `module:function` in an experiment, or in a part of it, with its key path."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        path = (*path, value.public_name()) if isinstance(value, Named) else path
        coded = code_fields(type(value))
        for field in dataclasses.fields(value):
            name, item = written_name(field.name), getattr(value, field.name)
            if name in coded and isinstance(item, str):
                yield (*path, name), item
            yield from code_named_in(item, (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from code_named_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from code_named_in(item, (*path, index))


_PATH_KEYS: dict[str, tuple[str, ...]] = {
    "npz": ("path",),
    "npy": ("x", "y", "sample_weight"),
    "folder": ("path",),
    "csv": ("path", "root"),
    "idx": ("images", "labels"),
    "shards": ("path",),
}
_SECTIONS = ("train", "validation")


def remote_paths(data: Any, path: KeyPath = ("data",)) -> Iterator[tuple[KeyPath, str]]:
    """The web addresses among the paths of data sources, with their key paths.

    Args:
        data: The section `data` of a resolved experiment as plain data.
        path: Its key path.
    """
    for section in _SECTIONS:
        source = data.get(section)
        for name, arguments in source.items() if isinstance(source, dict) else ():
            for key in path_keys(str(name)):
                text = arguments.get(key) if isinstance(arguments, dict) else None
                if isinstance(text, str) and is_remote(text):
                    yield (*path, section, name, key), text


def input_files(root: Node, resolved: Mapping[str, Any]) -> list[str]:
    """The files and folders that an experiment reads: itself, what it extends, data, initial weights, code.

    Args:
        root: Its tree.
        resolved: Its settings as plain data, paths absolute.
    """
    data, weights = resolved["data"], resolved.get("initial_weights") or {}
    sources = [data.get(section) for section in _SECTIONS]
    named = [
        arguments.get(key)
        for source in sources
        for name, arguments in (source.items() if isinstance(source, dict) else ())
        if isinstance(arguments, dict)
        for key in path_keys(str(name))
    ]
    found = [*_place_in(root), *named, weights.get("from")]
    return list(dict.fromkeys(path for path in found if isinstance(path, str) and path and not is_remote(path)))


def _place_in(node: Node) -> Iterator[str]:
    """The files that settings were written in."""
    if not node.place.source.is_option:
        yield node.place.source.name
    for _, child in node.children():
        yield from _place_in(child)


def path_keys(source: str) -> tuple[str, ...]:
    """The arguments of a source, by its name, that are paths."""
    return _PATH_KEYS.get(fold(source), ())


def with_absolute_paths(root: Node) -> Node:
    """The experiment with absolute paths of data sources and of modules with functions; what has another form stays."""
    root = _change(root, "data", lambda data: _each(data, _SECTIONS, _source))
    root = _change(root, "model", lambda model: _change(model, "python", _function))
    root = _change(root, "initial_weights", lambda weights: _change(weights, "from", _absolute))
    root = _change(root, "train", lambda train: _items(train, _stage) if isinstance(train.value, list) else _stage(train))
    return _change(root, "callbacks", _callbacks)


def _stage(stage: Node) -> Node:
    return _change(_change(stage, "loop", _function), "callbacks", _callbacks)


def _callbacks(callbacks: Node) -> Node:
    return _items(callbacks, _callback)


def _callback(item: Node) -> Node:
    """The callback's functions, and the folder that outlives a run."""
    for name in _names(item):
        described = CALLBACKS.class_of(name)
        coded = () if described is None else code_fields(described)
        item = _each(item, (name,), lambda arguments: _change(arguments, "backup_dir", _absolute))
        item = _change(item, name, partial(_each, keys=coded, change=_function))
    return item


def _items(node: Node, change: Callable[[Node], Node]) -> Node:
    return replace(node, value=[change(item) for item in node.value]) if isinstance(node.value, list) else node


def _names(item: Node) -> tuple[str, ...]:
    return tuple(item.value) if isinstance(item.value, dict) else ()


def _source(source: Node) -> Node:
    if not isinstance(source.value, dict):
        return source
    entries = {}
    for name, arguments in source.value.items():
        if fold(name) == "python":
            entries[name] = _change(arguments, "function", _function)
        else:
            entries[name] = _each(arguments, path_keys(name), _absolute)
    return replace(source, value=entries)


def _absolute(node: Node) -> Node:
    if not isinstance(node.value, str) or not node.value or is_remote(node.value):
        return node
    path = os.path.normpath(os.path.join(node.place.source.folder, node.value))
    return replace(node, value=path, reference=None)  # written elsewhere, the text would mean another path


def _function(node: Node) -> Node:
    """`module:function` names a file beside the experiment, with or without `.py`."""
    if not isinstance(node.value, str) or ":" not in node.value:
        return node
    module, _, function = node.value.rpartition(":")
    path = os.path.normpath(os.path.join(node.place.source.folder, module if module.endswith(".py") else f"{module}.py"))
    return replace(node, value=f"{path}:{function}", reference=None)


def _each(node: Node, keys: tuple[str, ...], change: Callable[[Node], Node]) -> Node:
    for key in keys:
        node = _change(node, key, change)
    return node


def _change(node: Node, key: str, change: Callable[[Node], Node]) -> Node:
    child = node.child(key)
    if child is None or not isinstance(node.value, dict):
        return node
    return replace(node, value={**node.value, key: change(child)})
