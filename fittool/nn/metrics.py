"""What is watched while training: Keras's metrics as settings, their formulas in each engine.

A metric appears in logs under its `name`; one given by a bare name keeps that name as it was written (`acc`, `mse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from fittool.nn import losses
from fittool.nn.shapes import Shape
from fittool.nn.targets import Expected, Measure
from fittool.settings import Family, Field, Integer, Named, Number, Text, setting


@setting
class Metric(Measure):
    """A measure that is watched."""

    name: Text | None = Field(default=None, description="Name in logs; Keras's own if absent.")

    @property
    def log_name(self) -> str:
        """The key in logs."""
        return self.keras_name if self.name is None else self.name


@setting
class _TopK(Named):
    """How deep a metric looks into the ranking of the classes."""

    k: Integer = Field(default=5, ge=1, description="The true class counts as found if it is among this many.")


@setting
class _Share(Metric):
    """A share of right answers: the more, the better."""

    mode: ClassVar[Literal["min", "max"]] = "max"


@setting
class BinaryAccuracy(_Share):
    """The share of outputs on the target's side of a threshold."""

    threshold: Number = Field(default=0.5, description="Outputs above it count as 1.")


@setting
class SparseCategoricalAccuracy(_Share):
    """The share of samples whose largest output is that of their class number."""

    expects: ClassVar[Expected] = "class numbers"


@setting
class CategoricalAccuracy(_Share):
    """The share of samples whose largest output is where their target is largest."""

    expects: ClassVar[Expected] = "one-hot"


@setting
class SparseTopKCategoricalAccuracy(_Share, _TopK):
    """The share of samples whose class number is among the k largest outputs."""

    expects: ClassVar[Expected] = "class numbers"


@setting
class TopKCategoricalAccuracy(_Share, _TopK):
    """The share of samples whose largest target is among the k largest outputs."""

    expects: ClassVar[Expected] = "one-hot"


@setting
class SparseCategoricalCrossentropy(Metric, losses.SparseCategoricalCrossentropy):
    """The loss of that name, without weights or penalties."""


@setting
class CategoricalCrossentropy(Metric, losses.CategoricalCrossentropy):
    """The loss of that name, without weights or penalties."""


@setting
class BinaryCrossentropy(Metric, losses.BinaryCrossentropy):
    """The loss of that name, without weights or penalties."""


@setting
class MeanSquaredError(Metric, losses.MeanSquaredError):
    """The loss of that name, without weights or penalties."""


@setting
class MeanAbsoluteError(Metric, losses.MeanAbsoluteError):
    """The loss of that name, without weights or penalties."""


@setting
class RootMeanSquaredError(Metric):
    """The square root of the mean of all squared differences."""


def _form(target_shape: Shape, output_shape: Shape) -> Literal["binary", "sparse", "categorical"]:
    """What kind of answer is asked for, told from the shapes as Keras does."""
    if output_shape[-1:] == (1,):
        return "binary"
    return "sparse" if len(target_shape) < len(output_shape) or target_shape[-1] == 1 else "categorical"


@setting
class Accuracy(_Share):
    """Binary, sparse categorical or categorical accuracy, whichever the shapes ask for."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The accuracy for these shapes, under the same name."""
        kinds: dict[str, type[Metric]] = {
            "binary": BinaryAccuracy,
            "sparse": SparseCategoricalAccuracy,
            "categorical": CategoricalAccuracy,
        }
        return kinds[_form(target_shape, output_shape)](name=self.log_name)


@setting
class Crossentropy(Metric):
    """Binary, sparse categorical or categorical crossentropy of probabilities, whichever the shapes ask for."""

    def resolved(self, target_shape: Shape, output_shape: Shape) -> Measure:
        """The crossentropy for these shapes, under the same name."""
        kinds: dict[str, type[Metric]] = {
            "binary": BinaryCrossentropy,
            "sparse": SparseCategoricalCrossentropy,
            "categorical": CategoricalCrossentropy,
        }
        return kinds[_form(target_shape, output_shape)](name=self.log_name)


class MetricFamily(Family[Metric]):
    """Metrics remember under which name they were asked for."""

    def parse(self, value: object) -> Metric:
        """Turn a name, `{name: arguments}` or a metric into the metric; a name that is not the class's own is kept."""
        metric = super().parse(value)
        written = value if isinstance(value, str) else next(iter(value)) if isinstance(value, Mapping) else None
        if metric.name is None and written not in (None, metric.public_name(), metric.keras_name):
            return replace(metric, name=str(written))
        return metric


METRICS = MetricFamily(
    "metric",
    {
        cls.__name__: cls
        for cls in (
            Accuracy,
            BinaryAccuracy,
            SparseCategoricalAccuracy,
            CategoricalAccuracy,
            SparseTopKCategoricalAccuracy,
            TopKCategoricalAccuracy,
            Crossentropy,
            SparseCategoricalCrossentropy,
            CategoricalCrossentropy,
            BinaryCrossentropy,
            MeanSquaredError,
            MeanAbsoluteError,
            RootMeanSquaredError,
        )
    },
    aliases={
        "acc": "Accuracy",
        "ce": "Crossentropy",
        "bce": "BinaryCrossentropy",
        "mse": "MeanSquaredError",
        "mae": "MeanAbsoluteError",
        "rmse": "RootMeanSquaredError",
    },
)

MetricSetting = Annotated[Metric, METRICS]
"""A metric by name, by name with arguments, or as an object."""
