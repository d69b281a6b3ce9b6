"""How far a figure may be off because there were only so many samples: the bootstrap (Efron 1979).

The samples are drawn anew, with replacement, a thousand times; each time gives a value of the figure, and the middle 95 % of
the values are the interval. With few samples the quantiles are taken a little further out, where those of Student's t are
(Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool import rng

RESAMPLES = 1000
MOST_UNITS = 1000
LEVEL = 0.95
METHOD = "bootstrap over samples, percentiles"
_NORMAL_QUANTILE = 1.959963984540054
"""Beyond it, on either side, lies half of what `LEVEL` leaves out."""
_FEW = 3


@dataclass(frozen=True)
class Interval:
    """The two ends of an interval."""

    low: float
    high: float


def unit_of(samples: int) -> NDArray[np.int64]:
    """(samples,) the unit that each sample is drawn with: itself, or where there are many one of 1,000 random groups.

    Groups of equal size that were made at random vary as samples do, only less, and the mean of so many groups varies as that
    of all samples.
    """
    if samples <= MOST_UNITS:
        return np.arange(samples)
    return rng.permuted(0, "bootstrap groups", positions=np.arange(samples), size=samples) % MOST_UNITS


def draws(units: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """(resamples, units) how often each unit was drawn; the same each time."""
    chosen = rng.generator(0, "bootstrap", units).integers(0, units, (resamples, units))
    chosen += np.arange(resamples)[:, None] * units
    return np.bincount(chosen.reshape(-1), minlength=resamples * units).reshape(resamples, units).astype(np.float64)


def interval_of(values: NDArray[np.float64], samples: int) -> Interval | None:
    """The middle 95 % of the values (R,) that a figure had on drawn samples.

    Args:
        values: One for each drawing; those that are not finite are left out.
        samples: The number of samples.

    Returns:
        None for fewer than three samples or values.
    """
    values = values[np.isfinite(values)]
    if samples < _FEW or len(values) < _FEW:
        return None
    share = _share_outside(samples)
    low, high = np.quantile(values, (share, 1 - share))
    return Interval(float(low), float(high))


def exact_share(share: float, samples: int) -> Interval:
    """The interval of a share that is 0 or 1, of which no drawing can differ (Clopper and Pearson 1934)."""
    least = ((1 - LEVEL) / 2) ** (1 / samples)
    return Interval(least, 1.0) if share == 1 else Interval(0.0, 1 - least)


def _share_outside(samples: int) -> float:
    """The share that the normal distribution has beyond Student's quantile, on one side."""
    quantile = (samples / (samples - 1)) ** 0.5 * _student_quantile(samples - 1)
    return math.erfc(quantile / math.sqrt(2)) / 2


def _student_quantile(freedom: int) -> float:
    """The quantile of Student's t (Fisher and Cornish 1960), to three digits from three degrees of freedom on."""
    z = _NORMAL_QUANTILE
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
