"""Layers that join several inputs into one output."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.layers.base import Layer
from fittool.nn.shapes import Shape, ShapeError, feature_axis, size_of
from fittool.settings import Field, Integer, setting


def _several(shapes: Sequence[Shape]) -> None:
    if len(shapes) < 2:
        raise ShapeError(f"expected two inputs or more, got {len(shapes)}; name them with `inputs: [first, second]`.")


@setting
class Merging(Layer):
    """The base of merging element by element: inputs of one shape, or with axes of size 1 that are repeated."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The largest size on each axis.

        Raises:
            ShapeError: There are fewer than two inputs, or their shapes differ otherwise than by axes of size 1.
        """
        _several(shapes)
        rank = max(map(len, shapes))
        if any(len(shape) != rank or len({*sizes} - {1}) > 1 for shape in shapes for sizes in zip(*shapes, strict=False)):
            raise ShapeError(f"expected inputs of one shape, got {' and '.join(map(str, shapes))}.")
        return tuple(max(sizes) for sizes in zip(*shapes, strict=True))

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each output element and every input but the first."""
        return (len(shapes) - 1) * size_of(self.output_shape(shapes))


@setting
class Add(Merging):
    """The sum of its inputs."""


@setting
class Multiply(Merging):
    """The product of its inputs."""


@setting
class Subtract(Merging):
    """Its first input minus its second."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The largest size on each axis.

        Raises:
            ShapeError: There are not two inputs, or their shapes differ otherwise than by axes of size 1.
        """
        if len(shapes) > 2:
            raise ShapeError(f"expected two inputs, got {len(shapes)}.")
        return super().output_shape(shapes)


@setting
class Average(Merging):
    """The mean of its inputs."""

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each output element and every input."""
        return len(shapes) * size_of(self.output_shape(shapes))


@setting
class Maximum(Merging):
    """The largest of its inputs, element by element."""


@setting
class Minimum(Merging):
    """The smallest of its inputs, element by element."""


@setting
class Concatenate(Layer):
    """Its inputs one behind the other along one axis."""

    axis: Integer = Field(default=-1, description="The axis along which they are joined, the batch axis being 0.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The sizes on the axis added up.

        Raises:
            ShapeError: There are fewer than two inputs, or they differ elsewhere.
        """
        _several(shapes)
        axis = feature_axis(self.axis, shapes[0])
        rest = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}
        if len(rest) > 1:
            raise ShapeError(f"expected inputs that differ along axis {self.axis} only, got {' and '.join(map(str, shapes))}.")
        return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0
