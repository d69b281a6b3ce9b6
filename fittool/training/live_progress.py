"""The display on a terminal: a header, settled lines, and one live line that is written over. Needs rich."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

from fittool.training.history import Row
from fittool.training.outcome import Outcome
from fittool.training.progress import View
from fittool.training.screen import Screen
from fittool.training.wording import IMPROVED, clock, duration, number, values

_INTERVAL = 0.1
_BAR = 25


class LiveProgress:
    """Everything on as few lines as possible; nothing scrolls that nobody reads.

    The live line is cleared by blanks, so that a terminal for which NO_COLOR is set gets no escape sequence at all.

    Args:
        screen: A terminal.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console(file=screen.stream, force_terminal=True, highlight=False, markup=False, emoji=False)
        self._live = 0
        self._next = 0.0

    def begin(self, header: str) -> None:
        """The header, its name bold."""
        name, gap, rest = header.partition("   ")
        if header:
            self._settle(Text.assemble((name, "bold"), gap, (rest, "dim")))

    def due(self) -> bool:
        """At most ten times a second."""
        return time.monotonic() >= self._next

    def look(self, view: View) -> None:
        """Write the live line over."""
        text = self._cut(live_line(view))
        shorter = text.cell_len < self._live
        start = self._cleared() if shorter else "\r"
        self._live, self._next = text.cell_len, time.monotonic() + _INTERVAL
        self._screen.write(start + self._rendered(text))

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """Settle the epoch's line."""
        text = Text(f"{int(row['epoch']):>{len(str(epochs))}}  ", style="")
        text.append(values(row))
        if improved:
            text.append(f" {IMPROVED}", "green")
        text.append(f"  {duration(row['seconds'])}", "dim")
        self._settle(text)

    def say(self, text: str) -> None:
        """A message, on as many lines as it needs."""
        self._wrapped(Text(text))

    def finished(self, outcome: Outcome) -> None:
        """Why it ended and which epoch was the best; after an error the live line is cleared, and that is all."""
        if outcome.reason in ("completed", "stopped"):
            self._wrapped(Text(outcome.summary))
        else:
            self._screen.write(self._cleared())

    def _settle(self, text: Text) -> None:
        self._screen.write(f"{self._cleared()}{self._rendered(self._cut(text))}\n")

    def _wrapped(self, text: Text) -> None:
        lines = text.wrap(self._console, self._screen.width)
        self._screen.write(self._cleared() + "".join(f"{self._rendered(line)}\n" for line in lines))

    def _cleared(self) -> str:
        """What clears the live line."""
        blanks, self._live, self._next = " " * min(self._live, self._screen.width), 0, 0.0
        return f"\r{blanks}\r" if blanks else ""

    def _cut(self, text: Text) -> Text:
        text = text.copy()
        text.plain = self._screen.writable(text.plain)
        text.truncate(self._screen.width, overflow="crop")
        return text

    def _rendered(self, text: Text) -> str:
        """The text with its styles as the terminal can show them."""
        with self._console.capture() as capture:
            self._console.print(text, end="", soft_wrap=True)
        return capture.get()


def live_line(view: View) -> Text:
    """`  3/100 ━━━━━━━╸━━━━━━ 27/44  0:00:00  4,310 examples/s  loss 0.3622  accuracy 0.8851`."""
    text = Text(f"{view.epoch:>{len(str(view.epochs))}}/{view.epochs} ")
    if view.validating:
        text.append("validation ", "dim")
    text.append_text(_bar(view))
    text.append(f" {view.done:,}" if view.steps is None else f" {view.done:,}/{view.steps:,}")
    if view.time_left is not None:
        text.append(f"  {clock(view.time_left)}", "cyan")
    text.append(f"  {view.examples_per_second:,.0f} examples/s", "dim")
    for name, value in view.metrics.items():
        text.append(f"  {name} {number(value)}")
    return text


def _bar(view: View) -> Text:
    if not view.steps:
        return Text("━" * _BAR, style="bright_black")
    filled = min(_BAR * view.done // view.steps, _BAR)
    if filled == _BAR:
        return Text("━" * _BAR, style="green")
    return Text.assemble(("━" * filled + "╸", "green"), ("━" * (_BAR - filled - 1), "bright_black"))
