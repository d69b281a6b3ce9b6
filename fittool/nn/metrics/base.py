"""What every metric is: a measure with a name in logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fittool.nn.shapes import Shape
from fittool.nn.targets import Measure
from fittool.settings import Field, Text, setting


@setting
class Metric(Measure):
    """A measure that is watched."""

    name: Text | None = Field(default=None, description="Name in logs; Keras's own if absent.")

    @property
    def log_name(self) -> str:
        """The key in logs."""
        return self.keras_name if self.name is None else self.name


@setting
class Share(Metric):
    """A share of right answers or another score: the more, the better."""

    mode: ClassVar[Literal["min", "max"]] = "max"


Form = Literal["binary", "sparse", "categorical"]
"""What kind of answer an output gives."""


@setting
class FollowsShapes(Metric):
    """A metric whose meaning follows from the shapes of targets and outputs, as in Keras."""

    kinds: ClassVar[Mapping[Form, type[Metric]]]
    """What it is for each kind of answer."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The metric for these shapes, under the same name."""
        return self.kinds[_form(target_shape, output_shape)](name=self.log_name)


def _form(target_shape: Shape, output_shape: Shape) -> Form:
    if output_shape[-1:] == (1,):
        return "binary"
    return "sparse" if len(target_shape) < len(output_shape) or target_shape[-1] == 1 else "categorical"
