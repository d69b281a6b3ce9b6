"""The recurrent layers as ONNX's RNN, LSTM and GRU, which take sequences (T, N, C)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.onnx_format.site import Site
from fittool.exchange.onnx_format.writer import Value
from fittool.exchange.trained_network import refusal
from fittool.nn.activations import LEAKY_SLOPE

_KNOWN: dict[str, tuple[str, float | None, float | None]] = {
    "linear": ("Affine", 1.0, 0.0),
    "relu": ("Relu", None, None),
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "sparse_sigmoid": ("HardSigmoid", 0.5, 0.5),
    "leaky_relu": ("LeakyRelu", LEAKY_SLOPE, None),
    "elu": ("Elu", 1.0, None),
    "celu": ("Elu", 1.0, None),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
}
"""The activations that ONNX's recurrences know, with their alpha and beta."""
_GATES = {"SimpleRNN": (0,), "LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2)}
"""The places of Keras's gates in ONNX's order: i, f, c, o becomes i, o, f, c."""
_KINDS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
_MERGING = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}


def recurrence(site: Site, layer: Any, x: list[Value]) -> Value:
    """One walk: (T, C) to (units,) or (T, units)."""
    return _walk(site, layer, x[0], [""], None)


def both_ways(site: Site, layer: Any, x: list[Value]) -> Value:
    """Both walks of a bidirectional layer in one operation."""
    return _walk(site, layer.layer, x[0], ["forward_", "backward_"], layer.merge_mode)


def _walk(site: Site, layer: Any, x: Value, prefixes: list[str], merge_mode: str | None) -> Value:
    kind = type(layer).__name__
    weights = [_of_direction(site, layer, kind, prefix) for prefix in prefixes]
    stacked = [np.stack(arrays) for arrays in zip(*weights, strict=True)]
    attributes: dict[str, Any] = {"hidden_size": layer.units, **_activations(site, layer, kind, len(prefixes))}
    if len(prefixes) == 2 or layer.go_backwards:
        attributes["direction"] = "bidirectional" if len(prefixes) == 2 else "reverse"
    if kind == "GRU":
        attributes["linear_before_reset"] = int(layer.reset_after)
    steps = site.graph.turn(site.graph.channels_last(x).name, (1, 0, 2))
    held = [site.constant(array, name) for array, name in zip(stacked, ("kernel", "recurrent_kernel", "bias"), strict=True)]
    whole, last = site.graph.add_several(_KINDS[kind], [steps, *held], 2, **attributes)
    site.graph.forget(last if layer.return_sequences else whole)
    found = _sequences(site, whole, len(prefixes), merge_mode) if layer.return_sequences else _last(site, last, merge_mode)
    if layer.return_sequences and len(prefixes) == 1 and layer.go_backwards:
        found = site.reverse_steps(found)  # ONNX gives the outputs in the order of time, Keras in that of the walk
    return site.value(found)


def _of_direction(site: Site, layer: Any, kind: str, prefix: str) -> list[NDArray[np.float32]]:
    """Kernel (gates · units, in), recurrent kernel (gates · units, units), and both biases behind one another."""
    order, units = list(_GATES[kind]), layer.units

    def turn(array: NDArray[np.float32]) -> NDArray[np.float32]:
        """(…, gates · units) with the gates in ONNX's order."""
        return array.reshape(*array.shape[:-1], len(order), units)[..., order, :].reshape(array.shape)

    kernel, recurrent = (turn(site.weight(f"{prefix}{name}")).T for name in ("kernel", "recurrent_kernel"))
    bias = np.zeros((2, len(order) * units), np.float32)
    if layer.use_bias:
        own = turn(site.weight(f"{prefix}bias"))
        bias[: 1 if own.ndim == 1 else 2] = own
    return [kernel, recurrent, bias.reshape(-1)]


def _activations(site: Site, layer: Any, kind: str, directions: int) -> dict[str, Any]:
    names = [layer.activation or "linear"]
    if kind != "SimpleRNN":
        names = [layer.recurrent_activation or "linear", *names]
    if kind == "LSTM":
        names.append(names[-1])
    unknown = next((name for name in names if name not in _KNOWN), None)
    if unknown is not None:
        text = f"ONNX's {_KINDS[kind]} knows no activation {unknown}; it knows {', '.join(_KNOWN)}."
        raise refusal(site.node, text)
    found = [_KNOWN[name] for name in names] * directions
    alphas, betas = ([one[place] for one in found if one[place] is not None] for place in (1, 2))
    attributes: dict[str, Any] = {"activations": [one[0] for one in found]}
    attributes |= {"activation_alpha": alphas} if alphas else {}
    return attributes | ({"activation_beta": betas} if betas else {})


def _sequences(site: Site, name: str, directions: int, merge_mode: str | None) -> str:
    """(T, directions, N, units) as (N, T, …)."""
    graph, (steps, *size) = site.graph, site.node.output_shape
    if merge_mode in _MERGING:
        return graph.turn(graph.add(_MERGING[merge_mode], name, graph.ints(1), keepdims=0), (1, 0, 2))
    if directions == 1:
        return graph.turn(graph.add("Squeeze", name, graph.ints(1)), (1, 0, 2))
    return graph.reshape(graph.turn(name, (2, 0, 1, 3)), steps, *size)


def _last(site: Site, name: str, merge_mode: str | None) -> str:
    """(directions, N, units) as (N, …)."""
    graph = site.graph
    if merge_mode in _MERGING:
        return graph.add(_MERGING[merge_mode], name, graph.ints(0), keepdims=0)
    if merge_mode is None:
        return graph.add("Squeeze", name, graph.ints(0))
    return graph.reshape(graph.turn(name, (1, 0, 2)), *site.node.output_shape)
