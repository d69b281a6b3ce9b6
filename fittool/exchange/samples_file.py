"""Samples with the answers that are expected: a JSON file beside an exported one, which any language reads.

`{"inputs": {NAME: ARRAY}, "expected": {NAME: ARRAY}}`, where an ARRAY has `dtype`, `shape` and `data`: a list of texts, or the
bytes in base64, little-endian, the last axis first to change.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, shown

Arrays = Mapping[str, NDArray[Any]]
_DTYPES = ("bool", "uint8", "int64", "float32", "float64")
_LARGEST = 1 << 30


@dataclass(frozen=True)
class SampleSet:
    """Some samples of an exported network.

    Attributes:
        inputs: (N, …) by the inputs' names.
        expected: (N, …) by the outputs' names.
    """

    inputs: Arrays
    expected: Arrays

    def encode(self) -> bytes:
        """The file's content."""
        parts = {"inputs": _plain(self.inputs), "expected": _plain(self.expected)}
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_samples(path: Path) -> SampleSet:
    """Read such a file.

    Raises:
        CheckpointError: It is missing, or no such file.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is larger than any that fittool writes")
        found = json.loads(path.read_bytes())
        return SampleSet(*({name: _array(one) for name, one in found[part].items()} for part in ("inputs", "expected")))
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror}.", place=shown(path)) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise CheckpointError(f"is not what fittool wrote: {error}.", place=shown(path)) from error


def _plain(arrays: Arrays) -> dict[str, Any]:
    return {name: _of_array(array) for name, array in arrays.items()}


def _of_array(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.kind in "UO":
        return {"dtype": "string", "shape": list(array.shape), "data": [str(one) for one in array.reshape(-1)]}
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": base64.b64encode(little.tobytes()).decode()}


def _array(plain: Any) -> NDArray[Any]:
    dtype, shape, data = plain["dtype"], plain["shape"], plain["data"]
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError("a shape holds something else than whole numbers")
    if dtype == "string":
        if len(data) != math.prod(shape) or not all(isinstance(one, str) for one in data):
            raise ValueError("texts do not fit their shape")
        return np.array(data, object).reshape(shape)
    if dtype not in _DTYPES:
        raise ValueError(f"{str(dtype)[:20]} is no type of an array")
    return np.frombuffer(base64.b64decode(data, validate=True), np.dtype(dtype).newbyteorder("<")).reshape(shape)
