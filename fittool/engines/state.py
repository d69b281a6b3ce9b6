"""The one rule for taking over a state: names, shapes and dtypes must be those of the network that asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from fittool.errors import CheckpointError

_SHOWN = 5


def check_state(given: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> None:
    """Compare a given state with the one that an engine has.

    Raises:
        CheckpointError: A name is unknown, or a shape or dtype differs; the text names the first five differences.
    """
    differences = [text for name, array in given.items() if (text := _difference(name, array, wanted.get(name)))]
    if differences:
        more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise CheckpointError(f"The state does not fit the network: {'; '.join(differences[:_SHOWN])}{more}.")


def _difference(name: str, array: NDArray[Any], own: NDArray[Any] | None) -> str:
    if own is None:
        return f"the network has no {name}"
    if array.shape != own.shape:
        return f"{name} has shape {array.shape}, the network's has {own.shape}"
    if array.dtype != own.dtype:
        return f"{name} is {array.dtype}, the network's is {own.dtype}"
    return ""
