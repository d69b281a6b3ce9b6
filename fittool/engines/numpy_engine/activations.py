"""Activations and their derivatives on arrays of any shape, in float32 or float64.

`forward(x, out)` and `backward(x, y, dy, out)` write into `out`, which may be `x` or `dy` itself. Where a derivative can be
told from y alone (`from_output`), y may have overwritten x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.kernels import arithmetic
from fittool.nn.activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, SHRINK_LIMIT, sigmoid, softmax

Floats = NDArray[Any]
Function = Callable[[Floats], Any]
Kernel = tuple[str, float, float]

_ZEROS_LIMIT = 1 << 16  # above, one row of zeros is repeated: zeros as large as x would push it out of the cache
# For z ≥ 0 and t = 2 / (2 + z), log(erfc(z) · exp(z²) / t) is a smooth function of t on (0, 1]. The coefficients are its
# Chebyshev series there, worked out with 40 digits from the interpolation at 64 Chebyshev nodes; cut after 24 terms it gives
# the distribution function within 1e-15, after 10 terms within 3e-8.
_ERFC_SERIES = (
    -0.6513268598908547, 0.64196979235649021, 0.019476473204185836, -0.0095615147868086323, -0.00094659534448203692,
    0.00036683949785276145, 4.2523324806907769e-05, -2.0278578112534242e-05, -1.6242900046470256e-06, 1.3036558355805232e-06,
    1.5626441722066142e-08, -8.5238095914926541e-08, 6.5290544390988515e-09, 5.0593434955514693e-09, -9.9136415649303307e-10,
    -2.273651222931836e-10, 9.6467911020155283e-11, 2.3940380830391049e-12, -6.8860275264975435e-12, 8.9448792730906304e-13,
    3.1309213993430525e-13, -1.1270822361368182e-13, 3.8109052552808967e-16, 7.1060976136002078e-15,
)  # fmt: skip
_SINGLE_TERMS = 10


@dataclass(frozen=True)
class ActivationFunction:
    """A pair of functions that write into their last argument.

    Attributes:
        forward: `forward(x, out)`; `out` may be `x` if `from_output`.
        backward: `backward(x, y, dy, out)`; `out` may be `dy`. With `from_output`, x is not read.
        from_output: Whether the derivative is told from y alone.
        kernel: The kernel's name for it, where one computes it, and its factors below and above 0.
    """

    forward: Callable[[Floats, Floats], object]
    backward: Callable[[Floats, Floats, Floats, Floats], object]
    from_output: bool
    kernel: Kernel | None = None


def _by_output(forward: Callable[[Floats, Floats], object], slope: Function, kernel: Kernel | None = None) -> ActivationFunction:
    """An activation whose derivative at x is `slope(y)`."""
    return ActivationFunction(forward, lambda x, y, dy, out: np.multiply(dy, slope(y), out), True, kernel)


def _by_input(value: Function, slope: Function, kernel: Kernel | None = None) -> ActivationFunction:
    """An activation that needs x again for its derivative, `slope(x)`."""
    return ActivationFunction(
        lambda x, out: np.copyto(out, value(x)), lambda x, y, dy, out: np.multiply(dy, slope(x), out), False, kernel
    )


@lru_cache(maxsize=64)
def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
    zeros = np.zeros(shape, dtype)
    zeros.flags.writeable = False
    return zeros


def _relu(x: Floats, out: Floats) -> None:
    # NumPy's maximum of two arrays is five times as fast as that of an array and a number.
    np.maximum(x, _zeros(x.shape if x.size <= _ZEROS_LIMIT else x.shape[1:], x.dtype), out=out)


def _relu_backward(x: Floats, y: Floats, dy: Floats, out: Floats) -> None:
    # y is never negative, so the sign of its bits read as a whole number is 1 where it is positive, else 0; multiplying
    # dy's bits by it keeps or clears them. Half the time of multiplying by a boolean mask, which NumPy converts first.
    integer = np.int32 if y.dtype == np.float32 else np.int64
    np.multiply(dy.view(integer), np.sign(y.view(integer)), out.view(integer))


def _softplus(x: Floats, out: Floats) -> None:
    small = arithmetic.log1p(arithmetic.exp(-np.abs(x)))
    np.maximum(x, 0, out=out)
    np.add(out, small, out)


def _log_sigmoid(x: Floats, out: Floats) -> None:
    small = arithmetic.log1p(arithmetic.exp(-np.abs(x)))
    np.minimum(x, 0, out=out)
    np.subtract(out, small, out)


def _squareplus(x: Floats, out: Floats) -> None:
    larger = 0.5 * (np.sqrt(x * x + 4) + np.abs(x))  # the two roots' product is 1, so the smaller one needs no subtraction
    np.copyto(out, np.where(x < 0, 1 / larger, larger))


def _sparse_plus(x: Floats, out: Floats) -> None:
    bent = np.maximum(x + 1, 0) ** 2 * 0.25
    np.copyto(out, np.where(x < 1, bent, x))


def clip_linear(slope: float, offset: float, low: float, high: float) -> ActivationFunction:
    """`slope · x + offset`, kept between `low` and `high`; flat at both."""

    def forward(x: Floats, out: Floats) -> None:
        np.multiply(x, slope, out)
        np.add(out, offset, out)
        np.clip(out, low, high, out=out)

    return _by_output(forward, lambda y: ((y > low) & (y < high)) * y.dtype.type(slope))


def leaky_relu(negative_slope: float) -> ActivationFunction:
    """`x` where it is positive, `negative_slope · x` elsewhere."""
    # The larger of x and slope · x is the right branch on both sides of 0, unless the slope is above 1; then the smaller is.
    choose = np.maximum if negative_slope <= 1 else np.minimum

    def slope(y: Floats) -> Any:
        return np.where(y > 0, y.dtype.type(1), y.dtype.type(negative_slope))

    return _by_output(lambda x, out: choose(x, x * negative_slope, out=out), slope)


def elu(alpha: float = 1.0, scale: float = 1.0) -> ActivationFunction:
    """`scale · x` where x is positive, `scale · alpha · (exp(x) - 1)` elsewhere."""

    def forward(x: Floats, out: Floats) -> None:
        below = arithmetic.expm1(np.minimum(x, 0)) * (alpha * scale)
        np.maximum(x, 0, out=out)
        np.multiply(out, scale, out)
        np.add(out, below, out)

    return _by_output(forward, lambda y: np.where(y > 0, y.dtype.type(scale), y + scale * alpha), ("elu", scale * alpha, scale))


def relu(max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0) -> ActivationFunction:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope · (x - threshold)`."""
    if max_value is None and threshold == 0:
        return leaky_relu(negative_slope) if negative_slope else RELU
    top = math.inf if max_value is None else max_value

    def value(x: Floats) -> Floats:
        return np.where(x > threshold, np.minimum(x, top), negative_slope * np.minimum(x - threshold, 0))

    def slope(x: Floats) -> Floats:
        return np.where(x > threshold, (x < top).astype(x.dtype), x.dtype.type(negative_slope))

    return _by_input(value, slope)


