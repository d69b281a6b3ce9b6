"""The normal distribution function, which NumPy lacks.

For z ≥ 0 and t = 2 / (2 + z), log(erfc(z) · exp(z²) / t) is a smooth function of t on (0, 1]. The coefficients are its
Chebyshev series there, worked out with 40 digits from the interpolation at 64 Chebyshev nodes; cut after 24 terms it
gives the distribution function within 1e-15, after 10 terms within 3e-8.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SERIES = (
    -0.6513268598908547, 0.64196979235649021, 0.019476473204185836, -0.0095615147868086323, -0.00094659534448203692,
    0.00036683949785276145, 4.2523324806907769e-05, -2.0278578112534242e-05, -1.6242900046470256e-06, 1.3036558355805232e-06,
    1.5626441722066142e-08, -8.5238095914926541e-08, 6.5290544390988515e-09, 5.0593434955514693e-09, -9.9136415649303307e-10,
    -2.273651222931836e-10, 9.6467911020155283e-11, 2.3940380830391049e-12, -6.8860275264975435e-12, 8.9448792730906304e-13,
    3.1309213993430525e-13, -1.1270822361368182e-13, 3.8109052552808967e-16, 7.1060976136002078e-15,
)  # fmt: skip
_SINGLE_TERMS = 10


def distribution(x: NDArray[Any]) -> NDArray[Any]:
    """The probability that a standard normal number is at most x, in x's dtype."""
    series = _SERIES[:_SINGLE_TERMS] if x.dtype == np.float32 else _SERIES
    z = np.abs(x) * math.sqrt(0.5)
    t = 2 / (2 + z)
    twice = 4 * t - 2  # twice the argument 2t - 1 of the series
    last, before = np.zeros_like(t), np.zeros_like(t)
    for coefficient in series[:0:-1]:  # Clenshaw's recurrence
        last, before = twice * last - before + coefficient, last
    tail = t * np.exp(twice * 0.5 * last - before + series[0] - z * z) * 0.5
    result: NDArray[Any] = np.where(x > 0, 1 - tail, tail)
    return result


def density(x: NDArray[Any]) -> NDArray[Any]:
    """The density of the standard normal distribution at x."""
    result: NDArray[Any] = np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    return result
