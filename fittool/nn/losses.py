"""What training minimises: Keras's losses as settings, their formulas in each engine.

A loss gives one value for each position of all axes but the last; a batch's loss is their sum, each times its sample's
weight, divided by their number (not by the sum of weights).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from fittool.nn.targets import Expected, Measure
from fittool.settings import Boolean, Family, Field, Integer, Number, setting


@setting
class Loss(Measure):
    """A measure that training minimises."""


@setting
class SparseCategoricalCrossentropy(Loss):
    """`-log p` of the true class, for targets that are class numbers."""

    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")
    ignore_class: Integer | None = Field(default=None, description="Class number whose samples count nothing.")

    expects: ClassVar[Expected] = "class numbers"

    def ignored(self) -> int | None:
        """`ignore_class`."""
        return self.ignore_class


@setting
class CategoricalCrossentropy(Loss):
    """`-Σ y log p`, for targets that are one-hot or probabilities."""

    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")
    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How much of each target is spread over all classes.")

    expects: ClassVar[Expected] = "one-hot"


@setting
class BinaryCrossentropy(Loss):
    """The mean of `-y log p - (1 - y) log(1 - p)` over the last axis, for independent yes-or-no outputs."""

    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")
    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How far targets are moved towards one half.")

    expects: ClassVar[Expected] = "probabilities"


@setting
class MeanSquaredError(Loss):
    """The mean of `(output - target)²` over the last axis."""


@setting
class MeanAbsoluteError(Loss):
    """The mean of `|output - target|` over the last axis."""


@setting
class Huber(Loss):
    """The mean over the last axis of `½ d²` for differences up to `delta`, `delta · |d| - ½ delta²` above (Huber 1964)."""

    delta: Number = Field(default=1.0, gt=0, description="Difference from which the loss grows linearly.")


LOSSES: Family[Loss] = Family(
    "loss",
    {
        cls.__name__: cls
        for cls in (
            SparseCategoricalCrossentropy,
            CategoricalCrossentropy,
            BinaryCrossentropy,
            MeanSquaredError,
            MeanAbsoluteError,
            Huber,
        )
    },
    aliases={"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "bce": "BinaryCrossentropy"},
)

LossSetting = Annotated[Loss, LOSSES]
"""A loss by name, by name with arguments, or as an object."""
