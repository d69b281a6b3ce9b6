"""Activations as ONNX operations, with the numbers that Keras's names stand for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fittool.exchange.onnx_format.writer import GraphWriter, Value
from fittool.nn.activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE, SHRINK_LIMIT

Activation: TypeAlias = Callable[[GraphWriter, Value], str]
"""Writes an activation of an array, and gives the name of the result, which has the array's layout."""


def _number(graph: GraphWriter, value: float) -> str:
    return graph.constant(value, np.float32, "number")


def _one(kind: str, **attributes: Any) -> Activation:
    """A single operation."""
    return lambda graph, x: graph.add(kind, x.name, **attributes)


def clip(low: float, high: float) -> Activation:
    """The array kept between two numbers."""
    return lambda graph, x: graph.add("Clip", x.name, _number(graph, low), _number(graph, high))


def relu(max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0) -> Activation:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope · (x - threshold)`."""
    if threshold == 0 and max_value is None:
        return _one("LeakyRelu", alpha=negative_slope) if negative_slope else _one("Relu")
    if threshold == 0 and not negative_slope:
        return clip(0.0, float(max_value or 0.0))

    def bent(graph: GraphWriter, x: Value) -> str:
        edge = _number(graph, threshold)
        above = x.name if max_value is None else graph.add("Min", x.name, _number(graph, max_value))
        below = graph.add("Mul", graph.add("Sub", x.name, edge), _number(graph, negative_slope))
        return graph.add("Where", graph.add("Greater", x.name, edge), above, below)

    return bent


def softmax(place: int | None = None, kind: str = "Softmax") -> Activation:
    """`exp(x) / Σ exp(x)` along a place in the shape, by default the last."""
    return lambda graph, x: graph.add(kind, x.name, axis=x.axis(len(x.shape) - 1 if place is None else place))


def gelu(approximate: bool = False) -> Activation:
    """`x` times the normal distribution function at x, or times its approximation by a tanh (Hendrycks and Gimpel 2016)."""

    def exact(graph: GraphWriter, x: Value) -> str:
        inner = graph.add("Erf", graph.add("Mul", x.name, _number(graph, math.sqrt(0.5))))
        return _half_of(graph, x, inner)

    def by_tanh(graph: GraphWriter, x: Value) -> str:
        cube = graph.add("Mul", graph.add("Mul", x.name, x.name), x.name)
        bent = graph.add("Add", x.name, graph.add("Mul", cube, _number(graph, 0.044715)))
        return _half_of(graph, x, graph.add("Tanh", graph.add("Mul", bent, _number(graph, math.sqrt(2 / math.pi)))))

    return by_tanh if approximate else exact


def _half_of(graph: GraphWriter, x: Value, inner: str) -> str:
    """`x · (1 + inner) / 2`."""
    return graph.add("Mul", graph.add("Mul", x.name, _number(graph, 0.5)), graph.add("Add", inner, _number(graph, 1.0)))


def _times(factor: Activation) -> Activation:
    """The array times a function of it."""
    return lambda graph, x: graph.add("Mul", x.name, factor(graph, x))


def _mish(graph: GraphWriter, x: Value) -> str:
    return graph.add("Mul", x.name, graph.add("Tanh", graph.add("Softplus", x.name)))


def _log_sigmoid(graph: GraphWriter, x: Value) -> str:
    return graph.add("Neg", graph.add("Softplus", graph.add("Neg", x.name)))


def _tanh_shrink(graph: GraphWriter, x: Value) -> str:
    return graph.add("Sub", x.name, graph.add("Tanh", x.name))


def _squareplus(graph: GraphWriter, x: Value) -> str:
    """`(x + √(x² + 4)) / 2`, for x below 0 as `2 / (√(x² + 4) - x)`, where the first form would lose digits."""
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", x.name, x.name), _number(graph, 4.0)))
    below = graph.add("Div", _number(graph, 2.0), graph.add("Sub", root, x.name))
    above = graph.add("Mul", graph.add("Add", root, x.name), _number(graph, 0.5))
    return graph.add("Where", graph.add("Less", x.name, _number(graph, 0.0)), below, above)


def _sparse_plus(graph: GraphWriter, x: Value) -> str:
    """`x` from 1 on, `(x + 1)² / 4` between -1 and 1, 0 below."""
    bent = graph.add("Relu", graph.add("Add", x.name, _number(graph, 1.0)))
    curve = graph.add("Mul", graph.add("Mul", bent, bent), _number(graph, 0.25))
    return graph.add("Where", graph.add("Less", x.name, _number(graph, 1.0)), curve, x.name)


def _sparsemax(graph: GraphWriter, x: Value) -> str:
    """The nearest point to x on the probability simplex (Martins and Astudillo 2016, algorithm 1)."""
    size, axis = x.shape[-1], x.axis(len(x.shape) - 1)
    falling, _ = graph.add_several("TopK", (x.name, graph.ints(size)), 2, axis=axis)
    shape = [1] * (len(x.shape) + 1)
    shape[axis] = size
    ranks = graph.constant(np.arange(1, size + 1, dtype=np.float32).reshape(shape))
    one = _number(graph, 1.0)
    excess = graph.add("Sub", graph.add("CumSum", falling, graph.constant(axis, np.int64)), one)
    holds = graph.cast(graph.add("Greater", graph.add("Mul", ranks, falling), excess), np.int64)
    count = graph.add("ReduceSum", holds, graph.ints(axis), keepdims=1)
    last = graph.add("GatherElements", excess, graph.add("Sub", count, graph.ints(1)), axis=axis)
    level = graph.add("Div", last, graph.cast(count, np.float32))
    return graph.add("Relu", graph.add("Sub", x.name, level))


_HARD_SIGMOID = _one("HardSigmoid", alpha=1 / 6, beta=0.5)  # ONNX's own default for alpha is a fifth

ACTIVATIONS: dict[str, Activation] = {
    "linear": lambda graph, x: x.name,
    "relu": relu(),
    "relu6": clip(0.0, 6.0),
    "leaky_relu": relu(negative_slope=LEAKY_SLOPE),
    "elu": _one("Elu", alpha=1.0),
    "celu": _one("Elu", alpha=1.0),
    "selu": _one("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "gelu": gelu(),
    "silu": _times(_one("Sigmoid")),
    "mish": _mish,
    "softplus": _one("Softplus"),
    "softsign": _one("Softsign"),
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sigmoid": _one("Sigmoid"),
    "log_sigmoid": _log_sigmoid,
    "hard_sigmoid": _HARD_SIGMOID,
    "sparse_sigmoid": _one("HardSigmoid", alpha=0.5, beta=0.5),
    "hard_silu": _times(_HARD_SIGMOID),
    "tanh": _one("Tanh"),
    "hard_tanh": clip(-1.0, 1.0),
    "tanh_shrink": _tanh_shrink,
    "soft_shrink": _one("Shrink", lambd=SHRINK_LIMIT, bias=SHRINK_LIMIT),
    "hard_shrink": _one("Shrink", lambd=SHRINK_LIMIT, bias=0.0),
    "exponential": _one("Exp"),
    "softmax": softmax(),
    "log_softmax": softmax(kind="LogSoftmax"),
    "sparsemax": _sparsemax,
}
"""Every activation of `fittool.nn.activations` by its first name."""


def elu(alpha: float) -> Activation:
    """`x` where it is positive, `alpha · (exp(x) - 1)` elsewhere."""
    return _one("Elu", alpha=alpha)
