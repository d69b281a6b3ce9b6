"""One training state in one safetensors file: weights, optimizer, running metrics, and all facts about them.

The format can hold no code. A sha256 over the whole file, kept in its own metadata, finds any damage; equal content gives
equal bytes. Every tool that reads safetensors reads the tensors.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, shown, visible
from fittool.runs.files.atomic import Chunk, atomic_write
from fittool.runs.files.json_text import from_json, to_json
from fittool.runs.files.safetensors_file import DTYPES, RefusedError, SafetensorsFile, read_safetensors
from fittool.runs.format import FIRST_FORMAT, FORMAT, refusal_of_newer
from fittool.version import __version__

_KEY = "fittool"
_KINDS = ("weights/", "optimizer/", "metrics/")
_NO_DIGEST = "0" * hashlib.sha256().digest_size * 2
# The digest is the first entry of the only text in `__metadata__`, JSON within JSON, hence the backslashes.
_MARKER = b'\\"sha256\\":\\"'


@dataclass(frozen=True)
class CheckpointFacts:
    """The facts that a checkpoint holds about its tensors.

    Mappings hold plain data: text keys, numbers (NaN and infinities too), text, booleans, None, lists; tuples come back as
    lists.

    Attributes:
        epoch: How many epochs are finished.
        step: How many training steps are done, from the beginning of training.
        step_in_epoch: How many of them belong to the epoch that is not finished; 0 at an epoch's end.
        run: The id of the run that wrote it; "" outside of a run.
        model: What identifies the network, such as a hash of its description; "" where nobody asks.
        class_names: The names of the classes in the order of the outputs, or None.
        callbacks: The state of each callback.
        training: Whatever else the trainer must find again.
        metrics_bytes: The length of metrics.jsonl that belongs to this state.
        architecture: The description of the network as plain data, where the file must do without an experiment.
    """

    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    run: str = ""
    model: str = ""
    class_names: tuple[str, ...] | None = None
    callbacks: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics_bytes: int = 0
    architecture: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read, whole and checked.

    Attributes:
        facts: Position, identity, callback state.
        tensors: Read-only arrays by name, `weights/…`, `optimizer/…`, `metrics/…`.
        version: The version of fittool that wrote it.
        path: The file.
        format: The number of its format.
    """

    facts: CheckpointFacts
    tensors: Mapping[str, NDArray[Any]]
    version: str
    path: Path
    format: int

    def check_fits(self, *, run: str | None = None, model: str | None = None, class_names: Sequence[str] | None = None) -> None:
        """Refuse the checkpoint of something else; what is None is not compared.

        Raises:
            CheckpointError: Another run, network, or list or order of classes; the text says both.
        """
        wanted = (("run", run), ("model", model), ("class_names", None if class_names is None else tuple(class_names)))
        for name, value in wanted:
            own = getattr(self.facts, name)
            if value is not None and own != value:
                what = name.replace("class_names", "list of classes")
                text = f"belongs to another {what}: it has {_short(own)}, expected {_short(value)}."
                raise CheckpointError(text, place=shown(self.path))

    def check_finite(self) -> None:
        """Refuse weights, and arrays of the optimizer, that are not finite: no training can go on from them.

        Raises:
            CheckpointError: Names the first such tensor.
        """
        if (name := self._first_not_finite("weights/", "optimizer/")) is not None:
            text = f"{visible(name)} holds numbers that are not finite. Go on from another checkpoint."
            raise CheckpointError(text, place=shown(self.path))

    def not_finite(self) -> str | None:
        """A warning where weights are not finite, or None: outputs can be had from them all the same."""
        if (name := self._first_not_finite("weights/")) is None:
            return None
        return visible(f"{shown(self.path)}: {name} holds numbers that are not finite, so outputs may be, too.")

    def _first_not_finite(self, *kinds: str) -> str | None:
        for name, tensor in self.tensors.items():
            if name.startswith(kinds) and tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
                return name
        return None


def _short(value: object, limit: int = 200) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return visible(text if len(text) <= limit else text[:limit] + "…")


def save_checkpoint(path: Path, tensors: Mapping[str, NDArray[Any]], facts: CheckpointFacts) -> str | None:
    """Write a checkpoint; after the return it is on disk.

    Args:
        path: The file, which is replaced at one instant.
        tensors: Arrays by name; the names begin with `weights/`, `optimizer/` or `metrics/`.
        facts: What to say about them.

    Returns:
        A warning where the file is whole but not certain to survive a power cut, else None.

    Raises:
        StorageError: It could not be stored; an older file is untouched.
        ValueError: A tensor's name or dtype has no place in a checkpoint.
    """
    return atomic_write(path, encode_checkpoint(tensors, facts))


