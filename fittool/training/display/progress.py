"""The display of a training: nothing, plain lines, or one live line on a terminal. All text goes to standard error."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from fittool.errors import visible
from fittool.training.display.epoch_table import EpochTable
from fittool.training.display.formatting import clock, epoch_line, values
from fittool.training.display.terminal import Terminal
from fittool.training.display.view import RunClock, View
from fittool.training.history import Row

if TYPE_CHECKING:
    from fittool.training.outcome import Outcome  # which writes numbers as this package does

_PLAIN_INTERVAL = 60.0


class Progress(Protocol):
    """Shows a training. Never fails: what cannot be shown is not shown."""

    def begin(self, header: str, monitor: str = "") -> None:
        """The training begins; the header is one line about it, `monitor` the name of the value that decides what is best."""

    def due(self) -> bool:
        """True where it is time for a look at the running values, which costs waiting for the device."""

    def look(self, view: View) -> None:
        """Show an epoch under way."""

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """Show a finished epoch."""

    def say(self, text: str) -> None:
        """Show a message."""

    def finished(self, outcome: Outcome) -> None:
        """The training has ended."""


class NullProgress:
    """Shows nothing."""

    def begin(self, header: str, monitor: str = "") -> None:
        """Nothing."""

    def due(self) -> bool:
        """Never."""
        return False

    def look(self, view: View) -> None:
        """Nothing."""

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""


class WalkProgress(NullProgress):
    """The live line alone of a walk over data, whose results are written elsewhere.

    Args:
        live: The display of a terminal.
    """

    def __init__(self, live: Progress) -> None:
        self._live = live

    def due(self) -> bool:
        """As often as a terminal is written over."""
        return self._live.due()

    def look(self, view: View) -> None:
        """Write the live line over."""
        self._live.look(view)


class PlainProgress:
    """One plain line an epoch, and in long epochs one a minute; for files, pipes, cron and CI.

    Args:
        screen: Where the lines go.
        interval: Seconds between two lines of the same epoch.
    """

    def __init__(self, screen: Terminal, interval: float = _PLAIN_INTERVAL) -> None:
        self._screen, self._interval = screen, interval
        self._next = time.monotonic() + interval
        self._clock, self._table = RunClock(), EpochTable()
        self._is_table = is_seen_by_people(screen.stream)

    def begin(self, header: str, monitor: str = "") -> None:
        """The header, if there is one."""
        self._table = EpochTable(monitor)
        if header:
            self._line(header)

    def due(self) -> bool:
        """Once a minute."""
        return time.monotonic() >= self._next

    def look(self, view: View) -> None:
        """Show how far the epoch is."""
        self._line(plain_view(view, self._clock.left(view)))

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """The epoch's line, with all values; on a terminal a row of the table that fits it."""
        self._clock.epoch_finished(row)
        if not self._is_table:
            self._line(epoch_line(row, epochs, improved))
            return
        for line in self._table.lines(row, epochs, improved, self._screen.width, self._screen.height):
            self._line("".join(text for text, _ in line).rstrip()[: self._screen.width])

    def say(self, text: str) -> None:
        """The message on its own line."""
        self._line(text)

    def finished(self, outcome: Outcome) -> None:
        """Show why it ended and which epoch was the best; an error is told by whoever handles it."""
        if outcome.reason in ("completed", "stopped"):
            self._line(outcome.summary)

    def _line(self, text: str) -> None:
        self._next = time.monotonic() + self._interval
        self._screen.write(f"{visible(text)}\n")


def plain_view(view: View, run_left: float | None = None) -> str:
    """`3/100  step 27/44  0:00:05 left, run 0:12:31  4,310 examples/s  loss 0.3622`.

    Args:
        view: The epoch under way.
        run_left: Seconds to the end of the whole run; None where nobody knows.
    """
    steps = "" if view.steps is None else f"/{view.steps:,}"
    run = "" if run_left is None else f", run {clock(run_left)}"
    left = "" if view.time_left is None else f"  {clock(view.time_left)} left{run}"
    what = "validation step" if view.validating and not view.title else "step"
    speed = f"{view.examples_per_second:,.0f} examples/s"
    return f"{view.place}  {what} {view.done:,}{steps}{left}  {speed}  {values(view.metrics)}".rstrip()


def is_seen_by_people(stream: TextIO) -> bool:
    """True for a terminal, dumb ones too, and not for one that CI makes up for its logs."""
    try:
        return stream.isatty() and not os.environ.get("CI")
    except ValueError:  # it is closed
        return False
