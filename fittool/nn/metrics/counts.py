"""Metrics of how many outputs lie above thresholds, and scores of whole columns of outputs.

A metric is one number here: of Keras's forms that give one for each threshold or class, none is offered.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from fittool.nn.shapes import Shape
from fittool.nn.targets import Expected, Measure, Metric, Share
from fittool.settings import Boolean, Field, Integer, Named, Number, setting

Threshold = Annotated[Number, Field(ge=0, le=1)]


@setting
class _OfZerosAndOnes(Measure):
    """The base of metrics whose targets are 0 or 1."""

    expects: ClassVar[Expected] = "probabilities"


@setting
class _OverThreshold(Named):
    """The base of metrics with one threshold."""

    thresholds: Threshold | None = Field(default=None, description="Outputs above it count as 1; 0.5 if absent.")


@setting
class _Selection(_OverThreshold, _OfZerosAndOnes):
    """Which outputs precision and recall look at."""

    top_k: Integer | None = Field(default=None, ge=1, description="If given, only this many largest outputs can count as 1.")
    class_id: Integer | None = Field(default=None, ge=0, description="If given, only this place of the last axis counts.")

    def misfit(self, output_shape: Shape) -> str | None:
        """A class that the outputs do not have."""
        if self.class_id is None or self.class_id < output_shape[-1]:
            return None
        last = output_shape[-1] - 1
        return f"{self.keras_name} has class_id {self.class_id}, but the network's output has places for 0 to {last} only."


@setting
class TruePositives(Share, _OfZerosAndOnes, _OverThreshold):
    """The number of ones with outputs above the threshold."""


@setting
class TrueNegatives(Share, _OfZerosAndOnes, _OverThreshold):
    """The number of zeros with outputs up to the threshold."""


@setting
class FalsePositives(Metric, _OfZerosAndOnes, _OverThreshold):
    """The number of zeros with outputs above the threshold."""


@setting
class FalseNegatives(Metric, _OfZerosAndOnes, _OverThreshold):
    """The number of ones with outputs up to the threshold."""


@setting
class Precision(Share, _Selection):
    """The share of ones among the outputs above the threshold."""


@setting
class Recall(Share, _Selection):
    """The share of outputs above the threshold among the ones."""


@setting
class _Curve(Named):
    """The settings of an area under a curve."""

    num_thresholds: Integer = Field(default=200, ge=2, description="Thresholds from 0 to 1 at which the curve is known.")
    curve: Literal["ROC", "PR"] = Field(
        default="ROC",
        description="`ROC`: recall over the share of zeros above the threshold; `PR`: precision over recall.",
    )
    summation_method: Literal["interpolation", "minoring", "majoring"] = Field(
        default="interpolation", description="Which height counts between two points: the mean, the smaller or the larger."
    )
    thresholds: tuple[Threshold, ...] | None = Field(
        default=None, description="Thresholds between 0 and 1 instead of evenly spaced ones."
    )
    multi_label: Boolean = Field(
        default=False, description="Whether each place of the last axis has its own curve; they are averaged."
    )
    from_logits: Boolean = Field(default=False, description="Whether outputs are logits; by default they are probabilities.")


@setting
class AUC(Share, _OfZerosAndOnes, _Curve):
    """The area under a curve, in trapezoids between thresholds (for PR as in Davis and Goadrich 2006)."""


@setting
class _Average(Named):
    """The settings of an F-score for several classes."""

    average: Literal["micro", "macro", "weighted"] = Field(
        default="macro",
        description="`micro`: over all classes' counts; `macro`: the mean over classes; `weighted`: that by their ones.",
    )
    threshold: Number | None = Field(
        default=None, gt=0, le=1, description="Outputs above it count as 1; the largest of each sample if absent."
    )


@setting
class F1Score(Share, _OfZerosAndOnes, _Average):
    """The harmonic mean of precision and recall."""


@setting
class _Aggregation(Named):
    """The settings of R² for several columns."""

    class_aggregation: Literal["uniform_average", "variance_weighted_average"] = Field(
        default="uniform_average", description="How columns are averaged: evenly, or by their targets' variance."
    )
    num_regressors: Integer = Field(default=0, ge=0, description="If not 0, R² is adjusted for this many independent variables.")


@setting
class R2Score(Share, _Aggregation):
    """The share of the targets' variance that the outputs explain."""
