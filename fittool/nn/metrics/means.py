"""Means of a loss's values, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fittool.nn import losses
from fittool.nn.losses import OfClassNumbers, OfOneHot, OfProbabilities
from fittool.nn.metrics.base import FollowsShapes, Form, Metric
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


def _mean_of(loss: type[losses.Loss], expects: Expected = "numbers") -> type[LossMean]:
    """The metric of a loss's name."""
    content = {"of": loss, "expects": expects, "__doc__": "The mean of the loss of that name.", "__module__": __name__}
    return setting(type(loss.__name__, (LossMean,), content))


KLDivergence = _mean_of(losses.KLDivergence, "probabilities")
Poisson = _mean_of(losses.Poisson)
MeanSquaredError = _mean_of(losses.MeanSquaredError)
MeanAbsoluteError = _mean_of(losses.MeanAbsoluteError)
MeanAbsolutePercentageError = _mean_of(losses.MeanAbsolutePercentageError)
MeanSquaredLogarithmicError = _mean_of(losses.MeanSquaredLogarithmicError)
Hinge = _mean_of(losses.Hinge)
SquaredHinge = _mean_of(losses.SquaredHinge)
CategoricalHinge = _mean_of(losses.CategoricalHinge, "one-hot")
