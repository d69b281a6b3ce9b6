"""Charts as SVG that takes its colours from the page: curves over epochs, with values that show where a pointer rests.

Nothing in a chart is markup but what this module writes: names are escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fittool.errors import visible
from fittool.report.pages.ticks import Axis, tick_text, value_axis, whole_axis
from fittool.runs.listing.curve import evenly
from fittool.training.display.formatting import number

COLORS = 8
"""How many series are told apart by colour (`.s0` to `.s7` of the page's style); further ones begin anew, dashed."""
_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 34
_MOST_HOVERS = 150
_MOST_POINTS = 600
_Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: What the legend says.
        points: Epochs with values; those that are not finite are left out.
        color: A number, counted on from 0.
        dashed: Whether the line is broken, as that of training beside validation.
    """

    name: str
    points: Sequence[tuple[int, float]]
    color: int = 0
    dashed: bool = False

    @property
    def finite(self) -> list[tuple[int, float]]:
        """The points that can be drawn."""
        return [(epoch, value) for epoch, value in self.points if math.isfinite(value)]


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    mark: int | None = None,
    hovers: int = _MOST_HOVERS,
    points: int = _MOST_POINTS,
) -> str:
    """Curves over epochs as an SVG element; "" where there is nothing to draw.

    Args:
        title: What a screen reader says.
        series: The curves.
        mark: An epoch that gets an upright line: the best one.
        hovers: How many values of a curve tell what they are where a pointer rests.
        points: Of how many points a curve is drawn.
    """
    drawn = [(one, finite) for one in series if (finite := one.finite)]
    if not drawn:
        return ""
    epochs = [epoch for _, finite in drawn for epoch, _ in finite]
    across = whole_axis(min(epochs), max(epochs))
    up = value_axis([value for _, finite in drawn for _, value in finite])
    frame = _Frame(across, up)
    parts = [*frame.grid()]
    if mark is not None and min(epochs) <= mark <= max(epochs):
        x = frame.x(mark)
        parts.append(
            f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"><title>best: epoch {mark}</title></line>'
        )
    for one, finite in drawn:
        parts += _curve(frame, one, _thinned(finite, points), _thinned(finite, hovers))
    label = escape(visible(title), quote=True)
    return f'<svg class="chart" role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(parts)}</svg>'


def legend(series: Sequence[Series]) -> str:
    """The names of curves with their lines, as a list."""
    entries = [
        '<li><svg class="key" viewBox="0 0 24 8" aria-hidden="true">'
        f'<line class="{_kind(one)}" x1="1" x2="23" y1="4" y2="4"/></svg>'
        f"{escape(visible(one.name))}</li>"
        for one in series
    ]
    return f'<ul class="legend">{"".join(entries)}</ul>'


@dataclass(frozen=True)
class _Frame:
    """The axes of a chart, and where values lie in it."""

    across: Axis
    up: Axis

    def x(self, value: float) -> float:
        return round(_LEFT + self.across.share(value) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(_HEIGHT - _BOTTOM - self.up.share(value) * (_HEIGHT - _TOP - _BOTTOM), 1)

    def grid(self) -> list[str]:
        """Lines and labels of both axes."""
        left, right, bottom = _LEFT, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = []
        for tick in self.up.ticks:
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text class="tick" x="{left - 6}" y="{y + 4}" text-anchor="end">{tick_text(tick)}</text>')
        parts += [
            f'<text class="tick" x="{self.x(tick)}" y="{bottom + 16}" text-anchor="middle">{tick_text(tick)}</text>'
            for tick in self.across.ticks
        ]
        parts.append(f'<text class="tick" x="{(left + right) / 2}" y="{bottom + 31}" text-anchor="middle">epoch</text>')
        return parts


def _kind(series: Series) -> str:
    dashed = series.dashed or series.color >= COLORS
    return f"s{series.color % COLORS}{' dashed' if dashed else ''}"


def _curve(frame: _Frame, series: Series, points: _Points, hovers: _Points) -> list[str]:
    """A line, and on it circles that nobody sees until the pointer is there."""
    kind = _kind(series)
    path = " ".join(f"{frame.x(epoch)},{frame.y(value)}" for epoch, value in points)
    parts = [f'<polyline class="{kind}" points="{path}"/>']
    shown, radius = ("dot", 3) if len(points) == 1 else ("hover", 5)
    name = escape(visible(series.name))
    for epoch, value in hovers:
        hint = f"<title>epoch {epoch}: {name} {number(value)}</title>"
        parts.append(f'<circle class="{kind} {shown}" cx="{frame.x(epoch)}" cy="{frame.y(value)}" r="{radius}">{hint}</circle>')
    return parts


def _thinned(points: _Points, most: int) -> _Points:
    chosen = evenly([float(place) for place in range(len(points))], most)
    return [points[int(place)] for place in chosen]
