"""Arrays in files, for any test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path | str) -> dict[str, NDArray[np.generic]]:
    """The arrays of an `.npz` file, read at once, so that the file is closed."""
    with np.load(path) as file:
        return dict(file)
