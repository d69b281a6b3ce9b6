"""The course of one value of a run in a few numbers, read without reading all of a long log."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from fittool.runs.files.json_text import to_json

POINTS = 12
"""The most values that a curve has."""
_READ_WHOLE = 1 << 16
_PIECE = 4096
_BARS = "▁▂▃▄▅▆▇█"


def curve_of(path: str, value: str) -> list[float]:
    """At most `POINTS` values of the rows of a metrics.jsonl, evenly spaced, the first and the last among them.

    Of a long file some places are looked at. Epochs without the value, or in which it was not finite, are passed over.

    Args:
        path: The file.
        value: The name of the value.
    """
    pattern = _number_of(value)
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= _READ_WHOLE:
            return evenly([float(found) for found in pattern.findall(file.read())])
        pieces = (os.pread(file.fileno(), _PIECE, at * (size - _PIECE) // (POINTS - 1)) for at in range(POINTS))
        found = [numbers for piece in pieces if (numbers := pattern.findall(piece))]
        return [float(numbers[0]) for numbers in found[:-1]] + [float(found[-1][-1])] if found else []
    return []


def seconds_of(path: str) -> float | None:
    """The sum of the seconds of all rows of a metrics.jsonl; None where it cannot be read."""
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        return sum(map(float, _number_of("seconds").findall(file.read())))
    return None


def _number_of(name: str) -> re.Pattern[bytes]:
    """Finds a name's number in rows; a quotation mark within text is escaped there, so that only keys are found."""
    return re.compile(re.escape(to_json(name)) + rb":(-?\d[\d.eE+-]*)")


def evenly(values: Sequence[float], points: int = POINTS) -> list[float]:
    """At most so many of the values, evenly spaced, with the first and the last."""
    if len(values) <= points:
        return list(values)
    return [values[at * (len(values) - 1) // (points - 1)] for at in range(points)]


def sparkline(values: Sequence[float]) -> str:
    """The values as bars one character high: `█▅▃▂▁▁`."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)] for value in values)
