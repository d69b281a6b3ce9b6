"""Paths and functions in an experiment: relative to the file that wrote them, absolute from here on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from fittool.settings import folded
from fittool.spec.places import Node

_PATH_KEYS: dict[str, tuple[str, ...]] = {
    "npz": ("path",),
    "npy": ("x", "y", "sample_weight"),
    "folder": ("path",),
    "csv": ("path", "root"),
    "idx": ("images", "labels"),
}
_SECTIONS = ("train", "validation")


def with_absolute_paths(root: Node) -> Node:
    """The experiment with absolute paths of data sources and of modules with functions; what has another form stays."""
    root = _changed(root, "data", lambda data: _each(data, _SECTIONS, _source))
    return _changed(root, "callbacks", _callbacks)


def _callbacks(callbacks: Node) -> Node:
    if not isinstance(callbacks.value, list):
        return callbacks
    return replace(callbacks, value=[_each(item, _names(item), _schedule) for item in callbacks.value])


def _names(item: Node) -> tuple[str, ...]:
    return tuple(item.value) if isinstance(item.value, dict) else ()


def _schedule(arguments: Node) -> Node:
    return _changed(arguments, "schedule", _function)


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
    if not isinstance(node.value, str) or not node.value:
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
