"""Keeps NumPy's BLAS on one thread: the engine cuts its work itself, into pieces that no number of threads changes."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


@cache
def use_one_thread() -> bool:
    """Set OpenBLAS to one thread for this process; False where NumPy was built with another BLAS.

    OpenBLAS reads its environment variables only while it is loaded, which is too late once NumPy is imported, so the
    library that NumPy's wheel carries is asked directly.
    """
    for library in _libraries_of():
        try:
            handle = ctypes.CDLL(str(library))
        except OSError:
            continue
        for name in _SETTERS:
            if hasattr(handle, name):
                getattr(handle, name)(ctypes.c_int(1))
                return True
    return False


def blas_name() -> str:
    """The library that multiplies matrices for NumPy, with its version."""
    found = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(found[key]) for key in ("name", "version") if found.get(key)) or "unknown"


def _libraries_of() -> list[Path]:
    package = Path(np.__file__).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs")
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if "openblas" in path.name]
