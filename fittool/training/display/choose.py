"""The choice of a display: live where a stream is a terminal, plain lines elsewhere, or none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from fittool.callbacks.base import Callback
from fittool.callbacks.progbar_logger import ProgbarLoggerCallback
from fittool.training.display.progress import NullProgress, PlainProgress, Progress, WalkProgress
from fittool.training.display.terminal import Terminal, Verbose, can_be_live


def make_progress(verbose: Verbose = "auto", stream: TextIO | None = None) -> Progress:
    """The display for a level of `verbose`.

    Args:
        verbose: 0: nothing; 1: a live line, where the stream can have one; 2: one line an epoch; auto: 1 on a terminal, else 2.
        stream: Where to write; by default standard error.
    """
    stream = sys.stderr if stream is None else stream
    if verbose == 0 or stream is None:
        return NullProgress()
    if verbose == 2 or not can_be_live(stream):
        return PlainProgress(Terminal(stream))
    from fittool.training.display.live_progress import LiveProgress  # rich is slow to import

    return LiveProgress(Terminal(stream))


def display_of(progress: Progress | None, callbacks: Sequence[Callback]) -> Progress:
    """The display; where there is none, the one that the callback ProgbarLogger asks for."""
    if progress is None or type(progress) is NullProgress:
        return make_progress(1) if any(isinstance(one, ProgbarLoggerCallback) for one in callbacks) else NullProgress()
    return progress


@contextmanager
def live_walk(stream: TextIO | None = None) -> Iterator[Progress]:
    """The display of a walk over data: a live line where the stream can have one, cleared at the end; else nothing.

    Args:
        stream: Where to write; by default standard error.
    """
    stream = sys.stderr if stream is None else stream
    if stream is None or not can_be_live(stream):
        yield NullProgress()
        return
    from fittool.training.display.live_progress import LiveProgress  # rich is slow to import

    live = LiveProgress(Terminal(stream))
    try:
        yield WalkProgress(live)
    finally:
        live.clear()