def normal_distribution(x: NDArray[Any]) -> NDArray[Any]:
    """The probability that a standard normal number is at most x, (…), which NumPy lacks: (…), of x's dtype."""
    series = _ERFC_SERIES[:_SINGLE_TERMS] if x.dtype == np.float32 else _ERFC_SERIES
    z = np.abs(x) * math.sqrt(0.5)
    t = 2 / (2 + z)
    twice = 4 * t - 2  # twice the argument 2t - 1 of the series
    last, before = np.zeros_like(t), np.zeros_like(t)
    for coefficient in series[:0:-1]:  # Clenshaw's recurrence
        last, before = twice * last - before + coefficient, last
    tail = t * arithmetic.exp(twice * 0.5 * last - before + series[0] - z * z) * 0.5
    result: NDArray[Any] = np.where(x > 0, 1 - tail, tail)
    return result


def normal_density(x: NDArray[Any]) -> NDArray[Any]:
    """The density of the standard normal distribution at x, (…): (…), of its dtype."""
    result: NDArray[Any] = arithmetic.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    return result


def _gelu_slope(x: Floats) -> Any:
    return normal_distribution(x) + x * normal_density(x)


def gelu(approximate: bool = False) -> ActivationFunction:
    """`x` times the normal distribution function at x, or times its approximation by a tanh (Hendrycks and Gimpel 2016)."""
    if not approximate:
        return _by_input(lambda x: x * normal_distribution(x), _gelu_slope, ("gelu", 0, 0))
    factor, cubic = math.sqrt(2 / math.pi), 0.044715

    def bent(x: Floats) -> Floats:
        result: Floats = arithmetic.tanh((x * x * x * cubic + x) * factor)
        return result

    def slope(x: Floats) -> Any:
        t = bent(x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * factor * (1 + 3 * cubic * x * x)

    return _by_input(lambda x: 0.5 * x * (1 + bent(x)), slope, ("gelu by tanh", 0, 0))


def softmax_along(axis: int = -1) -> ActivationFunction:
    """`exp(x) / Σ exp(x)` along an axis of the array, the batch axis being 0."""

    def backward(x: Floats, y: Floats, dy: Floats, out: Floats) -> None:
        mean = arithmetic.sum(dy * y, axis, keepdims=True)
        np.subtract(dy, mean, out)
        np.multiply(out, y, out)

    return ActivationFunction(lambda x, out: softmax(x, out, axis), backward, True)


def _log_softmax(x: Floats, out: Floats) -> None:
    np.subtract(x, x.max(axis=-1, keepdims=True), out)
    np.subtract(out, arithmetic.log(arithmetic.sum(arithmetic.exp(out), -1, keepdims=True)), out)


def _log_softmax_backward(x: Floats, y: Floats, dy: Floats, out: Floats) -> None:
    np.subtract(dy, arithmetic.exp(y) * arithmetic.sum(dy, -1, keepdims=True), out)


def _sparsemax(x: Floats, out: Floats) -> None:
    """The nearest point to x on the probability simplex (Martins and Astudillo 2016, algorithm 1)."""
    falling = -np.sort(-x, axis=-1)
    ranks = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    excess = falling.cumsum(axis=-1) - 1
    count = (ranks * falling > excess).sum(axis=-1, keepdims=True)
    np.subtract(x, np.take_along_axis(excess, count - 1, -1) / count.astype(x.dtype), out)
    np.maximum(out, 0, out=out)


def _sparsemax_backward(x: Floats, y: Floats, dy: Floats, out: Floats) -> None:
    support = y > 0
    mean = arithmetic.sum(dy * support, -1, keepdims=True) / support.sum(axis=-1, keepdims=True).astype(y.dtype)
    np.subtract(dy, mean, out)
    np.multiply(out, support, out)


def _silu_slope(x: Floats) -> Any:
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def _mish_tanh(x: Floats) -> Any:
    """tanh(softplus(x)), with u = exp(-|x|) as a ratio that cannot overflow."""
    u = arithmetic.exp(-np.abs(x))
    return np.where(x < 0, u * (u + 2) / (u * (u + 2) + 2), (1 + 2 * u) / (1 + 2 * u + 2 * u * u))


def _mish_slope(x: Floats) -> Any:
    t = _mish_tanh(x)
    return t + x * (1 - t * t) * sigmoid(x)


def _hard_sigmoid(x: Floats) -> Any:
    return np.clip(x * (1 / 6) + 0.5, 0, 1)


RELU = ActivationFunction(_relu, _relu_backward, True)

ACTIVATIONS: dict[str, ActivationFunction] = {
    "linear": ActivationFunction(lambda x, out: np.copyto(out, x), lambda x, y, dy, out: np.copyto(out, dy), True),
    "relu": RELU,
    "relu6": clip_linear(1.0, 0.0, 0.0, 6.0),
    "leaky_relu": leaky_relu(LEAKY_SLOPE),
    "elu": elu(),
    "celu": elu(),
    "selu": elu(SELU_ALPHA, SELU_SCALE),
    "gelu": gelu(),
    "silu": _by_input(lambda x: x * sigmoid(x), _silu_slope, ("silu", 0, 0)),
    "mish": _by_input(lambda x: x * _mish_tanh(x), _mish_slope, ("mish", 0, 0)),
    "softplus": _by_output(_softplus, lambda y: -arithmetic.expm1(-y), ("softplus", 0, 0)),
    "softsign": _by_output(lambda x, out: np.divide(x, np.abs(x) + 1, out), lambda y: np.square(1 - np.abs(y))),
    "squareplus": _by_output(_squareplus, lambda y: y * y / (y * y + 1)),
    "sparse_plus": _by_output(_sparse_plus, lambda y: np.minimum(np.sqrt(y), 1)),
    "sigmoid": _by_output(sigmoid, lambda y: y * (1 - y)),
    "log_sigmoid": _by_output(_log_sigmoid, lambda y: -arithmetic.expm1(y)),
    "hard_sigmoid": clip_linear(1 / 6, 0.5, 0.0, 1.0),
    "sparse_sigmoid": clip_linear(0.5, 0.5, 0.0, 1.0),
    "hard_silu": _by_input(lambda x: x * _hard_sigmoid(x), lambda x: _hard_sigmoid(x) + x * (np.abs(x) < 3) * (1 / 6)),
    "tanh": _by_output(lambda x, out: arithmetic.tanh(x, out), lambda y: 1 - y * y),
    "hard_tanh": clip_linear(1.0, 0.0, -1.0, 1.0),
    "tanh_shrink": _by_input(lambda x: x - arithmetic.tanh(x), lambda x: np.square(arithmetic.tanh(x))),
    "soft_shrink": _by_output(lambda x, out: np.subtract(x, np.clip(x, -SHRINK_LIMIT, SHRINK_LIMIT), out), lambda y: y != 0),
    "hard_shrink": _by_output(lambda x, out: np.multiply(x, np.abs(x) > SHRINK_LIMIT, out), lambda y: y != 0),
    "exponential": _by_output(lambda x, out: arithmetic.exp(x, out), lambda y: y),
    "softmax": softmax_along(),
    "log_softmax": ActivationFunction(_log_softmax, _log_softmax_backward, True),
    "sparsemax": ActivationFunction(_sparsemax, _sparsemax_backward, True),
}
"""Every activation of `fittool.nn.activations` by its first name."""

_MAKERS: dict[str, Callable[..., ActivationFunction]] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "softmax": softmax_along,
}


def activation(name: str, **options: Any) -> ActivationFunction:
    """The function behind a name of `fittool.nn.activations`; options as in the activation layers' settings."""
    return _MAKERS[name](**options) if options else ACTIVATIONS[name]
