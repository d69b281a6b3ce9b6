"""`--events`: a training as JSON lines on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fittool.training.display.events import EventProgress


@contextmanager
def events_of(wanted: bool) -> Iterator[EventProgress | None]:
    """What takes the events of a training; an error is one, too, and goes on its way.

    Args:
        wanted: Whether they were asked for.
    """
    if not wanted:
        yield None
        return
    from fittool.errors import FittoolError
    from fittool.training.display.events import EventProgress

    events = EventProgress(sys.stdout)
    try:
        yield events
    except FittoolError as error:
        events.failed(error)
        raise
