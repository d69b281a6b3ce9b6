"""What was read from a file of another tool, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, shorten, shown
from fittool.nn.layers import Layer
from fittool.nn.shapes import Shape

Arrays = dict[str, NDArray[Any]]
LARGEST_FILE = 16 * 2**30
"""More bytes than this are not read: no model of the kinds that are known here is as large."""


@dataclass(frozen=True)
class ForeignWeights:
    """The weights of a file, layer by layer.

    Attributes:
        path: The file.
        form: torch: parts are called weight, bias, running_mean …, with PyTorch's order of axes; keras: parts stand in the order
            of Keras's `get_weights`, under their numbers, with Keras's axes.
        layers: By the layer's name, in the file's order, its arrays (*shape) by part.
        ordered: Whether the file keeps the order in which the layers were made.
    """

    path: Path
    form: Literal["torch", "keras"]
    layers: Mapping[str, Arrays]
    ordered: bool = True


@dataclass(frozen=True)
class ForeignModel:
    """A whole model of another tool, as layers of fittool.

    Attributes:
        path: The file.
        layers: They name what they take.
        inputs: Shape of each input without the batch axis, by name.
        outputs: Names of the layers that are the outputs.
        weights: Arrays (*shape) by `<layer>/<parameter>`.
        training: The arguments of `compile`, as an experiment's section, where the file has them and they have a counterpart.
        notes: What has no counterpart and was left out, though the outputs do not change by it.
        optimizer: The optimizer's state by the names that it has here; empty where the file has none that could go on.
    """

    path: Path
    layers: list[Layer]
    inputs: dict[str, Shape]
    outputs: tuple[str, ...]
    weights: Arrays
    training: dict[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    optimizer: Arrays = field(default_factory=dict)


def refused(path: Path, text: str) -> CheckpointError:
    """The error that refuses a file."""
    return CheckpointError(text, place=shown(path))


def as_floats(array: NDArray[Any], name: str, path: Path) -> NDArray[np.float32]:
    """An array of weights (*shape) as float32.

    Raises:
        CheckpointError: They are no numbers, or not finite.
    """
    if array.dtype.kind not in "fiu":
        raise refused(path, f"holds {shorten(name)} of type {array.dtype}, where weights are numbers.")
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(numbers).all():
        raise refused(path, f"holds numbers in {shorten(name)} that are not finite.")
    return numbers
