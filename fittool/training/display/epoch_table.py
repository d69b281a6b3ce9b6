"""The finished epochs as a table that fits a terminal: a heading, and a row an epoch with the value that decides first.

What there is no room for is left out from the right, and named once; a wider terminal shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fittool.training.display.formatting import IMPROVED, NOT_SHOWN, duration, number
from fittool.training.history import Row

_GAP = "  "
_LONGEST, _LONGEST_FIRST = 16, 24
_LEAST_ROWS = 10
_SHORT_NAMES = (  # Keras's own; see fittool/nn/metrics
    ("mean_absolute_percentage_error", "mape"),
    ("mean_squared_logarithmic_error", "msle"),
    ("root_mean_squared_error", "rmse"),
    ("mean_absolute_error", "mae"),
    ("mean_squared_error", "mse"),
)
Segment = tuple[str, str]
"""A piece of a line and its style, in the words of rich: `bold`, `green`, `dim` or none."""


@dataclass(frozen=True)
class _Column:
    """A column of the table.

    Attributes:
        name: The value's name in the rows.
        heading: What stands above it.
        width: Characters.
    """

    name: str
    heading: str
    width: int


@dataclass(frozen=True)
class _Layout:
    """The columns that there is room for, with those that there is none for."""

    columns: tuple[_Column, ...]
    left_out: tuple[str, ...]


class EpochTable:
    """Lines of a table that grows by an epoch at a time.

    Args:
        monitor: The name of the value that decides which epoch is the best; "" where none does.
    """

    def __init__(self, monitor: str = "") -> None:
        self._monitor = monitor
        self._names: dict[str, None] = {}
        self._widths: dict[str, int] = {}
        self._layout: _Layout | None = None
        self._told: tuple[str, ...] = ()
        self._rows = 0

    def lines(self, row: Row, epochs: int, improved: bool, columns: int, lines: int) -> Iterator[list[Segment]]:
        """The row of an epoch; before it the heading, where that has changed or has left the screen.

        Args:
            row: The epoch's values.
            epochs: The number of the last epoch.
            improved: Whether it is the best so far.
            columns, lines: The terminal's size.
        """
        cells = self._cells(row, epochs)
        layout = self._fit(cells, columns)
        if layout != self._layout or self._rows >= max(lines - 3, _LEAST_ROWS):
            self._layout, self._rows = layout, 0
            if layout.left_out != self._told:
                self._told = layout.left_out
                yield from _remark(layout.left_out, columns)
            yield [(_line([(column, column.heading) for column in layout.columns], self._monitor), "bold")]
        self._rows += 1
        yield _row(layout, cells, self._monitor, improved)

    def _cells(self, row: Row, epochs: int) -> dict[str, str]:
        """The text of each value; widths and names are remembered, so that columns stay where they are."""
        shown = {name: number(value) for name, value in row.items() if name not in NOT_SHOWN}
        cells = {"epoch": str(int(row["epoch"])), **shown, "time": duration(row["seconds"])}
        self._names.update(dict.fromkeys(shown))
        for name, text in (*cells.items(), ("epoch", str(epochs))):
            self._widths[name] = max(self._widths.get(name, 0), len(text))
        return cells

    def _fit(self, cells: Mapping[str, str], room: int) -> _Layout:
        """As many columns as there is room for; the first value and the time come before all others."""
        names = _ordered(list(self._names), self._monitor)
        headings = _headings(names, self._monitor)
        columns = [self._column(name, headings.get(name, name)) for name in ("epoch", *names, "time")]
        first, time = columns[1 : 1 + bool(names)], columns[-1]
        taken = columns[:1]
        room -= columns[0].width
        for column in (*first, time, *columns[1 + len(first) : -1]):
            needed = len(_GAP) + column.width + _mark_width(column.name, self._monitor)
            if needed > room:
                break
            room -= needed
            taken.append(column)
        shown = sorted(taken, key=columns.index)
        return _Layout(tuple(shown), tuple(name for name in names if name not in {column.name for column in shown}))

    def _column(self, name: str, heading: str) -> _Column:
        return _Column(name, heading, max(len(heading), self._widths.get(name, 0)))


def _ordered(names: Sequence[str], monitor: str) -> list[str]:
    """The value that decides, its partner in training, the losses, then each metric beside its value in validation."""
    partner = monitor.removeprefix("val_")
    wanted = [monitor, partner, "loss", "val_loss"]
    for name in names:
        wanted += [name.removeprefix("val_"), f"val_{name.removeprefix('val_')}", name]
    known = set(names)
    return [name for name in dict.fromkeys(wanted) if name in known]


def _headings(names: Sequence[str], monitor: str) -> dict[str, str]:
    """Short headings, as long as no two are alike."""
    short = {name: _shortened(name, _LONGEST_FIRST if name == monitor else _LONGEST) for name in names}
    alike = Counter(short.values())
    return {name: heading if alike[heading] == 1 else name for name, heading in short.items()}


def _shortened(name: str, longest: int) -> str:
    for whole, short in _SHORT_NAMES if len(name) > longest else ():
        name = name.replace(whole, short)
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[half + 1 - longest :]}"


def _mark_width(name: str, monitor: str) -> int:
    """The room of the mark behind the value that decides."""
    return len(f" {IMPROVED}") if name == monitor else 0


def _line(cells: Sequence[tuple[_Column, str]], monitor: str) -> str:
    return _GAP.join(text.rjust(column.width) + " " * _mark_width(column.name, monitor) for column, text in cells).rstrip()


def _row(layout: _Layout, cells: Mapping[str, str], monitor: str, improved: bool) -> list[Segment]:
    segments: list[Segment] = []
    for place, column in enumerate(layout.columns):
        text = cells.get(column.name, "").rjust(column.width)
        segments.append((f"{_GAP if place else ''}{text}", "dim" if column.name == "time" else ""))
        if column.name == monitor:
            segments.append((f" {IMPROVED if improved else ' '}", "green"))
    # Where no value decides there is no column for the mark, and it stands at the end.
    if improved and monitor not in cells:
        segments.append((f" {IMPROVED}", "green"))
    return segments


def _remark(left_out: Sequence[str], columns: int) -> Iterator[list[Segment]]:
    """One line with the names of the values that are not shown, as far as there is room."""
    if not left_out:
        return
    text = f"not shown at {columns} columns: {', '.join(left_out)}"
    yield [(text if len(text) <= columns else f"{text[: columns - 1]}…", "dim")]
