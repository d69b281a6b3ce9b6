"""What training minimises: Keras's losses as settings, their formulas in each engine.

A loss gives one value for each position of all axes but the last, which is turned into the loss of a batch by `reduction`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from fittool.nn.targets import Expected, Measure
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, setting

Reduction = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]


@setting
class Loss(Measure):
    """A measure that training minimises."""

    reduction: Reduction = Field(
        default="sum_over_batch_size",
        kw_only=True,
        description="How the weighted values of a batch become one: their sum, divided by their number (`sum_over_batch_size`, "
        "`mean`), by nothing (`sum`) or by the sum of the weights (`mean_with_sample_weight`).",
    )


@setting
class LogitsOrProbabilities(Named):
    """What crossentropies share."""

    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")


@setting
class OfClassNumbers(LogitsOrProbabilities, Measure):
    """What crossentropies of class numbers share, as losses and as metrics."""

    ignore_class: Integer | None = Field(default=None, description="Class number whose samples count nothing.")

    expects: ClassVar[Expected] = "class numbers"

    def ignored(self) -> int | None:
        """`ignore_class`."""
        return self.ignore_class


@setting
class OfOneHot(LogitsOrProbabilities, Measure):
    """What crossentropies of one-hot targets share, as losses and as metrics."""

    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How much of each target is spread over all classes.")

    expects: ClassVar[Expected] = "one-hot"


@setting
class OfProbabilities(LogitsOrProbabilities, Measure):
    """What crossentropies of independent yes-or-no outputs share, as losses and as metrics."""

    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How far targets are moved towards one half.")

    expects: ClassVar[Expected] = "probabilities"


@setting
class _Focal(Named):
    """What focal crossentropies share (Lin et al. 2017)."""

    alpha: Number = Field(default=0.25, ge=0, description="Factor on the loss; on that of ones alone, if classes are balanced.")
    gamma: Number = Field(default=2.0, ge=0, description="How strongly outputs that are nearly right count less.")


@setting
class _Balanced(Named):
    """The first argument of binary focal crossentropy."""

    apply_class_balancing: Boolean = Field(default=False, description="Whether ones weigh alpha and zeros 1 - alpha.")


@setting
class SparseCategoricalCrossentropy(Loss, OfClassNumbers):
    """`-log p` of the true class, for targets that are class numbers."""


@setting
class CategoricalCrossentropy(Loss, OfOneHot):
    """`-Σ y log p`, for targets that are one-hot or probabilities."""


@setting
class CategoricalFocalCrossentropy(Loss, OfOneHot, _Focal):
    """`-Σ alpha (1 - p)^gamma y log p`, for targets that are one-hot or probabilities."""


@setting
class BinaryCrossentropy(Loss, OfProbabilities):
    """The mean of `-y log p - (1 - y) log(1 - p)` over the last axis, for independent yes-or-no outputs."""


@setting
class BinaryFocalCrossentropy(Loss, OfProbabilities, _Focal, _Balanced):
    """Binary crossentropy, each term times `(1 - q)^gamma`, q being the probability of what is right."""


@setting
class KLDivergence(Loss):
    """`Σ y log(y / p)` over the last axis, with y and p between 1e-7 and 1 (Kullback and Leibler 1951)."""

    expects: ClassVar[Expected] = "probabilities"


@setting
class Poisson(Loss):
    """The mean of `p - y log p` over the last axis, for counts."""


@setting
class MeanSquaredError(Loss):
    """The mean of `(output - target)²` over the last axis."""


@setting
class MeanAbsoluteError(Loss):
    """The mean of `|output - target|` over the last axis."""


@setting
class MeanAbsolutePercentageError(Loss):
    """The mean of `100 |output - target| / |target|` over the last axis."""


@setting
class MeanSquaredLogarithmicError(Loss):
    """The mean of `(log(1 + output) - log(1 + target))²` over the last axis; negative numbers count as 0."""


@setting
class Huber(Loss):
    """The mean over the last axis of `½ d²` for differences up to `delta`, `delta · |d| - ½ delta²` above (Huber 1964)."""

    delta: Number = Field(default=1.0, gt=0, description="Difference from which the loss grows linearly.")


@setting
class LogCosh(Loss):
    """The mean of `log(cosh(output - target))` over the last axis."""


@setting
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between output and target, along the last axis."""


@setting
class Hinge(Loss):
    """The mean of `max(1 - y p, 0)` over the last axis, for targets -1 and 1; 0 and 1 are read so too."""


@setting
class SquaredHinge(Loss):
    """The mean of `max(1 - y p, 0)²` over the last axis, for targets -1 and 1; 0 and 1 are read so too."""


@setting
class CategoricalHinge(Loss):
    """`max(1 + the largest wrong output - the right output, 0)`, for one-hot targets."""

    expects: ClassVar[Expected] = "one-hot"


LOSSES: Family[Loss] = Family(
    "loss",
    {
        cls.__name__: cls
        for cls in (
            SparseCategoricalCrossentropy,
            CategoricalCrossentropy,
            CategoricalFocalCrossentropy,
            BinaryCrossentropy,
            BinaryFocalCrossentropy,
            KLDivergence,
            Poisson,
            MeanSquaredError,
            MeanAbsoluteError,
            MeanAbsolutePercentageError,
            MeanSquaredLogarithmicError,
            Huber,
            LogCosh,
            CosineSimilarity,
            Hinge,
            SquaredHinge,
            CategoricalHinge,
        )
    },
    aliases={
        "mse": "MeanSquaredError",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "msle": "MeanSquaredLogarithmicError",
        "bce": "BinaryCrossentropy",
        "kld": "KLDivergence",
    },
)
