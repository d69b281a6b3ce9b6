"""The operations of the recurrent layers; both directions of a bidirectional one are branches of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fittool.engines.numpy_engine.activations import ACTIVATIONS
from fittool.engines.numpy_engine.operations.base import Branch, Steps
from fittool.engines.numpy_engine.operations.elementwise import Dropout, Scaling
from fittool.engines.numpy_engine.operations.merging import Add, Concatenate, Multiply
from fittool.engines.numpy_engine.operations.sequences.gated_recurrent import LongShortTermCell, ResetAfterCell, ResetBeforeCell
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent, SimpleCell, Walk
from fittool.nn import layers as nn
from fittool.nn.graph import Node

_USES, _TURNED_USES = (0, 1), (2, 3)
"""The streams of a layer's random numbers: for its inputs and for its state; of a bidirectional layer's second walk, likewise."""


def _cell(layer: Any) -> Callable[..., Recurrent]:
    if isinstance(layer, nn.GRU):
        return ResetAfterCell if layer.reset_after else ResetBeforeCell
    return LongShortTermCell if isinstance(layer, nn.LSTM) else SimpleCell


def _walk(node: Node, layer: Any, prefix: str = "", turned: bool = False) -> Steps:
    """The dropout of the inputs, if any, and the walk over (T, C) sequences."""
    shape = node.input_shapes[0]
    steps: Steps = []
    inputs, state = (node.random_stream("dropout", layer.seed, use) for use in (_TURNED_USES if turned else _USES))
    if layer.dropout:
        steps.append((Dropout(layer.dropout, (1, shape[1]), inputs), shape))
    walk = Walk(shape[0], shape[1], layer.units, layer.return_sequences, layer.go_backwards, turned, prefix)
    dropout = Dropout(layer.recurrent_dropout, (layer.units,), state) if layer.recurrent_dropout else None
    activation = ACTIVATIONS[layer.activation or "linear"]
    gates = ACTIVATIONS[getattr(layer, "recurrent_activation", None) or "linear"]
    return [*steps, (_cell(layer)(walk, layer.use_bias, activation, gates, dropout), layer.output_shape([shape]))]


def recurrent(node: Node, layer: Any) -> Steps:
    """One walk."""
    return _walk(node, layer)


def both_ways(node: Node, layer: Any) -> tuple[Branch, ...]:
    """The walks of a bidirectional layer; the output of the second is turned round, so that the same steps meet."""
    walks = _walk(node, layer.layer, "forward_"), _walk(node, layer.backward(), "backward_", turned=True)
    return tuple(map(Branch, walks))


def merge_directions(node: Node, layer: Any) -> Steps:
    """The operations that make one output of both walks'."""
    shape, units = node.output_shape, layer.layer.units
    if layer.merge_mode == "concat":
        return [(Concatenate(len(shape) - 1, [units, units]), shape)]
    if layer.merge_mode == "mul":
        return [(Multiply(), shape)]
    return [(Add(), shape), *([(Scaling(0.5, 0), shape)] if layer.merge_mode == "ave" else [])]
