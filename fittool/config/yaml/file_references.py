"""Paths and functions in an experiment: relative to the file that wrote them, absolute from here on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from fittool.callbacks import CALLBACKS
from fittool.config.code_references import code_fields
from fittool.config.yaml.source_map import Node
from fittool.data.remote import is_remote
from fittool.settings import folded

_PATH_KEYS: dict[str, tuple[str, ...]] = {
    "npz": ("path",),
    "npy": ("x", "y", "sample_weight"),
    "folder": ("path",),
    "csv": ("path", "root"),
    "idx": ("images", "labels"),
    "shards": ("path",),
}
_SECTIONS = ("train", "validation")
_CODE_KEYS = tuple(name for callback in CALLBACKS.members.values() for name in code_fields(callback))
"""The arguments of callbacks that name functions or classes."""


def with_absolute_paths(root: Node) -> Node:
    """The experiment with absolute paths of data sources and of modules with functions; what has another form stays."""
    root = _changed(root, "data", lambda data: _each(data, _SECTIONS, _source))
    root = _changed(root, "initial_weights", lambda weights: _changed(weights, "from", _absolute))
    root = _changed(root, "train", lambda train: _items(train, _stage) if isinstance(train.value, list) else _stage(train))
    return _changed(root, "callbacks", _callbacks)


def _stage(stage: Node) -> Node:
    return _changed(_changed(stage, "loop", _function), "callbacks", _callbacks)


def _callbacks(callbacks: Node) -> Node:
    return _items(callbacks, lambda item: _each(item, _names(item), _callback))


def _callback(arguments: Node) -> Node:
    """The callback's functions, and the folder that outlives a run."""
    return _changed(_each(arguments, _CODE_KEYS, _function), "backup_dir", _absolute)


def _items(node: Node, change: Callable[[Node], Node]) -> Node:
    return replace(node, value=[change(item) for item in node.value]) if isinstance(node.value, list) else node


def _names(item: Node) -> tuple[str, ...]:
    return tuple(item.value) if isinstance(item.value, dict) else ()


def _source(source: Node) -> Node:
    if not isinstance(source.value, dict):
        return source
    entries = {}
    for name, arguments in source.value.items():
        if folded(name) == "python":
            entries[name] = _changed(arguments, "function", _function)
        else:
            entries[name] = _each(arguments, _PATH_KEYS.get(folded(name), ()), _absolute)
    return replace(source, value=entries)


def _absolute(node: Node) -> Node:
    if not isinstance(node.value, str) or not node.value or is_remote(node.value):
        return node
    return replace(node, value=os.path.normpath(os.path.join(node.place.source.folder, node.value)))


def _function(node: Node) -> Node:
    """`module:function` names a file beside the experiment, with or without `.py`."""
    if not isinstance(node.value, str) or ":" not in node.value:
        return node
    module, _, function = node.value.rpartition(":")
    path = os.path.normpath(os.path.join(node.place.source.folder, module if module.endswith(".py") else f"{module}.py"))
    return replace(node, value=f"{path}:{function}")


def _each(node: Node, keys: tuple[str, ...], change: Callable[[Node], Node]) -> Node:
    for key in keys:
        node = _changed(node, key, change)
    return node


def _changed(node: Node, key: str, change: Callable[[Node], Node]) -> Node:
    child = node.child(key)
    if child is None or not isinstance(node.value, dict):
        return node
    return replace(node, value={**node.value, key: change(child)})
