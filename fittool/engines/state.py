"""The rules for taking over a state: names, shapes and dtypes must be those of the network that asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError
from fittool.nn.shapes import Shape

_SHOWN = 5
State = dict[str, NDArray[Any]]
"""Tensors by name: `weights/<layer>/<name>`, `optimizer/…`, `metrics/…`."""


Form = TypeVar("Form")


class TensorInfo(NamedTuple):
    """The form of one tensor, without its data."""

    shape: Shape
    dtype: np.dtype[Any]


class HasForm(Protocol):
    """An array, or the form of one."""

    @property
    def shape(self) -> Shape:
        """Sizes of the axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of the numbers."""


def check_state(given: Mapping[str, HasForm], wanted: Mapping[str, HasForm]) -> None:
    """Compare a given state with the one that an engine has.

    Raises:
        CheckpointError: A name is unknown, or a shape or dtype differs; the text names the first five differences.
    """
    differences = [text for name, array in given.items() if (text := _difference(name, array, wanted.get(name)))]
    if differences:
        raise CheckpointError(f"The state does not fit the network: {_first(differences)}.")


def check_whole_state(given: Mapping[str, HasForm], wanted: Mapping[str, HasForm], place: str) -> None:
    """Compare a state from a file with the one that a network has: nothing may be missing, either.

    Args:
        given: What the file holds.
        wanted: What the network has.
        place: The file.

    Raises:
        CheckpointError: A name is missing or unknown, or a shape or dtype differs; the text names the first five differences.
    """
    differences = [text for name, array in given.items() if (text := _difference(name, array, wanted.get(name)))]
    differences += [f"{name} is missing" for name in wanted if name not in given]
    if differences:
        raise CheckpointError(f"does not fit the network: {_first(differences)}.", place=place)


def weights_in(state: Mapping[str, Form]) -> dict[str, Form]:
    """The weights of a state, without optimizer and running values."""
    return {name: array for name, array in state.items() if name.startswith("weights/")}


def _first(differences: list[str]) -> str:
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return f"{'; '.join(differences[:_SHOWN])}{more}"


def _difference(name: str, array: HasForm, own: HasForm | None) -> str:
    if own is None:
        return f"the network has no {name}"
    if array.shape != own.shape:
        return f"{name} has shape {array.shape}, the network's has {own.shape}"
    if array.dtype != own.dtype:
        return f"{name} is {array.dtype}, the network's is {own.dtype}"
    return ""
