"""A picture of many trials: an axis for each setting and one for the result, and a line through all of them for each trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fittool.errors import shorten
from fittool.report.plots import png

_MOST_TICKS = 12
_MOST_NUMBERS = 6
_LONGEST = 18
_LETTERS: Any = {
    "fontsize": 7, "va": "center", "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
}  # fmt: skip
_WIDTH = 1.9  # inches an axis


@dataclass(frozen=True)
class Axis:
    """One of the axes.

    Attributes:
        name: Of the setting.
        is_log: Whether distances are those of the logarithms.
        choices: The texts of the values, where they are no numbers.
        text_of: Makes such a text of a value.
    """

    name: str
    is_log: bool = False
    choices: tuple[str, ...] = ()
    text_of: Callable[[Any], str] = str

    def place(self, value: Any) -> float:
        """A value as a number on the axis."""
        if self.choices:
            return float(self.choices.index(self.text_of(value)))
        return math.log10(value) if self.is_log else float(value)


@dataclass(frozen=True)
class Line:
    """A trial.

    Attributes:
        values: One for each axis, the result last.
        is_whole: Whether it was trained to its end; else it is drawn in grey.
    """

    values: Sequence[Any]
    is_whole: bool


def draw_parallel_coordinates(axes: Sequence[Axis], lines: Sequence[Line], *, less_is_better: bool) -> bytes:
    """The picture as PNG; the best trials are drawn last, and darkest.

    Args:
        axes: From left to right, the result last.
        lines: The trials.
        less_is_better: Of the result.
    """

    def draw(plot: Any) -> None:
        _draw(plot, axes, lines, less_is_better)

    return png(draw, size=(max(4.0, _WIDTH * len(axes)), 4.2))


def _draw(plot: Any, axes: Sequence[Axis], lines: Sequence[Line], less_is_better: bool) -> None:
    import matplotlib

    placed = [[axis.place(value) for axis, value in zip(axes, line.values, strict=True)] for line in lines]
    columns = list(zip(*placed, strict=True))
    ends = list(map(_ends, columns))
    results = [row[-1] for row in placed]
    low, high = min(results), max(results)
    colours = matplotlib.colormaps["viridis_r"]
    order = sorted(range(len(lines)), key=lambda at: (lines[at].is_whole, -results[at] if less_is_better else results[at]))
    for at in order:
        share = 0.5 if high == low else (results[at] - low) / (high - low)
        goodness = 1 - share if less_is_better else share
        heights = [(value - first) / (last - first) for value, (first, last) in zip(placed[at], ends, strict=True)]
        whole = lines[at].is_whole
        plot.plot(
            range(len(axes)), heights, color=colours(goodness) if whole else "0.8", linewidth=1.4 if whole else 0.8,
            alpha=0.85 if whole else 0.6,
        )  # fmt: skip
    for number, (axis, column, (first, last)) in enumerate(zip(axes, columns, ends, strict=True)):
        plot.axvline(number, color="0.3", linewidth=0.8)
        for height, text in _ticks(axis, column, first, last):
            plot.annotate(text, (number, height), xytext=(3, 0), textcoords="offset points", **_LETTERS)
    plot.set_xticks(range(len(axes)), [shorten(axis.name, 24) for axis in axes], fontsize=8)
    plot.set_xlim(-0.1, len(axes) - 0.6)
    plot.set_yticks([])
    plot.set_frame_on(False)
    pruned = sum(not line.is_whole for line in lines)
    told = f"{len(lines):,} trials; the darkest are the best" + (f", {pruned:,} in grey were ended early" if pruned else "")
    plot.set_title(told, fontsize=8, loc="left")


def _ends(column: Sequence[float]) -> tuple[float, float]:
    low, high = min(column), max(column)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(axis: Axis, column: Sequence[float], first: float, last: float) -> list[tuple[float, str]]:
    """Heights from 0 to 1 with what stands there: each choice, each of few numbers, or five between the ends."""
    if axis.choices:
        step = -(-len(axis.choices) // _MOST_TICKS)
        places = [at for at in range(0, len(axis.choices), step) if first <= at <= last]
        return [((at - first) / (last - first), shorten(axis.choices[at], _LONGEST)) for at in places]
    known: list[float] = sorted(set(column))
    spread = [first + share * (last - first) for share in (0, 0.25, 0.5, 0.75, 1)]
    shown = known if len(known) <= _MOST_NUMBERS else spread
    return [((place - first) / (last - first), f"{10**place if axis.is_log else place:.4g}") for place in shown]
