"""Figures as lines for people and as JSON for programs."""

from __future__ import annotations

import statistics
from typing import Any

from tests.benchmarks.measuring import AGAIN, Figure

NOISE = 0.05
"""How far a control may be from 1 before its figure is called noisy."""


def heading() -> str:
    return f"{'subject':<17}{'figure':<66}{'value':>8}{'wanted':>10}{'control':>9}  {'':<7}sides"


def shown(subject: str, figure: Figure, judged: bool = True) -> str:
    """One line: the value, what it should reach, the control beside it, and the sides.

    Args:
        subject: Whose figure it is.
        figure: What was measured.
        judged: Whether the value counts, or only that there is one.
    """
    value = "-" if figure.value is None else f"{figure.value:.2f}"
    wanted = "" if figure.wanted is None else f"{'<=' if figure.most else '>='}{figure.wanted:>6g}"
    control = "" if figure.control is None else f"{figure.control:.2f}"
    found = verdict(figure) if judged or figure.broken else ""
    notes = " | ".join(part for part in ("noisy" if judged and is_noisy(figure) else "", figure.note) if part)
    return f"{subject:<17}{figure.name:<66}{value:>8}{wanted:>10}{control:>9}  {found:<7}{notes}"


def verdict(figure: Figure) -> str:
    if figure.broken:
        return "BROKEN"
    if figure.value is None or figure.wanted is None:
        return ""
    return "ok" if figure.reached else "MISSED"


def is_noisy(figure: Figure) -> bool:
    return figure.control is not None and abs(figure.control - 1) > NOISE


def as_data(subject: str, figure: Figure, judged: bool = True) -> dict[str, Any]:
    """Everything about a figure: each side's values turn by turn and their median, ratio, control, and what was wanted."""
    medians = {name: statistics.median(values) for name, values in figure.sides.items() if values}
    return {
        "subject": subject,
        "name": figure.name,
        "value": figure.value,
        "wanted": figure.wanted,
        "at_most": figure.most,
        "verdict": verdict(figure) if judged or figure.broken else "",
        "control": figure.control,
        "noisy": judged and is_noisy(figure),
        "sides": {name: {"median": medians.get(name), "turns": list(values)} for name, values in figure.sides.items()},
        "control_side": AGAIN if figure.control is not None else None,
        "note": figure.note,
    }
