"""Keras's layers: `from fittool.layers import Dense`. A layer that is called gives a symbolic tensor: `Dense(4)(x)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fittool.errors import ExperimentError
from fittool.nn.calls.symbolic import SymbolicTensor
from fittool.nn.calls.wiring import input_tensor
from fittool.nn.layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    SELU,
    Activation,
    Add,
    Average,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    BatchNormalization,
    Bidirectional,
    ClassToken,
    ColumnEmbedding,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    GroupNormalization,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Maximum,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Minimum,
    MultiHeadAttention,
    Multiply,
    Normalization,
    Permute,
    PiecewiseLinearEmbedding,
    PositionEmbedding,
    PReLU,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    RobustScaling,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    SimpleRNN,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    Standardization,
    Subtract,
    Tanh,
    TimeDistributed,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "SELU",
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Bidirectional",
    "ClassToken",
    "ColumnEmbedding",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "PiecewiseLinearEmbedding",
    "PositionEmbedding",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "RobustScaling",
    "SeparableConv2D",
    "SiLU",
    "Sigmoid",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Standardization",
    "Subtract",
    "Tanh",
    "TimeDistributed",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


def Input(  # noqa: N802  # Keras's name
    shape: Sequence[int] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    *,
    name: str | None = None,
) -> SymbolicTensor:
    """An input of a network, to be taken by layers that are called, or the first in a `Sequential`.

    Args:
        shape: Without the axis of samples.
        batch_size: Only None: batches may have any size.
        dtype: Of no effect, as in the experiment file: arrays come as uint8, whole numbers or floats.
        name: Its name in the network.

    Raises:
        ExperimentError: A ValueError: a size of the shape is not known, or a batch size is asked for.
    """
    if batch_size is not None:
        raise ExperimentError("Input takes no batch_size: batches may have any size. Give fit a batch_size.")
    return input_tensor(shape, name)


def add(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The sum of tensors (N, …) of one shape; arguments as those of `Add`."""
    return Add(**arguments)(inputs)


def subtract(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The difference of two tensors (N, …) of one shape."""
    return Subtract(**arguments)(inputs)


def multiply(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The product of tensors (N, …) of one shape."""
    return Multiply(**arguments)(inputs)


def average(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The mean of tensors (N, …) of one shape."""
    return Average(**arguments)(inputs)


def maximum(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The largest of tensors (N, …) of one shape, element by element."""
    return Maximum(**arguments)(inputs)


def minimum(inputs: Sequence[SymbolicTensor], **arguments: Any) -> SymbolicTensor:
    """The smallest of tensors (N, …) of one shape, element by element."""
    return Minimum(**arguments)(inputs)


def concatenate(inputs: Sequence[SymbolicTensor], axis: int = -1, **arguments: Any) -> SymbolicTensor:
    """Tensors (N, …, K) one behind the other along an axis; arguments as those of `Concatenate`."""
    return Concatenate(axis=axis, **arguments)(inputs)
