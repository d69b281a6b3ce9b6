"""The recurrent layers: all steps' inputs are projected in one product, then a loop of small ones carries the state on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fittool.engines.torch_engine.activations import ACTIVATIONS, Function
from fittool.engines.torch_engine.operations.base import Call, Weights
from fittool.engines.torch_engine.step import StepContext
from fittool.nn import layers as nn
from fittool.nn.graph import Node

Cell = Callable[[Tensor, tuple[Tensor, ...], Tensor | None], tuple[Tensor, ...]]
"""`cell(projected, states, mask)` gives the states after one step, the one that is the output first, each (N, units).

projected: (N, gates · units), the step's input times the kernel, plus the bias. mask: (N, units), what the recurrent product's
view of the state is multiplied by, or None.
"""

_USES, _TURNED_USES = (0, 1), (2, 3)
"""The streams of a layer's random numbers: for its inputs and for its state; of a bidirectional layer's second walk, likewise."""


def recurrent(node: Node, layer: Any, weights: Weights) -> Call:
    """One walk."""
    return _walk(node, layer, weights)


def both_ways(node: Node, layer: Any, weights: Weights) -> Call:
    """The walks of a bidirectional layer; the output of the second is turned round, so that the same steps meet."""
    there = _walk(node, layer.layer, weights, "forward_")
    back = _walk(node, layer.backward(), weights, "backward_", turned=True)
    merge: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "concat": lambda first, second: torch.cat([first, second], dim=-1),
        "sum": torch.add,
        "mul": torch.mul,
        "ave": lambda first, second: (first + second) * 0.5,
    }
    return lambda x, context: merge[layer.merge_mode](there(x, context), back(x, context))


def _walk(node: Node, layer: Any, weights: Weights, prefix: str = "", turned: bool = False) -> Call:
    """The dropout of the inputs, if any, and the walk over (T, C) sequences."""
    steps, channels = node.input_shapes[0]
    streams = [node.random_stream("dropout", layer.seed, use) for use in (_TURNED_USES if turned else _USES)]
    kernel, bias = weights(f"{prefix}kernel"), weights(f"{prefix}bias") if layer.use_bias else None
    cell, count = _cell(layer, weights(f"{prefix}recurrent_kernel"), bias)
    times = list(range(steps))[:: -1 if layer.go_backwards else 1]

    def mask(context: StepContext, use: int, rate: float, samples: int, size: int, like: Tensor) -> Tensor | None:
        if not context.training or rate == 0:
            return None
        return context.kept(streams[use], rate, samples, size).to(like.dtype) * (1 / (1 - rate))

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        sequences, samples = x[0], len(x[0])
        dropped = mask(context, 0, layer.dropout, samples, channels, sequences)
        if dropped is not None:
            sequences = sequences * dropped.unsqueeze(1)
        projected = _project(sequences, kernel, bias)
        seen = mask(context, 1, layer.recurrent_dropout, samples, layer.units, projected)
        states = tuple(projected.new_zeros(samples, layer.units) for _ in range(count))
        outputs: list[Tensor] = []
        for step in projected.unbind(1) if times[0] == 0 else projected.flip(1).unbind(1):
            states = cell(step, states, seen)
            outputs.append(states[0])
        if not layer.return_sequences:
            return states[0]
        return torch.stack(outputs[::-1] if turned else outputs, dim=1)

    return call


def _project(sequences: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """(N, T, in) times the kernel, plus the bias of the inputs: (N, T, gates · units)."""
    if bias is None:
        return sequences @ kernel
    rows = torch.addmm(bias if bias.ndim == 1 else bias[0], sequences.reshape(-1, sequences.shape[2]), kernel)
    return rows.view(*sequences.shape[:2], -1)


def _cell(layer: Any, kernel: Tensor, bias: Tensor | None) -> tuple[Cell, int]:
    """The step of a layer, and how many states it carries on."""
    activation = ACTIVATIONS[layer.activation or "linear"]
    gates = ACTIVATIONS[getattr(layer, "recurrent_activation", None) or "linear"]
    if isinstance(layer, nn.LSTM):
        return _long_short_term(kernel, activation, gates), 2
    if isinstance(layer, nn.GRU):
        if layer.reset_after:
            return _reset_after(kernel, bias, activation, gates), 1
        return _reset_before(kernel, activation, gates), 1
    return _simple(kernel, activation), 1


def _seen(state: Tensor, mask: Tensor | None) -> Tensor:
    return state if mask is None else state * mask


def _simple(kernel: Tensor, activation: Function) -> Cell:
    """State = activation(projected + state · recurrent kernel)."""
    return lambda projected, states, mask: (activation(torch.addmm(projected, _seen(states[0], mask), kernel)),)


def _long_short_term(kernel: Tensor, activation: Function, gates: Function) -> Cell:
    """Carry = f · carry + i · c, state = o · activation(carry); the gates lie in the order i, f, c, o."""

    def cell(projected: Tensor, states: tuple[Tensor, ...], mask: Tensor | None) -> tuple[Tensor, ...]:
        let_in, kept, new, let_out = torch.addmm(projected, _seen(states[0], mask), kernel).chunk(4, dim=1)
        carry = gates(kept) * states[1] + gates(let_in) * activation(new)
        return gates(let_out) * activation(carry), carry

    return cell


def _reset_after(kernel: Tensor, bias: Tensor | None, activation: Function, gates: Function) -> Cell:
    """Candidate = activation(projected + r · (state · recurrent kernel + second bias)), as in cuDNN; order z, r, candidate."""

    def cell(projected: Tensor, states: tuple[Tensor, ...], mask: Tensor | None) -> tuple[Tensor, ...]:
        state = _seen(states[0], mask)
        product = state @ kernel if bias is None else torch.addmm(bias[1], state, kernel)
        update, reset, new = projected.chunk(3, dim=1)
        own_update, own_reset, own_new = product.chunk(3, dim=1)
        candidate = activation(new + gates(reset + own_reset) * own_new)
        return (torch.lerp(candidate, states[0], gates(update + own_update)),)

    return cell


def _reset_before(kernel: Tensor, activation: Function, gates: Function) -> Cell:
    """Candidate = activation(projected + (r · state) · recurrent kernel), as first published; order z, r, candidate."""
    both = 2 * kernel.shape[0]

    def cell(projected: Tensor, states: tuple[Tensor, ...], mask: Tensor | None) -> tuple[Tensor, ...]:
        state = _seen(states[0], mask)
        update, reset = gates(torch.addmm(projected[:, :both], state, kernel[:, :both])).chunk(2, dim=1)
        candidate = activation(torch.addmm(projected[:, both:], reset * state, kernel[:, both:]))
        return (torch.lerp(candidate, states[0], update),)

    return cell
