"""Tables of text on stdout: whole in a pipe, on a terminal as many columns as there is room for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import click

from fittool.errors import visible

_GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Its name.
        cells: One text a row.
        is_number: Whether it stands at the right.
    """

    heading: str
    cells: Sequence[str]
    is_number: bool = False

    @property
    def width(self) -> int:
        """Letters of the widest cell."""
        return max(map(len, (self.heading, *self.cells)))

    def lines(self) -> list[str]:
        """Heading and cells, all of the same width."""
        pad, width = str.rjust if self.is_number else str.ljust, self.width
        return [pad(text, width) for text in (self.heading, *self.cells)]


def echo_table(columns: Sequence[Column], *, err: bool = False) -> None:
    """Print a table; what a terminal has no room for is left out from the right, and named on stderr.

    Args:
        columns: From left to right.
        err: Print it on stderr, for people alone.
    """
    stream = sys.stderr if err else sys.stdout
    columns = [Column(visible(one.heading), [visible(cell) for cell in one.cells], one.is_number) for one in columns]
    shown = list(columns)
    if stream.isatty():
        room = _terminal_width(stream)
        while len(shown) > 1 and sum(column.width for column in shown) + len(_GAP) * (len(shown) - 1) > room:
            shown.pop()
    rows = zip(*(column.lines() for column in shown), strict=True)
    click.echo(_writable("\n".join(_GAP.join(cells).rstrip() for cells in rows), stream), err=err)
    if left := [column.heading for column in columns[len(shown) :]]:
        click.echo(f"no room for: {', '.join(left)}", err=True)


def _terminal_width(stream: TextIO) -> int:
    from fittool.training.display.terminal import Terminal

    return Terminal(stream).width


def _writable(text: str, stream: TextIO) -> str:
    """The text as far as the encoding of a stream has it."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
