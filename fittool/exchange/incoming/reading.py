"""The way in: which reader a file needs, by its first bytes, and what it gives."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fittool.errors import CheckpointError
from fittool.exchange.incoming.foreign import Arrays, ForeignModel, ForeignWeights, refused
from fittool.exchange.incoming.keras_file import KerasFile, read_keras
from fittool.exchange.incoming.keras_layers import LayerReader
from fittool.exchange.incoming.keras_moments import optimizer_state
from fittool.exchange.incoming.keras_network import KerasNetwork
from fittool.exchange.incoming.keras_training import compile_section
from fittool.exchange.incoming.keras_weights import foreign_weights, weights_of, with_statistics
from fittool.exchange.incoming.state_dict import read_foreign_safetensors, read_torch
from fittool.nn.graph import Graph, LayerError
from fittool.nn.optimizers import OPTIMIZERS
from fittool.nn.shapes import Shape

_HDF5, _PICKLE = b"\x89HDF\r\n\x1a\n", b"\x80"
_HEAD = 16


def is_foreign(path: Path) -> bool:
    """Tell whether a file is another tool's by its first bytes; safetensors may be anybody's."""
    return _kind(path) in ("keras", "torch")


def _kind(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror}.") from error
    if head.startswith(_HDF5):
        return "keras"
    if head.startswith(b"PK"):
        return _zip_kind(path)
    return "torch" if head[:1] == _PICKLE and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") else "safetensors"


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refused(path, f"is a damaged zip archive: {error}.") from error
    return "keras" if any(name in ("config.json", "model.weights.h5") for name in names) else "torch"


def holds_model(path: Path) -> bool:
    """Tell whether a file says its network, too."""
    return _kind(path) == "keras" and read_keras(path).config is not None


def read_weights(path: Path) -> ForeignWeights:
    """The weights of a file of another tool, for a network that is known.

    Raises:
        CheckpointError: The file is no such file, is damaged, or wants to run code.
        MachineError: The extra that reads it is not installed.
    """
    _check(path)
    kind = _kind(path)
    if kind == "torch":
        return read_torch(path)
    if kind == "safetensors":
        return read_foreign_safetensors(path)
    file = read_keras(path)
    return foreign_weights(file, None if file.config is None else _network(file, None)[0])


def read_model(path: Path, input_shape: Sequence[int] | None = None) -> ForeignModel:
    """A whole model of Keras.

    Args:
        path: A .keras or .h5 file.
        input_shape: Sizes for what the file leaves open, without the batch axis.

    Raises:
        CheckpointError: The file is no such file, is damaged, holds code, or has what has no counterpart here.
        MachineError: h5py is not installed.
    """
    _check(path)
    file = read_keras(path)
    if file.config is None:
        raise refused(path, "holds weights alone; say whose they are with --as PRESET.")
    network, outputs = _network(file, None if input_shape is None else tuple(input_shape))
    try:
        graph = Graph.build(network.layers, network.inputs, outputs)
    except LayerError as error:
        raise CheckpointError([refused(path, str(problem)).problems[0] for problem in error.problems]) from None
    weights = weights_of(file, network, graph)
    training, notes = compile_section(file.compiled, outputs)
    layers = with_statistics(network.layers, weights)
    optimizer = _optimizer_of(file, network, graph, training)
    if optimizer is None:
        notes = [*notes, _NO_MOMENTS]
    model = ForeignModel(path, layers, network.inputs, tuple(outputs), weights, training, (*network.notes, *notes))
    return replace(model, optimizer=optimizer or {})


_NO_MOMENTS = "what its optimizer keeps is written in another order than Keras 3.15 has, and was left out: it begins anew."


def _optimizer_of(file: KerasFile, network: KerasNetwork, graph: Graph, training: dict[str, Any] | None) -> Arrays | None:
    """The optimizer's state; empty where the file has none, or its optimizer has no counterpart; None where it cannot be read."""
    written = None if training is None else training.get("optimizer")
    if written is None or not file.optimizer:
        return {}
    return optimizer_state(file, network, graph, OPTIMIZERS.parse(written))


def _network(file: KerasFile, open_shape: Shape | None) -> tuple[KerasNetwork, tuple[str, ...]]:
    assert file.config is not None
    network = KerasNetwork(file.path, LayerReader(file.path, file.version), open_shape)
    return network, network.read(file.config)


def _check(path: Path) -> None:
    if not path.exists():
        raise refused(path, "There is no such file.")
    if not path.is_file():
        raise refused(path, "is no file.")
    if not path.stat().st_size:
        raise refused(path, "is empty.")
