"""The measures that training minimises: Keras's losses as settings, their formulas in each engine.

A loss gives one value for each position of all axes but the last, which is turned into the loss of a batch by `reduction`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from fittool.nn.activations import sigmoid, softmax
from fittool.nn.targets import Expected, Measure
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, setting

Squash = Literal["softmax", "sigmoid"]
_SQUASH: dict[Squash, Callable[[NDArray[Any]], NDArray[Any]]] = {"softmax": softmax, "sigmoid": sigmoid}

EPSILON = 1e-7
"""Keras's: how far probabilities are kept from 0 and 1, and what divisors are at least."""

Reduction = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]
Divisor = Literal["nothing", "positions", "weights"]


@setting
class Loss(Measure):
    """A measure that training minimises."""

    reduction: Reduction = Field(
        default="sum_over_batch_size",
        kw_only=True,
        description="How the weighted values of a batch become one: their sum, divided by their number (`sum_over_batch_size`, "
        "`mean`), by nothing (`sum`) or by the sum of the weights (`mean_with_sample_weight`).",
    )

    def divisor(self, *, weighted: bool) -> Divisor:
        """The number by which the sum of a batch's weighted values is divided, in every engine.

        `nothing` is 1; `positions` is how many values there are; `weights` is the sum of the weights (1 where there are none) of
        the positions that count. A divisor of 0 gives the loss 0 and no gradient. Where some class numbers are ignored, their
        values are 0; with `positions` the others' are multiplied by all positions over those that count, which makes the loss
        their mean.

        Args:
            weighted: Whether the batch has sample weights.
        """
        if self.reduction == "sum":
            return "nothing"
        if self.reduction == "mean_with_sample_weight" and (weighted or self.ignored() is not None):
            return "weights"
        return "positions"


@setting
class LogitsOrProbabilities(Named):
    """A measure of probabilities, which a network may give as logits."""

    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")

    squash: ClassVar[Squash]
    """The activation that turns logits into these probabilities."""

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """The probabilities that outputs (N, …, K) stand for: (N, …, K); the outputs themselves where they are no logits."""
        return _SQUASH[self.squash](outputs) if self.from_logits else outputs


@setting
class OfClassNumbers(LogitsOrProbabilities, Measure):
    """A crossentropy of class numbers, as a loss or as a metric."""

    ignore_class: Integer | None = Field(default=None, description="Class number whose samples count nothing.")

    expects: ClassVar[Expected] = "class numbers"
    squash: ClassVar[Squash] = "softmax"

    def ignored(self) -> int | None:
        """`ignore_class`."""
        return self.ignore_class


@setting
class OfOneHot(LogitsOrProbabilities, Measure):
    """A crossentropy of one-hot targets, as a loss or as a metric."""

    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How much of each target is spread over all classes.")

    expects: ClassVar[Expected] = "one-hot"
    squash: ClassVar[Squash] = "softmax"


@setting
class OfProbabilities(LogitsOrProbabilities, Measure):
    """A crossentropy of independent yes-or-no outputs, as a loss or as a metric."""

    label_smoothing: Number = Field(default=0.0, ge=0, le=1, description="How far targets are moved towards one half.")

    expects: ClassVar[Expected] = "probabilities"
    squash: ClassVar[Squash] = "sigmoid"


@setting
class _Focal(Named):
    """The factors of focal crossentropies (Lin et al. 2017)."""

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
