"""Means of a loss's values, and the numbers that are made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from fittool.nn import losses
from fittool.nn.losses import OfClassNumbers, OfOneHot, OfProbabilities
from fittool.nn.targets import FollowsShapes, Form, Metric
from fittool.settings import fields_of, setting


@setting
class LossMean(Metric):
    """The mean of a loss's values, without penalties; with the metric's weights, if it has any, divided by their sum."""

    of: ClassVar[type[losses.Loss]]

    def loss(self) -> losses.Loss:
        """The loss whose values are averaged, with the metric's arguments."""
        return self.of(**{name: getattr(self, name) for name in fields_of(type(self)) if name != "name"})

    def from_mean(self, mean: float) -> float:
        """The metric's value, from the mean of the loss's values: that mean."""
        return mean


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
class Crossentropy(FollowsShapes):
    """Binary, sparse categorical or categorical crossentropy of probabilities, whichever the shapes ask for."""

    kinds: ClassVar[Mapping[Form, type[Metric]]] = {
        "binary": BinaryCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
        "categorical": CategoricalCrossentropy,
    }


@setting
class RootMeanSquaredError(LossMean):
    """The square root of the mean of all squared differences."""

    of = losses.MeanSquaredError

    def from_mean(self, mean: float) -> float:
        """The square root of the mean."""
        return math.sqrt(mean)


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

    def from_mean(self, mean: float) -> float:
        """The mean with the other sign."""
        return -mean


def _mean_of(loss: type[losses.Loss]) -> type[LossMean]:
    """The metric that is the mean of a loss without arguments, under the loss's name, for the same targets."""
    members = {
        "__doc__": "The mean of the loss of that name.",
        "__module__": __name__,
        "__annotations__": {},
        "of": loss,
        "expects": loss.expects,
    }
    return setting(type(loss.__name__, (LossMean,), members))


KLDivergence = _mean_of(losses.KLDivergence)
Poisson = _mean_of(losses.Poisson)
MeanSquaredError = _mean_of(losses.MeanSquaredError)
MeanAbsoluteError = _mean_of(losses.MeanAbsoluteError)
MeanAbsolutePercentageError = _mean_of(losses.MeanAbsolutePercentageError)
MeanSquaredLogarithmicError = _mean_of(losses.MeanSquaredLogarithmicError)
Hinge = _mean_of(losses.Hinge)
SquaredHinge = _mean_of(losses.SquaredHinge)
CategoricalHinge = _mean_of(losses.CategoricalHinge)
