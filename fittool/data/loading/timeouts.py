"""Waiting with a limit that counts only time in which this process ran: a stopped or suspended machine trips nothing."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from fittool.errors import PACKAGE, shown

FOREVER = float("inf")
_TICK = 0.25


def wait_for(wait: Callable[[float], bool], seconds: float) -> bool:
    """Wait for something.

    Args:
        wait: Waits for it so many seconds at most, and says whether it has come.
        seconds: How long in all. Each of the many short waits counts as no more than was asked for, so that the time in
            which the process was stopped does not count.

    Returns:
        Whether it has come.
    """
    waited = 0.0
    while waited < seconds:
        tick = min(_TICK, seconds - waited)
        if wait(tick):
            return True
        waited += tick
    return wait(0)


def duration(seconds: float) -> str:
    """`600 s`."""
    return f"{seconds:g} s"


def stack_of(thread: int | None) -> list[traceback.FrameSummary]:
    """Where a thread is, from its outermost call to its innermost; empty if it has ended."""
    frame = sys._current_frames().get(thread) if thread is not None else None
    return [] if frame is None else list(traceback.extract_stack(frame))


def where(frames: list[traceback.FrameSummary]) -> str:
    """The innermost place that is neither in this package nor in Python's own library: `my_data.py:12 in batches`."""
    library = str(Path(traceback.__file__).parent)
    own = [frame for frame in frames if not frame.filename.startswith((PACKAGE, library, "<frozen"))]
    place = (own or frames)[-1:]
    return f"{shown(place[0].filename)}:{place[0].lineno} in {place[0].name}" if place else "a place that cannot be told"
