"""Layers that move elements about without changing them, and upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers.base import Layer, PositivePair
from fittool.nn.shapes import Shape, ShapeError, image, single, size_of
from fittool.settings import Field, Integer, setting


def _sides(value: object) -> object:
    """Keras's short forms: one number for all sides, or (vertical, horizontal)."""
    pair = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return value
    return tuple((side, side) if isinstance(side, int) and not isinstance(side, bool) else side for side in pair)


NonNegative = Annotated[Integer, Field(ge=0)]
Sides = Annotated[
    tuple[tuple[NonNegative, NonNegative], tuple[NonNegative, NonNegative]],
    BeforeValidator(_sides, json_schema_input_type=int | list[int] | list[list[int]]),
]
"""((top, bottom), (left, right)); (vertical, horizontal) and one number for all four sides are welcome."""


class _Moving:
    """A layer that computes nothing."""

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0


@setting
class Flatten(_Moving, Layer):
    """All axes of a sample as one: (H, W, C) to (H · W · C,)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(size,)."""
        return (size_of(single(shapes)),)


@setting
class Reshape(_Moving, Layer):
    """The same elements in another shape."""

    target_shape: tuple[Integer, ...] = Field(description="Shape without the batch axis; one -1 stands for what is left.")

    @model_validator(mode="after")
    def _at_most_one_open(self) -> Reshape:
        if self.target_shape.count(-1) > 1 or any(size < 1 and size != -1 for size in self.target_shape):
            raise PydanticCustomError("target_shape", "target_shape must hold numbers from 1, and at most one -1")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """`target_shape`, the -1 worked out.

        Raises:
            ShapeError: The numbers of elements differ.
        """
        size = size_of(single(shapes))
        known = abs(size_of(self.target_shape))
        if size % known or (-1 not in self.target_shape and size != known):
            raise ShapeError(f"cannot reshape {shapes[0]}, {size} elements, to {self.target_shape}.")
        return tuple(size // known if side == -1 else side for side in self.target_shape)


@setting
class ZeroPadding2D(_Moving, Layer):
    """Zeros around images."""

    padding: Sides = Field(
        default=((1, 1), (1, 1)), description="((top, bottom), (left, right)), or (vertical, horizontal), or one number."
    )

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(top + H + bottom, left + W + right, C)."""
        height, width, channels = image(shapes)
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels


@setting
class Cropping2D(_Moving, Layer):
    """Images without their borders."""

    cropping: Sides = Field(
        default=((0, 0), (0, 0)), description="((top, bottom), (left, right)), or (vertical, horizontal), or one number."
    )

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H - top - bottom, W - left - right, C).

        Raises:
            ShapeError: Nothing would be left.
        """
        height, width, channels = image(shapes)
        rows, columns = height - sum(self.cropping[0]), width - sum(self.cropping[1])
        if min(rows, columns) < 1:
            raise ShapeError(f"cropping {self.cropping} leaves nothing of images of shape {shapes[0]}.")
        return rows, columns, channels


@setting
class Permute(_Moving, Layer):
    """The axes in another order."""

    dims: tuple[Integer, ...] = Field(description="The input's axes in the output's order, counted from 1, the batch left out.")

    @model_validator(mode="after")
    def _each_once(self) -> Permute:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise PydanticCustomError("dims", "dims must hold each number from 1 to the number of axes once")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The sizes in the new order.

        Raises:
            ShapeError: The input has another number of axes.
        """
        shape = single(shapes)
        if len(shape) != len(self.dims):
            raise ShapeError(f"dims {self.dims} name {len(self.dims)} axes, but inputs of shape {shape} have {len(shape)}.")
        return tuple(shape[axis - 1] for axis in self.dims)


@setting
class RepeatVector(_Moving, Layer):
    """Each vector repeated along a new axis of steps: (C,) to (n, C)."""

    n: Integer = Field(ge=1, description="How often each vector is repeated.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(n, C).

        Raises:
            ShapeError: The input is no vector.
        """
        shape = single(shapes)
        if len(shape) != 1:
            raise ShapeError(f"expected vectors (channels,), got shape {shape}.")
        return (self.n, *shape)


@setting
class UpSampling2D(Layer):
    """Images enlarged by whole factors."""

    size: PositivePair = Field(default=(2, 2), description="Factors on height and width.")
    interpolation: Literal["nearest", "bilinear"] = Field(default="nearest", description="How the new pixels get their values.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H · factor, W · factor, C)."""
        height, width, channels = image(shapes)
        return height * self.size[0], width * self.size[1], channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None for copies; seven for each pixel mixed of four."""
        return 0 if self.interpolation == "nearest" else 7 * size_of(self.output_shape(shapes))
