"""Recurrent layers step by step, for activations that ONNX's own recurrences do not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fittool.exchange.onnx_format.activations import ACTIVATIONS
from fittool.exchange.onnx_format.site import Site
from fittool.exchange.onnx_format.writer import Value
from fittool.exchange.trained_network import refusal

MOST_STEPS = 256
"""Longer sequences would make graphs of many thousand operations."""

States: TypeAlias = tuple[str, ...]
"""The states after a step, the one that is the output first."""


def unrolled_walk(site: Site, layer: Any, x: Value, prefix: str, *, backwards: bool) -> list[str]:
    """The outputs (N, units) of all steps, in the order of the walk.

    Args:
        site: The layer's place.
        layer: The recurrent layer.
        x: Sequences (T, C).
        prefix: Of its weights' names.
        backwards: Whether it walks from the last step to the first.

    Raises:
        ExportError: There are too many steps.
    """
    graph, (steps, _) = site.graph, x.shape
    if steps > MOST_STEPS:
        text = f"ONNX's recurrences do not know its activations, and {steps} steps are too many to write out one by one"
        raise refusal(site.node, f"{text}; up to {MOST_STEPS} are.")
    kernel = site.constant(site.weight(f"{prefix}kernel"), "kernel")
    projected = graph.add("MatMul", graph.channels_last(x).name, kernel)
    if layer.use_bias:
        bias = site.weight(f"{prefix}bias")
        projected = graph.add("Add", projected, site.constant(bias if bias.ndim == 1 else bias[0], "bias"))
    cell = _Cell(site, layer, prefix)
    states: States = (site.constant(np.zeros((1, layer.units))),) * (2 if type(layer).__name__ == "LSTM" else 1)
    outputs = []
    for step in range(steps)[:: -1 if backwards else 1]:
        states = cell.step(graph.add("Gather", projected, graph.constant(step, np.int64), axis=1), states)
        outputs.append(states[0])
    return outputs


class _Cell:
    """The step of a layer; the gates lie as in Keras: i, f, c, o of an LSTM, z, r, h of a GRU.

    Args:
        site: The layer's place.
        layer: The recurrent layer.
        prefix: Of its weights' names.
    """

    def __init__(self, site: Site, layer: Any, prefix: str) -> None:
        self._site, self._graph, self._units = site, site.graph, layer.units
        self._kernel = site.weight(f"{prefix}recurrent_kernel")
        self._bias = site.weight(f"{prefix}bias") if layer.use_bias else None
        self._names = layer.activation or "linear", getattr(layer, "recurrent_activation", None) or "linear"
        kind = type(layer).__name__
        kinds: dict[str, Callable[[str, States], States]] = {"SimpleRNN": self._simple, "LSTM": self._long_short_term}
        self.step = kinds.get(kind) or (self._reset_after if layer.reset_after else self._reset_before)

    def _call(self, kind: str, x: str, y: str) -> str:
        return self._graph.add(kind, x, y)

    def _activate(self, x: str) -> str:
        return ACTIVATIONS[self._names[0]](self._graph, Value(x, (self._units,)))

    def _gate(self, x: str) -> str:
        return ACTIVATIONS[self._names[1]](self._graph, Value(x, (self._units,)))

    def _product(self, state: str, part: slice = slice(None)) -> str:
        return self._call("MatMul", state, self._site.constant(self._kernel[:, part], "recurrent_kernel"))

    def _parts(self, x: str, count: int) -> list[str]:
        return self._graph.add_several("Split", [x, self._graph.ints(*[self._units] * count)], count, axis=-1)

    def _simple(self, projected: str, states: States) -> States:
        return (self._activate(self._call("Add", projected, self._product(states[0]))),)

    def _long_short_term(self, projected: str, states: States) -> States:
        let_in, kept, new, let_out = self._parts(self._call("Add", projected, self._product(states[0])), 4)
        fresh = self._call("Mul", self._gate(let_in), self._activate(new))
        carry = self._call("Add", self._call("Mul", self._gate(kept), states[1]), fresh)
        return self._call("Mul", self._gate(let_out), self._activate(carry)), carry

    def _reset_after(self, projected: str, states: States) -> States:
        product = self._product(states[0])
        if self._bias is not None:
            product = self._call("Add", product, self._site.constant(self._bias[1], "recurrent_bias"))
        (keep, reset, new), (keep_of, reset_of, new_of) = self._parts(projected, 3), self._parts(product, 3)
        kept, opened = self._gate(self._call("Add", keep, keep_of)), self._gate(self._call("Add", reset, reset_of))
        candidate = self._activate(self._call("Add", new, self._call("Mul", opened, new_of)))
        return (self._mix(kept, states[0], candidate),)

    def _reset_before(self, projected: str, states: States) -> States:
        keep, reset, new = self._parts(projected, 3)
        keep_of, reset_of = self._parts(self._product(states[0], slice(2 * self._units)), 2)
        kept, opened = self._gate(self._call("Add", keep, keep_of)), self._gate(self._call("Add", reset, reset_of))
        product = self._product(self._call("Mul", opened, states[0]), slice(2 * self._units, None))
        return (self._mix(kept, states[0], self._activate(self._call("Add", new, product))),)

    def _mix(self, kept: str, state: str, candidate: str) -> str:
        """`z · state + (1 - z) · candidate`."""
        other = self._call("Sub", self._site.constant(1.0), kept)
        return self._call("Add", self._call("Mul", kept, state), self._call("Mul", other, candidate))
