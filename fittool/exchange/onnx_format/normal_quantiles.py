"""The ranks of numbers among a column's quantiles, as quantiles of the normal distribution: the scale `quantile`, in ONNX."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool.data.tables.normal_distribution import CENTRAL, FAR_TAIL, TAIL
from fittool.exchange.onnx_format.writer import GraphWriter

_EDGE = 1e-7


def to_normal(graph: GraphWriter, values: str, quantiles: NDArray[np.float64]) -> str:
    """(N, 1) float64 values of a normal distribution that have the rank of these among (q,) quantiles.

    Of equal numbers the middle rank: between the last quantile below and the first above.
    """
    ranks = np.linspace(0, 1, len(quantiles))
    upper, lower = (
        _interpolate(graph, values, quantiles, ranks, "LessOrEqual"),
        _interpolate(graph, values, quantiles, ranks, "Less"),
    )
    middle = graph.add("Mul", graph.add("Add", upper, lower), _number(graph, 0.5))
    first, last = np.searchsorted(quantiles, quantiles[0], "right") - 1, np.searchsorted(quantiles, quantiles[-1], "left")
    edges = [(quantiles[0], (ranks[0] + ranks[first]) / 2)]
    edges += [(quantiles[-1], (ranks[last] + ranks[-1]) / 2)] if quantiles[-1] > quantiles[0] else []
    for edge, rank in edges:
        middle = graph.add("Where", graph.add("Equal", values, _number(graph, edge)), _number(graph, rank), middle)
    return _quantile(graph, graph.add("Clip", middle, _number(graph, _EDGE), _number(graph, 1 - _EDGE)))


def _number(graph: GraphWriter, value: float) -> str:
    return graph.constant(value, np.float64, "number")


def _interpolate(graph: GraphWriter, values: str, quantiles: NDArray[np.float64], ranks: NDArray[np.float64], kind: str) -> str:
    """The rank on the line between two neighbours; of numbers that equal a quantile its last rank, or with `Less` its first."""
    count = len(quantiles)
    if count == 1:
        return graph.add("Mul", values, _number(graph, 0.0))
    below = graph.add(kind, graph.constant(quantiles[np.newaxis]), values)
    amount = graph.add("ReduceSum", graph.cast(below, np.int64), graph.ints(1), keepdims=1)
    place = graph.add("Clip", amount, graph.constant(1, np.int64), graph.constant(count - 1, np.int64))
    before = graph.add("Sub", place, graph.ints(1))
    start = graph.add("Gather", graph.constant(quantiles), before)
    widths = np.diff(quantiles)
    slopes = np.divide(np.diff(ranks), widths, out=np.zeros(count - 1), where=widths > 0)
    step = graph.add("Mul", graph.add("Sub", values, start), graph.add("Gather", graph.constant(slopes), before))
    rank = graph.add("Add", graph.add("Gather", graph.constant(ranks), before), step)
    return graph.add("Clip", rank, _number(graph, 0.0), _number(graph, 1.0))


def _quantile(graph: GraphWriter, probability: str) -> str:
    """The quantile of the normal distribution, Wichura's algorithm AS 241 as `normal_distribution` has it."""
    half = graph.add("Sub", probability, _number(graph, 0.5))
    square = graph.add("Mul", half, half)
    central = graph.add("Mul", half, _ratio(graph, CENTRAL, graph.add("Sub", _number(graph, 0.180625), square)))
    least = graph.add("Min", probability, graph.add("Sub", _number(graph, 1.0), probability))
    tail = graph.add("Sqrt", graph.add("Neg", graph.add("Log", least)))
    near, far = (
        _ratio(graph, polynomials, graph.add("Sub", tail, _number(graph, start)))
        for polynomials, start in ((TAIL, 1.6), (FAR_TAIL, 5.0))
    )
    size = graph.add("Where", graph.add("LessOrEqual", tail, _number(graph, 5.0)), near, far)
    is_below = graph.add("Less", half, _number(graph, 0.0))
    signed = graph.add("Where", is_below, graph.add("Neg", size), size)
    is_central = graph.add("LessOrEqual", graph.add("Abs", half), _number(graph, 0.425))
    return graph.add("Where", is_central, central, signed)


def _ratio(graph: GraphWriter, polynomials: tuple[tuple[float, ...], tuple[float, ...]], at: str) -> str:
    above, below = (_polynomial(graph, coefficients, at) for coefficients in polynomials)
    return graph.add("Div", above, below)


def _polynomial(graph: GraphWriter, coefficients: tuple[float, ...], at: str) -> str:
    first, second, *others = coefficients
    value = graph.add("Add", graph.add("Mul", at, _number(graph, first)), _number(graph, second))
    for coefficient in others:
        value = graph.add("Add", graph.add("Mul", value, at), _number(graph, coefficient))
    return value
