"""The arrays that people hand to a model: one, a list, or a mapping by name; brought into the form that engines take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fittool.data.arrays import as_inputs, as_numbers, as_sample_weight, check_finite
from fittool.data.batch import Array
from fittool.errors import DataError
from fittool.nn.shapes import Shape


def inputs_of(value: Any, shapes: Mapping[str, Shape], what: str = "x") -> dict[str, Array]:
    """The arrays for a network's inputs.

    Args:
        value: One array (N, …), or for several inputs a list in their order or a mapping by their names.
        shapes: Shape of each input without the batch axis, by name.
        what: What the arrays are called in messages.

    Raises:
        DataError: A ValueError: arrays are missing, hold NaN or infinities, or have other shapes.
    """
    arrays = _with_names(value, list(shapes), what, "inputs")
    called = {name: what if len(shapes) == 1 else f"{what}[{name!r}]" for name in shapes}
    return {name: _fit(as_inputs(array, called[name]), shapes[name], called[name]) for name, array in arrays.items()}


def targets_of(value: Any, outputs: Sequence[str], what: str = "y") -> tuple[Array, ...]:
    """The arrays for a network's outputs, each (N, …), in their order; arguments and errors as for `inputs_of`."""
    arrays = tuple(as_numbers(array, what) for array in _with_names(value, outputs, what, "outputs").values())
    for array in arrays:
        check_finite(array, what)
    return arrays


def weights_of(value: Any, outputs: Sequence[str], samples: int, what: str = "sample_weight") -> Array | None:
    """Sample weights: (N,) for all outputs, or (N, outputs) from one array for each as a list or by name; None if there are none.

    Raises:
        DataError: A ValueError: not one finite number from 0 for each sample.
    """
    if isinstance(value, Mapping):
        _check_names(value, outputs, what, "outputs", all_of_them=False)
        value = [value.get(name) for name in outputs]
        value = value[0] if len(outputs) == 1 else value
    return None if value is None else as_sample_weight(value, what, samples, len(outputs))


def is_ready(array: object, shape: Shape | None = None) -> bool:
    """True for an array (N, …) that needs no second look: finite numbers in a form that engines take.

    Args:
        array: The array.
        shape: What it must have behind the axis of samples; None: targets, whose shape and class numbers the engine checks.
    """
    if type(array) is not np.ndarray or array.ndim == 0 or (shape is not None and array.shape[1:] != shape):
        return False
    if array.dtype != np.float32:
        return bool(array.dtype == (np.int64 if shape is None else np.uint8))
    return bool(np.isfinite(array).all())


def _several(value: object) -> bool:
    """True for a list of arrays, false for one array written as a list."""
    return isinstance(value, tuple) or (
        isinstance(value, list) and bool(value) and all(getattr(part, "ndim", 0) > 0 or part is None for part in value)
    )


def _with_names(value: Any, names: Sequence[str], what: str, kind: str) -> dict[str, Array]:
    """One array for each name, in the order of the names."""
    if value is None:
        raise DataError(f"{what} is missing.")
    if isinstance(value, Mapping):
        _check_names(value, names, what, kind)
        return {name: _array(value[name], what) for name in names}
    # For one input a list of numbers is the array itself, but a list of one array, as Keras takes it, holds the array.
    if len(names) == 1 and not (_several(value) and len(value) == 1):
        return {names[0]: _array(value, what)}
    if not isinstance(value, list | tuple) or len(value) != len(names):
        got = f"{len(value)} arrays" if isinstance(value, list | tuple) else "one array"
        raise DataError(f"{what} holds {got}, but the network has {len(names)} {kind} ({', '.join(names)}).")
    return {name: _array(part, what) for name, part in zip(names, value, strict=True)}


def _check_names(value: Mapping[Any, Any], names: Sequence[str], what: str, kind: str, *, all_of_them: bool = True) -> None:
    wrong = [str(name) for name in value if name not in names]
    missing = [name for name in names if name not in value] if all_of_them else []
    if wrong or missing:
        raise DataError(f"{what} holds {', '.join(map(str, value))}, but the network's {kind} are {', '.join(names)}.")


def _array(value: Any, what: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} is no array: {error}.") from error
    if array.ndim == 0:
        raise DataError(f"{what} is a {type(value).__name__}; an array with one row per sample was expected.")
    return array


def _fit(array: Array, shape: Shape, what: str) -> Array:
    """An array (N, *shape); as in Keras a last axis of size 1 may be missing or too many.

    Raises:
        DataError: The shape is another.
    """
    if array.shape[1:] == shape:
        return array
    if (*array.shape[1:], 1) == shape or array.shape[1:] == (*shape, 1):
        return array.reshape(len(array), *shape)
    wanted, found = (f"({', '.join(['samples', *map(str, sizes)])})" for sizes in (shape, array.shape[1:]))
    raise DataError(f"{what} has shape {found}, but the network takes {wanted}.")
