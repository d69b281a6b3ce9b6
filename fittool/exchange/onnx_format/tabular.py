"""The layers on the features of a table, (N, F)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fittool.exchange.onnx_format.site import Site
from fittool.exchange.onnx_format.writer import Value


def _columns(site: Site, x: Value, places: tuple[int, ...]) -> str:
    """(N, K) of some columns."""
    return x.name if places == tuple(range(x.shape[0])) else site.graph.add("Gather", x.name, site.graph.ints(*places), axis=1)


def column_embedding(site: Site, layer: Any, x: list[Value]) -> Value:
    """The columns that are no codes, and behind them the vector of each code."""
    graph = site.graph
    others = tuple(place for place in range(x[0].shape[0]) if place not in layer.columns)
    parts = [_columns(site, x[0], others)] if others else []
    for number, place in enumerate(layer.columns):
        codes = graph.cast(graph.add("Gather", x[0].name, graph.constant(place, np.int64), axis=1), np.int64)
        table = site.constant(site.weight(f"embeddings_{number}"), f"embeddings_{number}")
        parts.append(graph.add("Gather", table, codes))
    return site.value(parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1))


def robust_scaling(site: Site, layer: Any, x: list[Value]) -> Value:
    """K columns centred, scaled and smoothly limited; the others pass."""
    graph, numbers = site.graph, layer.numbers(site.node.input_shapes)
    taken = graph.add("Sub", _columns(site, x[0], numbers), site.constant(site.weight("center"), "center"))
    scaled = graph.add("Mul", taken, site.constant(site.weight("scale"), "scale"))
    if layer.limit is not None:
        share = graph.add("Mul", scaled, site.constant(1 / layer.limit, "limit"))
        root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", share, share), site.constant(1.0)))
        scaled = graph.add("Div", scaled, root)
    if numbers == tuple(range(x[0].shape[0])):
        return site.value(scaled)
    others = tuple(place for place in range(x[0].shape[0]) if place not in numbers)
    joined = graph.add("Concat", scaled, _columns(site, x[0], others), axis=1) if others else scaled
    places = [(*numbers, *others).index(place) for place in range(x[0].shape[0])]
    return site.value(graph.add("Gather", joined, graph.ints(*places), axis=1))


def piecewise_linear_embedding(site: Site, layer: Any, x: list[Value]) -> Value:
    """The features, and behind them for each of K columns the fillings (N, T) of its bins times its kernel (T, D)."""
    graph, numbers = site.graph, layer.numbers(site.node.input_shapes)
    edges = site.weight("edges")
    widths = edges[:, 1:] - edges[:, :-1]
    slopes = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)  # nothing fills a bin of no width
    values = graph.add("Unsqueeze", _columns(site, x[0], numbers), graph.ints(2))
    shares = graph.add("Mul", graph.add("Sub", values, site.constant(edges[:, :-1], "edges")), site.constant(slopes, "slopes"))
    fillings = graph.add("Clip", shares, site.constant(0.0), site.constant(1.0))
    vectors = graph.add("MatMul", graph.turn(fillings, (1, 0, 2)), site.constant(site.weight("kernel"), "kernel"))
    flat = graph.reshape(graph.turn(vectors, (1, 0, 2)), len(numbers) * layer.output_dim)
    return site.value(graph.add("Concat", x[0].name, flat, axis=1))
