"""Keras's files as data: .keras archives and .h5 of Keras 3 and 2; configurations are JSON, weights are arrays.

HDF5 can point to other files and hold filters that are loaded as libraries; what does either is refused before it is read.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import MachineError, shorten
from fittool.exchange.incoming.foreign import LARGEST_FILE, Arrays, as_floats, refused

_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_LONGEST_CONFIG = 256 * 2**20
_LARGEST_RATIO = 200
_DEEPEST = 60
_KNOWN_FILTERS = (0, 1, 2, 3)
"""No filter, deflate, shuffle, checksums: what HDF5 itself brings along; others are libraries that it would look for."""


@dataclass(frozen=True)
class KerasFile:
    """What a file of Keras holds.

    Attributes:
        path: The file.
        config: The model's `class_name` and `config`; None for weights alone.
        compiled: The arguments of `compile`, or None.
        version: Of Keras, its first number; 2 where the file does not say.
        weights: The arrays by path: `layers/dense/vars/0` in the new form, `dense/dense/kernel` in the old.
        order: In the old form the paths of each layer's arrays, by its name, in Keras's order; empty in the new.
        names: In the new form, where layers stand under their classes' names, their own by their place.
        optimizer: The variables of the optimizer in their order, of files of Keras 3.
    """

    path: Path
    config: Mapping[str, Any] | None
    compiled: Mapping[str, Any] | None
    version: int
    weights: Arrays
    order: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    optimizer: tuple[NDArray[Any], ...] = ()


def read_keras(path: Path) -> KerasFile:
    """Open a .keras or .h5 file.

    Raises:
        CheckpointError: It is none, is damaged, or points outside of itself.
        MachineError: h5py is not installed.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise refused(path, f"has {path.stat().st_size:,} bytes, more than the {LARGEST_FILE:,} that are read.")
    return _read_archive(path) if zipfile.is_zipfile(path) else _read_h5(path)


def _read_archive(path: Path) -> KerasFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise refused(path, "is a zip archive with two members of one name.")
            _check_members(path, members)
            config = _json(path, archive.read("config.json"), "config.json")
            metadata = _json(path, archive.read("metadata.json"), "metadata.json") if "metadata.json" in members else {}
            content = archive.read("model.weights.h5")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise refused(path, f"is a damaged .keras archive: {shorten(str(error))}.") from error
    with _h5(path, io.BytesIO(content)) as file:
        weights, _ = _arrays(path, file)
        names = _own_names(file, weights)
        held = _optimizer(path, file, [f"optimizer/vars/{number}" for number in range(len(file.get("optimizer/vars", ())))])
    compiled = config.get("compile_config") if isinstance(config.get("compile_config"), Mapping) else None
    return KerasFile(path, config, compiled, _version(metadata), weights, {}, names, held)


def _check_members(path: Path, members: Mapping[str, zipfile.ZipInfo]) -> None:
    missing = [name for name in _MEMBERS[1:] if name not in members]
    if missing:
        raise refused(path, f"is a zip archive, but none of Keras's: it has no {missing[0]}.")
    for name, entry in members.items():
        if name.startswith("/") or ".." in Path(name).parts:
            raise refused(path, f"is a zip archive with the member {shorten(name)}, which lies outside of it.")
        if entry.flag_bits & 1:
            raise refused(path, f"is a zip archive with the encrypted member {shorten(name)}.")
        if entry.file_size > min(LARGEST_FILE, _LARGEST_RATIO * max(entry.compress_size, 4096)):
            raise refused(
                path, f"is a zip archive whose member {shorten(name)} unpacks to {entry.file_size:,} bytes; not opened."
            )
    if members["config.json"].file_size > _LONGEST_CONFIG:
        raise refused(path, "has a config.json that is far too large.")


def _read_h5(path: Path) -> KerasFile:
    with _h5(path, path) as file:
        attributes = {
            name: file.attrs[name] for name in ("model_config", "training_config", "keras_version") if name in file.attrs
        }
        config = _json(path, attributes["model_config"], "model_config") if "model_config" in attributes else None
        compiled = _json(path, attributes["training_config"], "training_config") if "training_config" in attributes else None
        group = file.get("model_weights", file)
        weights, order = _arrays(path, group)
        names = {} if order else _own_names(group, weights)
        version = _version({"keras_version": _text(attributes.get("keras_version", "2"))})
        held = _optimizer(path, *_listed(file.get("optimizer_weights"))) if version > 2 else ()
    if not weights and config is None:
        raise refused(path, "is an HDF5 file, but none of Keras's: it has no model_config and no weights.")
    return KerasFile(path, config, compiled, version, weights, order, names, held)


