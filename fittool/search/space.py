"""The values of a sweep's parameters, each a function of the seed and the number of the trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fittool import rng
from fittool.config.sweeping.section import Range, Sweep

Values = Mapping[str, Any]
"""By the dotted key of a setting, as plain data."""
_DIGITS = 6
"""Significant digits of a number that is drawn: enough for any setting, and short enough to read."""


@dataclass(frozen=True)
class Space:
    """All parameters.

    Attributes:
        parameters: A list of values or a range each.
        seed: Of what is drawn.
    """

    parameters: Mapping[str, list[Any] | Range]
    seed: int

    @classmethod
    def of(cls, sweep: Sweep, seed: int) -> Space:
        """The space of a sweep in an experiment with a seed."""
        return cls(sweep.parameters, seed if sweep.seed is None else sweep.seed)

    def combination(self, number: int) -> dict[str, Any]:
        """A combination of a grid, from 0: the last parameter changes first, as in nested loops."""
        found = {}
        for key, one in reversed(list(self.parameters.items())):
            count = (one.count or 1) if isinstance(one, Range) else len(one)
            number, place = divmod(number, count)
            found[key] = one.number(place) if isinstance(one, Range) else one[place]
        return {key: found[key] for key in self.parameters}

    def drawn(self, number: int) -> dict[str, Any]:
        """The values of a trial of a random search: each parameter by itself, whatever others there are."""
        return {key: _drawn(one, self._uniform(key, number)) for key, one in self.parameters.items()}

    def _uniform(self, key: str, number: int) -> float:
        return float(rng.uniforms(self.seed, f"sweep {key}", positions=[number])[0, 0])


def _drawn(one: list[Any] | Range, uniform: float) -> Any:
    """The value at a share of the way through all values, in [0, 1)."""
    if isinstance(one, list):
        return one[int(uniform * len(one))]
    if one.log and one.is_whole:  # each whole number has the space from half below to half above it
        low, high = math.log(one.low - 0.5), math.log(one.high + 0.5)
        return min(max(round(math.exp(low + uniform * (high - low))), int(one.low)), int(one.high))
    if one.count is not None:
        return one.number(int(uniform * one.count))
    if one.log:
        low, high = math.log(one.low), math.log(one.high)
        return _within(one, math.exp(low + uniform * (high - low)))
    return _within(one, one.low + uniform * (one.high - one.low))


def _within(one: Range, number: float) -> float:
    return min(max(float(f"{number:.{_DIGITS}g}"), float(one.low)), float(one.high))
