"""The processors that a process may use."""

from __future__ import annotations

import os


def available_threads() -> int:
    """How many threads can compute at the same time: the processors this process may use, which may be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
