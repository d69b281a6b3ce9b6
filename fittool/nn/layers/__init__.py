"""The layers, under Keras's names with Keras's arguments; one module for each family."""

from __future__ import annotations

from typing import Annotated

from fittool.nn.layers.activation import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from fittool.nn.layers.base import Layer
from fittool.nn.layers.convolution import Conv2D, DepthwiseConv2D, SeparableConv2D
from fittool.nn.layers.core import Dense, Input, Rescaling
from fittool.nn.layers.merging import Add, Concatenate, Multiply
from fittool.nn.layers.normalization import BatchNormalization, LayerNormalization, Normalization
from fittool.nn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from fittool.nn.layers.regularization import Dropout, SpatialDropout2D
from fittool.nn.layers.reshaping import Flatten, Reshape, UpSampling2D, ZeroPadding2D
from fittool.settings import Family

__all__ = [
    "ELU", "GELU", "LAYERS", "SELU", "Activation", "Add", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D",
    "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Input", "Layer",
    "LayerNormalization", "Layers", "LeakyReLU", "MaxPooling2D", "Multiply", "Normalization", "PReLU", "ReLU", "Rescaling",
    "Reshape", "SeparableConv2D", "SiLU", "Sigmoid", "Softmax", "SpatialDropout2D", "Tanh", "UpSampling2D", "ZeroPadding2D",
]  # fmt: skip

LAYERS: Family[Layer] = Family(
    "layer",
    {
        cls.__name__: cls
        for cls in (
            Input, Rescaling, Normalization, Dense, Conv2D, DepthwiseConv2D, SeparableConv2D, MaxPooling2D, AveragePooling2D,
            GlobalAveragePooling2D, GlobalMaxPooling2D, Flatten, Reshape, ZeroPadding2D, UpSampling2D, Dropout, SpatialDropout2D,
            BatchNormalization, LayerNormalization, Activation, ReLU, LeakyReLU, PReLU, ELU, SELU, GELU, SiLU, Sigmoid, Tanh,
            Softmax, Add, Multiply, Concatenate,
        )
    },
    aliases={
        "Convolution2D": "Conv2D", "DepthwiseConvolution2D": "DepthwiseConv2D", "SeparableConvolution2D": "SeparableConv2D",
        "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D", "GlobalAvgPool2D": "GlobalAveragePooling2D",
        "GlobalMaxPool2D": "GlobalMaxPooling2D",
    },
)  # fmt: skip

Layers = list[Annotated[Layer, LAYERS]]
"""A chain of layers, or with names and inputs any graph."""
