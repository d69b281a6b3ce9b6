"""Drawings of results as SVG in the page's colours: reliability, predictions against the truth, a heat map, bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from fittool.errors import visible
from fittool.report.pages.ticks import Axis, linear_axis, tick_text

_SIDE, _LEFT, _TOP, _BOTTOM = 320, 52, 10, 40
_INNER = _SIDE - _LEFT - _TOP
_CELL = 4
_MOST_CELLS = 200


def _square(title: str, across: Axis, up: Axis, names: tuple[str, str], parts: Sequence[str]) -> str:
    """A square with two axes around some marks."""
    bottom = _SIDE - _BOTTOM
    lines = []
    for tick in up.ticks:
        y = _y(up, tick)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _INNER}" y1="{y}" y2="{y}"/>')
        lines.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{tick_text(tick)}</text>')
    lines += [
        f'<text class="tick" x="{_x(across, tick)}" y="{bottom + 16}" text-anchor="middle">{tick_text(tick)}</text>'
        for tick in across.ticks
    ]
    lines.append(f'<text class="tick" x="{_LEFT + _INNER / 2}" y="{bottom + 34}" text-anchor="middle">{escape(names[0])}</text>')
    middle = _TOP + (bottom - _TOP) / 2
    turned = f'transform="rotate(-90 12 {middle})"'
    lines.append(f'<text class="tick" x="12" y="{middle}" text-anchor="middle" {turned}>{escape(names[1])}</text>')
    label = escape(visible(title), quote=True)
    body = "".join([*lines, *parts])
    return f'<svg class="chart square" role="img" aria-label="{label}" viewBox="0 0 {_SIDE} {_SIDE}">{body}</svg>'


def _x(axis: Axis, value: float) -> float:
    return round(_LEFT + axis.share(value) * _INNER, 1)


def _y(axis: Axis, value: float) -> float:
    return round(_SIDE - _BOTTOM - axis.share(value) * (_SIDE - _BOTTOM - _TOP), 1)


def reliability_chart(bins: Sequence[Mapping[str, Any]]) -> str:
    """How often it was true against how probable it was said to be; a dot a bin, larger for more samples.

    Args:
        bins: Each with `probability`, `share` and `count`.
    """
    axis = Axis(0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
    most = max((one["count"] for one in bins), default=1)
    parts = [f'<line class="mark" x1="{_x(axis, 0)}" y1="{_y(axis, 0)}" x2="{_x(axis, 1)}" y2="{_y(axis, 1)}"/>']
    points = " ".join(f"{_x(axis, one['probability'])},{_y(axis, one['share'])}" for one in bins)
    parts.append(f'<polyline class="s0" points="{points}"/>')
    for one in bins:
        radius = round(3 + 5 * (one["count"] / most) ** 0.5, 1)
        hint = f"{one['count']:,} samples: said {one['probability']:.2f}, true {one['share']:.2f}"
        at = f'cx="{_x(axis, one["probability"])}" cy="{_y(axis, one["share"])}"'
        parts.append(f'<circle class="s0 dot" {at} r="{radius}"><title>{hint}</title></circle>')
    return _square("Reliability of the probabilities", axis, axis, ("said to be probable", "came true"), parts)


def scatter_chart(title: str, truth: Sequence[float], predicted: Sequence[float]) -> str:
    """Predictions against the truth, a dot a sample; on the line they are equal."""
    if not truth:
        return ""
    axis = linear_axis([*truth, *predicted])
    low, high = axis.low, axis.high
    parts = [f'<line class="mark" x1="{_x(axis, low)}" y1="{_y(axis, low)}" x2="{_x(axis, high)}" y2="{_y(axis, high)}"/>']
    parts += [
        f'<circle class="s0 faint" cx="{_x(axis, true)}" cy="{_y(axis, said)}" r="3"><title>true {true:.4g}, predicted {said:.4g}'
        "</title></circle>"
        for true, said in zip(truth, predicted, strict=True)
    ]
    return _square(title, axis, axis, ("true", "predicted"), parts)


def histogram_chart(title: str, values: Sequence[float], name: str, *, bins: int = 20, of: str = "samples") -> str:
    """How many values lie where."""
    if not values:
        return ""
    across = linear_axis(values)
    width = (across.high - across.low) / bins
    counts = [0] * bins
    for value in values:
        counts[min(int((value - across.low) / width), bins - 1)] += 1
    up = linear_axis([0.0, float(max(counts))])
    parts = []
    for place, count in enumerate(counts):
        left, right = (_x(across, across.low + (place + one) * width) for one in (0, 1))
        top, bottom = _y(up, count), _y(up, 0)
        hint = f"<title>{count:,} from {across.low + place * width:.4g} to {across.low + (place + 1) * width:.4g}</title>"
        size = f'width="{round(max(right - left - 1, 0.5), 1)}" height="{round(bottom - top, 1)}"'
        parts.append(f'<rect class="f0" x="{left}" y="{top}" {size}>{hint}</rect>')
    return _square(title, across, up, (name, of), parts)


def heat_map(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    """A confusion matrix of many classes as colours alone; a mistake tells what it is where the pointer rests."""
    count = len(names)
    if count > _MOST_CELLS:
        return ""
    side = count * _CELL
    parts = [f'<rect class="frame" x="0" y="0" width="{side}" height="{side}"/>']
    for row, cells in enumerate(confusion):
        total = sum(cells) or 1
        for column, value in enumerate(cells):
            if value:
                hint = escape(f"{visible(names[row])} taken for {visible(names[column])}: {value:,}")
                kind = "hit" if row == column else "miss"
                parts.append(
                    f'<rect class="{kind}" x="{column * _CELL}" y="{row * _CELL}" width="{_CELL}" height="{_CELL}"'
                    f' fill-opacity="{0.15 + 0.85 * value / total:.2f}"><title>{hint}</title></rect>'
                )
    label = "Confusion matrix: true classes are rows, predicted ones columns"
    return f'<svg class="chart heat" role="img" aria-label="{label}" viewBox="0 0 {side} {side}">{"".join(parts)}</svg>'


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars from 0 to 1, each with its name and its text.

    Args:
        rows: Name, share and text.
    """
    height = 34 * len(rows)
    parts = []
    for place, (name, share, text) in enumerate(rows):
        top, width = 34 * place, round(300 * min(max(share, 0.0), 1.0), 1)
        parts.append(f'<text class="label" x="0" y="{top + 12}">{escape(visible(name))}</text>')
        parts.append(f'<rect class="track" x="0" y="{top + 17}" width="300" height="9" rx="4"/>')
        parts.append(f'<rect class="f{min(place, 2)}" x="0" y="{top + 17}" width="{width}" height="9" rx="4"/>')
        parts.append(f'<text class="label strong" x="360" y="{top + 26}" text-anchor="end">{escape(text)}</text>')
    label = escape("; ".join(f"{visible(name)} {text}" for name, _, text in rows), quote=True)
    return f'<svg class="chart bars" role="img" aria-label="{label}" viewBox="0 0 362 {height}">{"".join(parts)}</svg>'
