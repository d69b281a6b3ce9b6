"""Means of a loss's values, and what is made of them."""

from __future__ import annotations

from typing import ClassVar, Literal

from fittool.nn import losses
from fittool.nn.losses import OfClassNumbers, OfOneHot, OfProbabilities
from fittool.nn.metrics.base import Metric
from fittool.nn.targets import Expected
from fittool.settings import fields_of, setting


@setting
class LossMean(Metric):
    """The mean of a loss's values, without penalties; with the metric's weights, if it has any, divided by their sum."""

    of: ClassVar[type[losses.Loss]]

    def loss(self) -> losses.Loss:
        """The loss whose values are averaged, with the metric's arguments."""
        return self.of(**{name: getattr(self, name) for name in fields_of(type(self)) if name != "name"})


@setting
class SparseCategoricalCrossentropy(LossMean, OfClassNumbers):
    """The mean of the loss of that name."""

    of = losses.SparseCategoricalCrossentropy


@setting
class CategoricalCrossentropy(LossMean, OfOneHot):
    """The mean of the loss of that name."""

    of = losses.CategoricalCrossentropy


@setting
class BinaryCrossentropy(LossMean, OfProbabilities):
    """The mean of the loss of that name."""

    of = losses.BinaryCrossentropy


@setting
class KLDivergence(LossMean):
    """The mean of the loss of that name."""

    of = losses.KLDivergence
    expects: ClassVar[Expected] = "probabilities"


@setting
class Poisson(LossMean):
    """The mean of the loss of that name."""

    of = losses.Poisson


@setting
class MeanSquaredError(LossMean):
    """The mean of the loss of that name."""

    of = losses.MeanSquaredError


@setting
class RootMeanSquaredError(LossMean):
    """The square root of the mean of all squared differences."""

    of = losses.MeanSquaredError


@setting
class MeanAbsoluteError(LossMean):
    """The mean of the loss of that name."""

    of = losses.MeanAbsoluteError


@setting
class MeanAbsolutePercentageError(LossMean):
    """The mean of the loss of that name."""

    of = losses.MeanAbsolutePercentageError


@setting
class MeanSquaredLogarithmicError(LossMean):
    """The mean of the loss of that name."""

    of = losses.MeanSquaredLogarithmicError


@setting
class LogCoshError(LossMean):
    """The mean of the loss `LogCosh`."""

    of = losses.LogCosh

    @property
    def keras_name(self) -> str:
        """Keras calls it `logcosh`."""
        return "logcosh"


@setting
class CosineSimilarity(LossMean):
    """The mean cosine of the angle between output and target: the loss of that name with the other sign."""

    of = losses.CosineSimilarity
    mode: ClassVar[Literal["min", "max"]] = "max"


@setting
class Hinge(LossMean):
    """The mean of the loss of that name."""

    of = losses.Hinge


@setting
class SquaredHinge(LossMean):
    """The mean of the loss of that name."""

    of = losses.SquaredHinge


@setting
class CategoricalHinge(LossMean):
    """The mean of the loss of that name."""

    of = losses.CategoricalHinge
    expects: ClassVar[Expected] = "one-hot"
