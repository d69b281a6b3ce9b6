"""The display of a training: nothing, plain lines, or one live line on a terminal. All text goes to standard error."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from fittool.errors import visible
from fittool.training.display.formatting import clock, epoch_line, values
from fittool.training.display.terminal import Terminal
from fittool.training.history import Row

if TYPE_CHECKING:
    from fittool.training.outcome import Outcome  # which writes numbers as this package does

Verbose = Literal["auto", 0, 1, 2]
_PLAIN_INTERVAL = 60.0


@dataclass(frozen=True)
class View:
    """A look at an epoch under way.

    Attributes:
        epoch: Its number, from 1.
        epochs: The number of the last one.
        done: Steps that are done.
        steps: Steps of the epoch, or None where nobody knows.
        seconds: How long these steps took.
        examples: How many examples they held.
        metrics: The running values.
        validating: Whether these are steps of the validation.
        title: Said instead of the epoch, where there is none.
    """

    epoch: int
    epochs: int
    done: int
    steps: int | None
    seconds: float
    examples: int
    metrics: Mapping[str, float]
    validating: bool = False
    title: str = ""

    @property
    def place(self) -> str:
        """The epoch of all epochs, or the title."""
        return self.title or f"{self.epoch:>{len(str(self.epochs))}}/{self.epochs}"

    @property
    def examples_per_second(self) -> float:
        """The speed so far."""
        return self.examples / self.seconds if self.seconds > 0 else 0.0

    @property
    def time_left(self) -> float | None:
        """Seconds to the last step at this speed."""
        if self.steps is None or not self.done:
            return None
        return self.seconds / self.done * (self.steps - self.done)


class Progress(Protocol):
    """Shows a training. Never fails: what cannot be shown is not shown."""

    def begin(self, header: str) -> None:
        """The training begins; the header is one line about it."""

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

    def begin(self, header: str) -> None:
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

    def begin(self, header: str) -> None:
        """The header, if there is one."""
        if header:
            self._line(header)

    def due(self) -> bool:
        """Once a minute."""
        return time.monotonic() >= self._next

    def look(self, view: View) -> None:
        """Show how far the epoch is."""
        self._line(plain_view(view))

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """The epoch's line."""
        self._line(epoch_line(row, epochs, improved))

    def say(self, text: str) -> None:
        """The message on its own line."""
        self._line(text)

    def finished(self, outcome: Outcome) -> None:
        """Show why it ended and which epoch was the best; an error is told by whoever handles it."""
        if outcome.reason in ("completed", "stopped"):
            self._line(outcome.shown)

    def _line(self, text: str) -> None:
        self._next = time.monotonic() + self._interval
        self._screen.write(f"{visible(text)}\n")


def plain_view(view: View) -> str:
    """`3/100  step 27/44  0:00:05 left  4,310 examples/s  loss 0.3622`."""
    steps = "" if view.steps is None else f"/{view.steps:,}"
    left = "" if view.time_left is None else f"  {clock(view.time_left)} left"
    what = "validation step" if view.validating and not view.title else "step"
    speed = f"{view.examples_per_second:,.0f} examples/s"
    return f"{view.place}  {what} {view.done:,}{steps}{left}  {speed}  {values(view.metrics)}".rstrip()


def can_be_live(stream: TextIO | None) -> bool:
    """True where a line on this stream can be written over: a terminal that is not dumb, and no CI."""
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False
    return terminal and os.environ.get("TERM", "") not in ("dumb", "") and not os.environ.get("CI")
