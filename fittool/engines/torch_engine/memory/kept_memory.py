"""Memory that a step gives back stays with the process, as the next step takes the same again.

Glibc hands large pieces back to the system as soon as they are free, and the system fills each page with zeros when it is touched
again: up to a tenth of a step on the processor, more or less by the order in which pieces happen to be freed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_NEVER = 2**31 - 1
_LARGEST = 2**30
"""Pieces above a gibibyte are still fetched one by one, so that a hole of that size is never left."""
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let memory that is freed stay with this process; tells whether it does, from now on and for all its threads.

    Only glibc knows the call, and whoever has set its own limits by the environment keeps them.
    """
    mallopt: Any = getattr(_library(), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in _SETTINGS):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _NEVER))


def give_freed_memory_back() -> None:
    """Return what is free now to the system."""
    trim: Any = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _library() -> Any:
    """The library of C that this process runs on; nothing is known of others than Linux's."""
    return ctypes.CDLL(None) if sys.platform == "linux" else None
