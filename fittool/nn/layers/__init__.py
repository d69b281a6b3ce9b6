"""The layers, under Keras's names with Keras's arguments; one module for each family.

`base` has what every layer has, `last_activation` the activation it ends with. Whoever may import `nn` may enter. A layer
says its shapes, parameters and flops; what it computes stands in each engine's own table.
"""

from __future__ import annotations

from typing import Annotated

from fittool.nn.layers.activation import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from fittool.nn.layers.aliases import ALIASES
from fittool.nn.layers.attention import MultiHeadAttention
from fittool.nn.layers.base import Layer
from fittool.nn.layers.column_embedding import ColumnEmbedding
from fittool.nn.layers.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from fittool.nn.layers.core import Dense, Embedding, Input, Rescaling
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
from fittool.settings import Family

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

LAYERS: Family[Layer] = Family(
    "layer",
    {
        cls.__name__: cls
        for cls in (
            Input, Rescaling, Normalization, Standardization, Embedding, ColumnEmbedding, ClassToken, PositionEmbedding, Dense,
            RobustScaling, PiecewiseLinearEmbedding, Conv1D, Conv2D, Conv3D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D,
            SimpleRNN, LSTM, GRU, Bidirectional, MultiHeadAttention, TimeDistributed, MaxPooling1D, MaxPooling2D, MaxPooling3D,
            AveragePooling1D, AveragePooling2D, AveragePooling3D, GlobalAveragePooling1D, GlobalAveragePooling2D,
            GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, Flatten, Reshape, Permute,
            RepeatVector, ZeroPadding1D, ZeroPadding2D, Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, Dropout,
            SpatialDropout1D, SpatialDropout2D, GaussianNoise, BatchNormalization, LayerNormalization, GroupNormalization,
            Activation, ReLU, LeakyReLU, PReLU, ELU, SELU, GELU, SiLU, Sigmoid, Tanh, Softmax, Add, Subtract, Multiply, Average,
            Maximum, Minimum, Concatenate,
        )
    },
    aliases=ALIASES,
)  # fmt: skip

Layers = list[Annotated[Layer, LAYERS]]
"""A chain of layers, or with names and inputs any graph."""
