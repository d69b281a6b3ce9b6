"""What Pillow and the library below it say by themselves about damaged files: fittool tells these, by name and once."""

from __future__ import annotations

import ctypes
import logging
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

_OWN_COPY = ".dylibs"
"""Beside Pillow's modules on macOS."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # without any, logging writes errors to stderr


@cache
def silence_libtiff() -> None:
    """Take away the functions with which libtiff writes to stderr what it then also returns as an error.

    That is one assignment in C, and holds for all threads. Where Pillow has libtiff in no file of its own, nothing is done.
    """
    for path in _loaded_libraries():
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(path, mode=getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_LAZY", 0))
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                handler(None)


def _loaded_libraries() -> list[str]:
    """The files of libtiff that this process has loaded."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        from PIL import __file__ as package

        return [str(path) for path in (Path(package).parent / _OWN_COPY).glob("libtiff*")]
    paths = {line.split(maxsplit=5)[5] for line in lines if "libtiff" in line}
    return sorted(path for path in paths if os.path.basename(path).startswith("libtiff"))