def encode_checkpoint(tensors: Mapping[str, NDArray[Any]], facts: CheckpointFacts) -> list[Chunk]:
    """The bytes of a checkpoint, in pieces; arguments and errors as in `save_checkpoint`."""
    from safetensors.numpy import save  # only what saves needs it

    arrays = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    for name, array in arrays.items():
        if not name.startswith(_KINDS) or array.dtype.newbyteorder("<") not in DTYPES.values():
            raise ValueError(f"{name}, {array.dtype}, has no place in a checkpoint.")
    text = to_json({"sha256": _NO_DIGEST, "format": FORMAT, "version": __version__, **_fields(facts)}).decode()
    blob = save(arrays, {_KEY: text})
    at = blob.index(_MARKER + _NO_DIGEST.encode()) + len(_MARKER)
    digest = hashlib.sha256(blob).hexdigest().encode()
    return [blob[:at], digest, memoryview(blob)[at + len(digest) :]]


def _fields(facts: CheckpointFacts) -> dict[str, Any]:
    return {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Nothing in the file can run code, and nothing but this file is opened.

    Raises:
        CheckpointError: It is not whole, not a checkpoint, or of a newer format; the text names the cause.
    """
    try:
        file = read_safetensors(path)
        said = _facts_of(file)
        _check_digest(file)
        if stranger := next((name for name in file.names if not name.startswith(_KINDS)), None):
            raise RefusedError(f"is not a checkpoint: it holds the tensor {visible(stranger)}")
        return Checkpoint(_facts(said), file.tensors(), str(said["version"]), path, int(said["format"]))
    except RefusedError as refusal:
        raise CheckpointError(f"{refusal}.", place=shown(path)) from refusal


def is_checkpoint(path: Path) -> bool:
    """Tell whether a file is to be read as a checkpoint: all are but whole safetensors files that another program wrote."""
    try:
        return _KEY in read_safetensors(path).metadata
    except RefusedError:
        return True


def _facts_of(file: SafetensorsFile) -> dict[str, Any]:
    if _KEY not in file.metadata:
        raise RefusedError("is a safetensors file, but was not written by fittool")
    try:
        said = from_json(file.metadata[_KEY].encode())
    except ValueError as error:
        raise RefusedError(f"has damaged facts: {visible(str(error))}") from None
    if not isinstance(said, dict) or type(said.get("format")) is not int or not isinstance(said.get("version"), str):
        raise RefusedError("has damaged facts: format or version is missing")
    if said["format"] < FIRST_FORMAT:
        raise RefusedError(f"has damaged facts: there is no format {said['format']}")
    if (refusal := refusal_of_newer(said["format"], said["version"])) is not None:
        raise RefusedError(refusal)
    return said


def _check_digest(file: SafetensorsFile) -> None:
    at = file.content.find(_MARKER, 0, file.header_end) + len(_MARKER)
    content, end = memoryview(file.content), at + len(_NO_DIGEST)
    digest = hashlib.sha256(content[:at])
    digest.update(_NO_DIGEST.encode())
    digest.update(content[end:])
    if content[at:end] != digest.hexdigest().encode():
        raise RefusedError("is damaged: its sha256 is not the one that it states")


_COUNTS = ("epoch", "step", "step_in_epoch", "metrics_bytes")
_TEXTS = ("run", "model")
_MAPPINGS = ("callbacks", "training")


def _facts(said: Mapping[str, Any]) -> CheckpointFacts:
    """The facts with their types checked: a right hash does not make an honest author. Unknown ones are passed over."""
    counts = {name: said.get(name) for name in _COUNTS}
    texts = {name: said.get(name) for name in _TEXTS}
    mappings = {name: said.get(name) for name in _MAPPINGS}
    names, architecture = said.get("class_names"), said.get("architecture")
    sound = (
        all(type(count) is int and count >= 0 for count in counts.values())
        and all(isinstance(text, str) for text in texts.values())
        and all(isinstance(mapping, dict) for mapping in mappings.values())
        and (names is None or (isinstance(names, list) and all(isinstance(name, str) for name in names)))
        and (architecture is None or isinstance(architecture, dict))
    )
    if not sound:
        raise RefusedError("has damaged facts: a fact is missing or of the wrong type")
    everything: dict[str, Any] = {**counts, **texts, **mappings}
    return CheckpointFacts(**everything, class_names=None if names is None else tuple(names), architecture=architecture)