def _version(metadata: Mapping[str, Any]) -> int:
    found = re.match(r"\d{1,9}", str(metadata.get("keras_version", "2")))
    return int(found.group()) if found else 2


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _json(path: Path, text: Any, what: str) -> dict[str, Any]:
    """A mapping from JSON of bounded size and depth."""
    text = _text(text)
    if len(text) > _LONGEST_CONFIG or _depth(text) > _DEEPEST * 4:
        raise refused(path, f"has a {what} that is far too large or too deep.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(path, f"has a damaged {what}: {shorten(str(error))}.") from None
    if not isinstance(content, dict):
        raise refused(path, f"has a damaged {what}: it is no mapping.")
    return content


def _depth(text: str) -> int:
    depth = deepest = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


@contextmanager
def _h5(path: Path, source: Any) -> Iterator[Any]:
    """An HDF5 file, open for reading alone."""
    try:
        import h5py
    except ImportError:
        raise MachineError(f"To read {path.name}, install the extra: pip install 'fittool[keras]'") from None
    try:
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise refused(path, f"is no whole HDF5 file: {shorten(str(error))}.") from error


def _arrays(path: Path, root: Any) -> tuple[Arrays, dict[str, tuple[str, ...]]]:
    """All arrays below a group by their paths, and where it says so the order of each layer's."""
    found: Arrays = {}
    total = 0
    for name, dataset in _datasets(path, root):
        total += dataset.size * max(4, dataset.dtype.itemsize)
        if total > LARGEST_FILE:
            raise refused(path, f"announces more than the {LARGEST_FILE:,} bytes of weights that are read.")
        if not name.startswith(("optimizer/", "metrics/", "_optimizer", "loss/")) and dataset.dtype.kind in "fiu":
            found[name] = as_floats(np.asarray(dataset[()]), name, path)
    return found, _order(path, root, found)


def _datasets(path: Path, root: Any) -> Iterator[tuple[str, Any]]:
    """Every dataset below a group that lies in the file itself."""
    import h5py

    waiting = [("", root, 0)]
    while waiting:
        prefix, group, depth = waiting.pop()
        if depth > _DEEPEST:
            raise refused(path, "has groups within groups far too deep.")
        for name in group:
            place, link = f"{prefix}{name}", group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise refused(path, f"points to something else at {shorten(place)}; nothing was followed.")
            entry = group[name]
            if isinstance(entry, h5py.Group):
                waiting.append((f"{place}/", entry, depth + 1))
            elif isinstance(entry, h5py.Dataset):
                yield place, _own(path, place, entry)


def _own(path: Path, place: str, dataset: Any) -> Any:
    """A dataset that needs nothing outside of the file."""
    if dataset.shape is None:
        raise refused(path, f"holds nothing at {shorten(place)}, where an array is expected.")
    plist = dataset.id.get_create_plist()
    if dataset.external or dataset.is_virtual:
        raise refused(path, f"takes {shorten(place)} from another file; nothing was followed.")
    if any(plist.get_filter(number)[0] not in _KNOWN_FILTERS for number in range(plist.get_nfilters())):
        raise refused(path, f"packs {shorten(place)} with a filter that HDF5 would look for elsewhere; it was not opened.")
    return dataset


def _listed(group: Any) -> tuple[Any, list[str]]:
    """A group of the old form and the names of its arrays in their order; none where it does not list them."""
    names = () if group is None else group.attrs.get("weight_names", ())
    return group, [_text(name) for name in names]


def _optimizer(path: Path, root: Any, names: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """The variables of an optimizer, which are arrays of numbers below a group; none where one of them is missing."""
    held = dict(_datasets(path, root)) if names else {}
    if any(name not in held or held[name].dtype.kind not in "fiu" for name in names):
        return ()
    if sum(held[name].size * max(4, held[name].dtype.itemsize) for name in names) > LARGEST_FILE:
        raise refused(path, f"announces more than the {LARGEST_FILE:,} bytes of an optimizer that are read.")
    return tuple(np.asarray(held[name][()]) for name in names)


def _own_names(root: Any, found: Arrays) -> dict[str, str]:
    """In the new form, the names of the layers that say theirs, by the place of their arrays."""
    groups = {name.rpartition("/vars/")[0] for name in found if "/vars/" in name}
    held = {group: root[f"{group}/vars"].attrs.get("name") for group in groups}
    return {group.removeprefix("layers/"): _text(name) for group, name in held.items() if name is not None}


def _order(path: Path, root: Any, found: Arrays) -> dict[str, tuple[str, ...]]:
    """In the old form, the arrays of each layer in Keras's order."""
    if "layer_names" not in root.attrs:
        return {}
    order: dict[str, tuple[str, ...]] = {}
    for layer in map(_text, root.attrs["layer_names"]):
        if layer not in root or "weight_names" not in root[layer].attrs:
            raise refused(path, f"is damaged: it names the layer {shorten(layer)}, whose weights it does not list.")
        names = [f"{layer}/{_text(name)}" for name in root[layer].attrs["weight_names"]]
        missing = [name for name in names if name not in found]
        if missing:
            raise refused(path, f"is damaged: it lists {shorten(missing[0])}, which is not there.")
        order[layer] = tuple(names)
    return order
