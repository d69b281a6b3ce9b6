"""The processors that this process may use, and how many threads compute on them."""

from __future__ import annotations

import os

MOST_THREADS = 1024


def available_threads() -> int:
    """The number of processors this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """The number of threads to compute with where nobody says it: OMP_NUM_THREADS, else one for each usable processor.

    Schedulers and containers set the variable to what a process is given, which the processors alone do not tell.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # a list is for nested teams, of which we have none
    return int(asked) if asked.isdecimal() and 1 <= int(asked) <= MOST_THREADS else available_threads()
