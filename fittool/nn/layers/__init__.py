"""The layers, under Keras's names with Keras's arguments; one module for each family.

`base` has what every layer has, `last_activation` the activation it ends with. Whoever may import `nn` may enter. A layer
says its shapes, parameters and flops; what it computes stands in each engine's own table. Its module is imported when somebody
asks for the layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fittool.nn.layers.aliases import ALIASES
from fittool.nn.layers.base import Layer
from fittool.settings import Family, OnDemand, homes_in, import_from_home

if TYPE_CHECKING:
    from fittool.nn.layers.activation import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
    from fittool.nn.layers.attention import MultiHeadAttention
    from fittool.nn.layers.column_embedding import ColumnEmbedding
    from fittool.nn.layers.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
    from fittool.nn.layers.core import Dense, Input, Rescaling
    from fittool.nn.layers.embedding import Embedding
    from fittool.nn.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
    from fittool.nn.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization, Normalization
    from fittool.nn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
    from fittool.nn.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN
    from fittool.nn.layers.regularization import Dropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
    from fittool.nn.layers.reshaping import Cropping2D, Flatten, Permute, RepeatVector, Reshape, UpSampling2D, ZeroPadding2D
    from fittool.nn.layers.sequences import (
        AveragePooling1D,
        Conv1D,
        Cropping1D,
        GlobalAveragePooling1D,
        GlobalMaxPooling1D,
        MaxPooling1D,
        UpSampling1D,
        ZeroPadding1D,
    )
    from fittool.nn.layers.standardization import Standardization
    from fittool.nn.layers.tabular import PiecewiseLinearEmbedding, RobustScaling
    from fittool.nn.layers.tokens import ClassToken, PositionEmbedding
    from fittool.nn.layers.volumes import AveragePooling3D, Conv3D, GlobalAveragePooling3D, GlobalMaxPooling3D, MaxPooling3D
    from fittool.nn.layers.wrappers import TimeDistributed

__all__ = [
    "ELU", "GELU", "GRU", "LAYERS", "LSTM", "SELU", "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D",
    "AveragePooling3D", "BatchNormalization", "Bidirectional", "ClassToken", "ColumnEmbedding", "Concatenate", "Conv1D",
    "Conv2D", "Conv2DTranspose", "Conv3D", "Cropping1D", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "Embedding",
    "Flatten", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "Input", "Layer",
    "LayerNormalization", "Layers", "LeakyReLU", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "PiecewiseLinearEmbedding", "PositionEmbedding",
    "ReLU", "RepeatVector", "Rescaling", "Reshape", "RobustScaling", "SeparableConv2D", "SiLU", "Sigmoid", "SimpleRNN",
    "Softmax", "SpatialDropout1D", "SpatialDropout2D", "Standardization", "Subtract", "Tanh", "TimeDistributed", "UpSampling1D",
    "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D",
]  # fmt: skip

_HOMES = homes_in(__name__, {
    "Input": "core", "Rescaling": "core", "Normalization": "normalization", "Standardization": "standardization",
    "Embedding": "embedding", "ColumnEmbedding": "column_embedding", "ClassToken": "tokens", "PositionEmbedding": "tokens",
    "Dense": "core", "RobustScaling": "tabular", "PiecewiseLinearEmbedding": "tabular", "Conv1D": "sequences",
    "Conv2D": "convolution", "Conv3D": "volumes", "Conv2DTranspose": "convolution", "DepthwiseConv2D": "convolution",
    "SeparableConv2D": "convolution", "SimpleRNN": "recurrent", "LSTM": "recurrent", "GRU": "recurrent",
    "Bidirectional": "recurrent", "MultiHeadAttention": "attention", "TimeDistributed": "wrappers",
    "MaxPooling1D": "sequences", "MaxPooling2D": "pooling", "MaxPooling3D": "volumes", "AveragePooling1D": "sequences",
    "AveragePooling2D": "pooling", "AveragePooling3D": "volumes", "GlobalAveragePooling1D": "sequences",
    "GlobalAveragePooling2D": "pooling", "GlobalAveragePooling3D": "volumes", "GlobalMaxPooling1D": "sequences",
    "GlobalMaxPooling2D": "pooling", "GlobalMaxPooling3D": "volumes", "Flatten": "reshaping", "Reshape": "reshaping",
    "Permute": "reshaping", "RepeatVector": "reshaping", "ZeroPadding1D": "sequences", "ZeroPadding2D": "reshaping",
    "Cropping1D": "sequences", "Cropping2D": "reshaping", "UpSampling1D": "sequences", "UpSampling2D": "reshaping",
    "Dropout": "regularization", "SpatialDropout1D": "regularization", "SpatialDropout2D": "regularization",
    "GaussianNoise": "regularization", "BatchNormalization": "normalization", "LayerNormalization": "normalization",
    "GroupNormalization": "normalization", "Activation": "activation", "ReLU": "activation", "LeakyReLU": "activation",
    "PReLU": "activation", "ELU": "activation", "SELU": "activation", "GELU": "activation", "SiLU": "activation",
    "Sigmoid": "activation", "Tanh": "activation", "Softmax": "activation", "Add": "merging", "Subtract": "merging",
    "Multiply": "merging", "Average": "merging", "Maximum": "merging", "Minimum": "merging", "Concatenate": "merging",
})  # fmt: skip
"""The module of each layer, in the order of the reference page."""

LAYERS: Family[Layer] = Family("layer", OnDemand(_HOMES), aliases=ALIASES)

Layers = list[Annotated[Layer, LAYERS]]
"""A chain of layers, or with names and inputs any graph."""


def __getattr__(name: str) -> object:
    """Import a layer when it is first asked for (PEP 562)."""
    return import_from_home(__name__, _HOMES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
