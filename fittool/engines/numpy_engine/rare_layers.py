"""The operations of layers that most networks do without; their modules are imported where a network has one of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fittool.engines.numpy_engine.activations import ACTIVATIONS
from fittool.engines.numpy_engine.operations.attention import Attention
from fittool.engines.numpy_engine.operations.base import Branch, Steps
from fittool.engines.numpy_engine.operations.column_embedding import ColumnEmbedding
from fittool.engines.numpy_engine.operations.dense import Dense
from fittool.engines.numpy_engine.operations.elementwise import Dropout, Scaling
from fittool.engines.numpy_engine.operations.embedding import Embedding, PiecewiseLinearEmbedding
from fittool.engines.numpy_engine.operations.merging import Add, Concatenate, Multiply
from fittool.engines.numpy_engine.operations.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    Normalization,
)
from fittool.engines.numpy_engine.operations.sequences.gated_recurrent import LongShortTermCell, ResetAfterCell, ResetBeforeCell
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent, SimpleCell, Walk
from fittool.engines.numpy_engine.operations.sequences.tokens import ClassToken, PositionEmbedding
from fittool.engines.numpy_engine.operations.shaping import View
from fittool.engines.numpy_engine.operations.standardization import RobustScaling, Standardization
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.shapes import Shape

_USES, _TURNED_USES = (0, 1), (2, 3)
"""The streams of a layer's random numbers: for its inputs and for its state; of a bidirectional layer's second walk, likewise."""


def normalization(node: Node, layer: Any) -> Steps:
    """Less the mean, divided by the deviation, both known."""
    return [(Normalization(), node.output_shape)]


def standardization(node: Node, layer: Any) -> Steps:
    """The fixed steps behind augmentation."""
    return [(Standardization(layer), node.output_shape)]


def embedding(node: Node, layer: Any) -> Steps:
    """A vector for each whole number."""
    return [(Embedding(layer.input_dim, layer.output_dim), node.output_shape)]


def class_token(node: Node, layer: Any) -> Steps:
    """A learned vector in front of the others."""
    return [(ClassToken(), node.output_shape)]


def position_embedding(node: Node, layer: Any) -> Steps:
    """A learned vector for each place."""
    return [(PositionEmbedding(), node.output_shape)]


def _positions(shape: Shape) -> int:
    """The number of positions, all axes but the channels."""
    return math.prod(shape[:-1])


def projections(node: Node, layer: Any) -> tuple[Branch, ...]:
    """Query, key and value of all heads."""
    branches = []
    for name, number in layer.projections(node.input_shapes).items():
        shape = node.input_shapes[number]
        width = layer.num_heads * (layer.value_size if name == "value" else layer.key_dim)
        dense = Dense(shape[-1], width, layer.use_bias, _positions(shape), f"{name}_")
        flat = [(View(), (_positions(shape), shape[-1]))] if len(shape) > 2 else []
        branches.append(Branch([*flat, (dense, (_positions(shape), width))], (number,)))
    return tuple(branches)


def attention(node: Node, layer: Any) -> Steps:
    """The mixtures of all heads, side by side, and the projection to the output."""
    positions, keys = (_positions(shape) for shape in (node.input_shapes[0], node.input_shapes[-1]))
    stream = node.random_stream("dropout", layer.seed)
    dropout = Dropout(layer.dropout, (layer.num_heads, positions, keys), stream) if layer.dropout else None
    sizes, width = (layer.key_dim, layer.value_size), layer.num_heads * layer.value_size
    attention = Attention(layer.num_heads, (positions, keys), sizes, layer.use_causal_mask, dropout)
    units = math.prod(node.output_shape) // positions
    dense = Dense(width, units, layer.use_bias, positions, "attention_output_")
    return [(attention, (positions, width)), (dense, (positions, units)), (View(), node.output_shape)]


def batch_normalization(node: Node, layer: Any) -> Steps:
    """Statistics of the batch, and of all batches for predictions."""
    operation = BatchNormalization(
        node.output_shape, layer.momentum, layer.epsilon, layer.scale, layer.center, frozen=not layer.trainable
    )
    return [(operation, node.output_shape)]


def layer_normalization(node: Node, layer: Any) -> Steps:
    """Statistics of each sample."""
    return [(LayerNormalization(node.output_shape, layer.epsilon, layer.scale, layer.center), node.output_shape)]


def group_normalization(node: Node, layer: Any) -> Steps:
    """Statistics of groups of a sample's channels."""
    groups = node.output_shape[-1] if layer.groups == -1 else layer.groups
    return [(GroupNormalization(node.output_shape, groups, layer.epsilon, layer.scale, layer.center), node.output_shape)]


def column_embedding(node: Node, layer: Any) -> Steps:
    """Vectors in place of a table's codes."""
    features = node.input_shapes[0][0]
    return [(ColumnEmbedding(features, layer.columns, layer.levels, layer.widths), node.output_shape)]


def robust_scaling(node: Node, layer: Any) -> Steps:
    """Less the median, divided by the distance of the quartiles."""
    return [(RobustScaling(layer.numbers(node.input_shapes), layer.limit), node.output_shape)]


def piecewise_linear_embedding(node: Node, layer: Any) -> Steps:
    """The place of each number among learned bins, as a vector."""
    columns, features = layer.numbers(node.input_shapes), node.input_shapes[0][0]
    return [(PiecewiseLinearEmbedding(features, columns, layer.bins, layer.output_dim), node.output_shape)]


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
