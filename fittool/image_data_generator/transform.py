"""The parameters of one image's change as Keras's dictionary, to and fro."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from fittool.augmentation.draw import Parameters

_KERAS_NAMES = {"channel_shift": "channel_shift_intensity"}
_OLD_NAMES = {"channel_shift_intencity": "channel_shift"}  # as older versions of Keras spelt it
_NEUTRAL: dict[str, Any] = {
    "theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0, "flip_horizontal": False, "flip_vertical": False,
    "channel_shift": 0.0, "brightness": 1.0, "inversion": False,
}  # fmt: skip
_NAMES = tuple(field.name for field in fields(Parameters))


def as_transform(parameters: Parameters, index: int = 0, unasked: Sequence[str] = ()) -> dict[str, Any]:
    """The changes to one image, under Keras's names; what was not drawn is left out.

    Angles are in degrees and shifts in pixels, `tx` along the columns and `ty` down the rows.

    Args:
        parameters: Of N images.
        index: Which one.
        unasked: Parameters that nobody asked for; they are None.
    """
    found: dict[str, Any] = {}
    for name in _NAMES:
        values = getattr(parameters, name)
        if values is not None:
            value = values[index]
            plain = value.item() or value.dtype.type().item() if value.ndim == 0 else value  # no -0.0, which draws give
            found[_KERAS_NAMES.get(name, name)] = None if name in unasked else plain
    return found


def as_parameters(transform: Mapping[str, Any]) -> Parameters:
    """The parameters of one image; a key that is missing, or None, changes nothing.

    Raises:
        ValueError: A key is not known.
    """
    known = {_KERAS_NAMES.get(name, name): name for name in _NAMES} | _OLD_NAMES
    unknown = [key for key in transform if key not in known]
    if unknown:
        raise ValueError(f"transform_parameters: {unknown[0]!r} is not known. There are {', '.join(known)}.")
    given = {known[key]: value for key, value in transform.items() if value is not None}
    return Parameters(**{name: np.asarray([value]) for name, value in (_NEUTRAL | given).items()})
