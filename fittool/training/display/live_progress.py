"""The display on a terminal: a header, settled lines, and one live line that is written over. Needs rich."""

from __future__ import annotations

import os
import time
from typing import Literal

from rich.console import Console
from rich.text import Text

from fittool.training.display.epoch_table import EpochTable
from fittool.training.display.formatting import clock, number
from fittool.training.display.terminal import Terminal
from fittool.training.display.view import RunClock, View
from fittool.training.history import Row
from fittool.training.outcome import Outcome

_INTERVAL = 0.1
_GAP = "   "
_LONGEST_BAR, _SHORTEST_BAR = 25, 5


class LiveProgress:
    """Everything on as few lines as possible; nothing scrolls that nobody reads.

    The live line is cleared by blanks, so that a terminal for which NO_COLOR is set gets no escape sequence at all.

    Args:
        screen: A terminal.
    """

    def __init__(self, screen: Terminal) -> None:
        self._screen = screen
        colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
        self._console = Console(
            file=screen.stream, force_terminal=True, color_system=colors, highlight=False, markup=False, emoji=False
        )
        self._live = 0
        self._next = 0.0
        self._clock, self._table = RunClock(), EpochTable()

    def begin(self, header: str, monitor: str = "") -> None:
        """The header, its name bold, with as many of its parts as there is room for."""
        self._table = EpochTable(monitor)
        name, *rest = header.split(_GAP)
        if header:
            self._settle(_fitting(Text(name, "bold"), [Text(_GAP + part, "dim") for part in rest], self._screen.width))

    def due(self) -> bool:
        """At most ten times a second."""
        return time.monotonic() >= self._next

    def look(self, view: View) -> None:
        """Write the live line over."""
        text = self._cut(live_line(view, self._screen.width, self._clock.left(view)))
        shorter = text.cell_len < self._live
        start = self._clear() if shorter else "\r"
        self._live, self._next = text.cell_len, time.monotonic() + _INTERVAL
        self._screen.write(start + self._render(text))

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """Settle the epoch's row."""
        self._clock.epoch_finished(row)
        for line in self._table.lines(row, epochs, improved, self._screen.width, self._screen.height):
            self._settle(Text.assemble(*line))

    def say(self, text: str) -> None:
        """A message, on as many lines as it needs."""
        self._wrap(Text(text))

    def finished(self, outcome: Outcome) -> None:
        """Show why it ended and which epoch was the best; after an error the live line is cleared, and that is all."""
        if outcome.reason in ("completed", "stopped"):
            self._wrap(Text(outcome.summary))
        else:
            self.clear()

    def clear(self) -> None:
        """Take the live line away."""
        self._screen.write(self._clear())

    def _settle(self, text: Text) -> None:
        self._screen.write(f"{self._clear()}{self._render(self._cut(text))}\n")

    def _wrap(self, text: Text) -> None:
        lines = text.wrap(self._console, self._screen.width)
        self._screen.write(self._clear() + "".join(f"{self._render(line)}\n" for line in lines))

    def _clear(self) -> str:
        """The text that clears the live line."""
        blanks, self._live, self._next = " " * min(self._live, self._screen.width), 0, 0.0
        return f"\r{blanks}\r" if blanks else ""

    def _cut(self, text: Text) -> Text:
        text = text.copy()
        text.plain = self._screen.writable(text.plain)
        text.truncate(self._screen.width, overflow="crop")
        return text

    def _render(self, text: Text) -> str:
        """The text with its styles as the terminal can show them."""
        with self._console.capture() as capture:
            self._console.print(text, end="", soft_wrap=True)
        return capture.get()


def live_line(view: View, width: int, run_left: float | None = None) -> Text:
    """`  3/100 ━━━━━━━╸━━━━━━ 27/44  0:00:00  run 0:12:31  4,310 examples/s  loss 0.3622  accuracy 0.8851`.

    The times are those to the end of the epoch and, where `run_left` tells it, of the run. Where that is wider than `width`,
    first the bar becomes shorter, then the last values are left out.
    """
    parts = [Text(f" {view.done:,}" if view.steps is None else f" {view.done:,}/{view.steps:,}")]
    if view.time_left is not None:
        parts.append(Text(f"  {clock(view.time_left)}", "cyan"))
    if run_left is not None:
        parts.append(Text(f"  run {clock(run_left)}", "cyan"))
    parts.append(Text(f"  {view.examples_per_second:,.0f} examples/s", "dim"))
    parts += [Text(f"  {name} {number(value)}") for name, value in view.metrics.items()]
    what = "validation " if view.validating and not view.title else ""
    start = Text.assemble(f"{view.place} ", (what, "dim"))
    room = width - start.cell_len - sum(part.cell_len for part in parts)
    start.append_text(_bar(view, min(max(room, _SHORTEST_BAR), _LONGEST_BAR)))
    return _fitting(start, parts, width)


def _fitting(start: Text, parts: list[Text], width: int) -> Text:
    """The start with as many of the parts as there is room for."""
    for part in parts:
        if start.cell_len + part.cell_len > width:
            break
        start.append_text(part)
    return start


def _bar(view: View, length: int) -> Text:
    if not view.steps:
        return Text("━" * length, style="bright_black")
    filled = min(length * view.done // view.steps, length)
    if filled == length:
        return Text("━" * length, style="green")
    return Text.assemble(("━" * filled + "╸", "green"), ("━" * (length - filled - 1), "bright_black"))
