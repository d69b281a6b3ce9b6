"""Layers around another layer, which they apply to each step of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers.activation import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from fittool.nn.layers.aliases import ALIASES
from fittool.nn.layers.attention import MultiHeadAttention
from fittool.nn.layers.base import Layer
from fittool.nn.layers.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from fittool.nn.layers.core import Dense, Rescaling
from fittool.nn.layers.embedding import Embedding
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
from fittool.nn.layers.tokens import ClassToken, PositionEmbedding
from fittool.nn.layers.volumes import AveragePooling3D, Conv3D, GlobalAveragePooling3D, GlobalMaxPooling3D, MaxPooling3D
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError, single
from fittool.settings import Family, Field, setting

OF_ALL_SAMPLES = (BatchNormalization, Normalization, Standardization)
"""What these learn of the data, they learn of all samples together."""

WRAPPED: Family[Layer] = Family(
    "wrapped layer",
    {
        cls.__name__: cls
        for cls in (
            Rescaling, Embedding, ClassToken, PositionEmbedding, Dense, Conv1D, Conv2D, Conv3D, Conv2DTranspose,
            DepthwiseConv2D, SeparableConv2D, SimpleRNN, LSTM, GRU, Bidirectional, MultiHeadAttention, MaxPooling1D,
            MaxPooling2D, MaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D, GlobalAveragePooling1D,
            GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D, Flatten,
            Reshape, Permute, RepeatVector, ZeroPadding1D, ZeroPadding2D, Cropping1D, Cropping2D, UpSampling1D, UpSampling2D,
            Dropout, SpatialDropout1D, SpatialDropout2D, GaussianNoise, LayerNormalization, GroupNormalization, Activation,
            ReLU, LeakyReLU, PReLU, ELU, SELU, GELU, SiLU, Sigmoid, Tanh, Softmax, *OF_ALL_SAMPLES,
        )
    },
    ALIASES,
)  # fmt: skip
"""The layers of one input. Those of all samples are known here so that they can be refused with a reason."""


@setting
class TimeDistributed(Layer):
    """A layer that is applied to each step of sequences with the same weights: (T, …) to (T, …)."""

    layer: Annotated[Layer, WRAPPED] = Field(description="The layer, which sees one step at a time.")

    @model_validator(mode="after")
    def _layer_takes_single_steps(self) -> TimeDistributed:
        name = self.layer.public_name()
        if isinstance(self.layer, OF_ALL_SAMPLES):
            raise PydanticCustomError(
                "wrapped_statistics", "must not wrap {name}, which takes all steps together by itself: leave TimeDistributed out",
                {"name": name},
            )  # fmt: skip
        if self.layer.inputs is not None:
            raise PydanticCustomError(
                "wrapped_inputs", "{name} takes the steps of what TimeDistributed takes: give `inputs` there", {"name": name}
            )
        return self

    @property
    def is_random(self) -> bool:
        """True where the layer is."""
        return self.layer.is_random

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T, …): the steps, and the layer's output for each."""
        step = self._step(shapes)
        return (single(shapes)[0], *self.layer.output_shape(step))

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Those of the layer."""
        weights = self.layer.parameters(self._step(shapes))
        return tuple(replace(one, trainable=one.trainable and self.layer.trainable) for one in weights)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Those of the layer for each step."""
        return single(shapes)[0] * self.layer.flops(self._step(shapes))

    def _step(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shape of one step."""
        shape = single(shapes)
        if len(shape) < 2:
            raise ShapeError(f"expected sequences (steps, …) of at least two axes, got shape {shape}.")
        return [shape[1:]]
