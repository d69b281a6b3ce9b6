"""Numbers and lines as people read them; the same words for the terminal, plain output and the log."""

from __future__ import annotations

import math
from collections.abc import Mapping

_FIXED_FROM, _FIXED_BELOW = 1e-3, 1e5
_SECONDS_IN_MINUTE, _MINUTES_IN_HOUR = 60, 60
_SHORT = 0.1
NOT_SHOWN = ("epoch", "stage", "learning_rate", "seconds", "examples_per_second", "data_seconds")
IMPROVED = "↑"


def number(value: float) -> str:
    """`0.3622`, `3.62e-05`, `-1.5000`, `8.40e+11`, `nan`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or _FIXED_FROM <= abs(value) < _FIXED_BELOW:
        return f"{value:.4f}"
    return f"{value:.2e}"


def values(row: Mapping[str, float]) -> str:
    """`loss 0.3622  accuracy 0.8851`."""
    return "  ".join(f"{name} {number(value)}" for name, value in row.items() if name not in NOT_SHOWN)


def duration(seconds: float) -> str:
    """`12 ms`, `0.4 s` or, from a minute on, `1:02:03`."""
    if seconds < _SHORT:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _SECONDS_IN_MINUTE:
        return f"{seconds:.1f} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """`0:00:07`."""
    minutes, rest = divmod(int(seconds), _SECONDS_IN_MINUTE)
    return f"{minutes // _MINUTES_IN_HOUR}:{minutes % _MINUTES_IN_HOUR:02d}:{rest:02d}"


def epoch_line(row: Mapping[str, float], epochs: int, improved: bool) -> str:
    """`  1/100  loss 1.2041  accuracy 0.6312  val_loss 0.4127 ↑  0.5 s`."""
    mark = f" {IMPROVED}" if improved else ""
    return f"{int(row['epoch']):>{len(str(epochs))}}/{epochs}  {values(row)}{mark}  {duration(row['seconds'])}"
