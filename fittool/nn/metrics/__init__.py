"""The values watched while training: Keras's metrics as settings, their formulas in each engine.

`accuracies`, `counts` and `means` are families, `own` is a function of the user's. Whoever may import `nn` may enter. A
metric says what it asks of targets; which sums stand behind it is in `nn.accumulators`, and what a batch adds in each engine.

A metric appears in logs under its `name`; one given by a bare name keeps that name as it was written (`acc`, `mse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fittool.nn.metrics.accuracies import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from fittool.nn.metrics.counts import (
    AUC,
    F1Score,
    FalseNegatives,
    FalsePositives,
    Precision,
    R2Score,
    Recall,
    TrueNegatives,
    TruePositives,
)
from fittool.nn.metrics.means import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Crossentropy,
    Hinge,
    KLDivergence,
    LogCoshError,
    LossMean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from fittool.nn.metrics.own import FunctionMetric
from fittool.nn.targets import Metric
from fittool.settings import Family

__all__ = [
    "AUC",
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Crossentropy",
    "F1Score",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "LossMean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "MetricFamily",
    "MetricSetting",
    "Poisson",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
]


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
            AUC,
            Precision,
            Recall,
            F1Score,
            TruePositives,
            TrueNegatives,
            FalsePositives,
            FalseNegatives,
            Crossentropy,
            SparseCategoricalCrossentropy,
            CategoricalCrossentropy,
            BinaryCrossentropy,
            KLDivergence,
            Poisson,
            MeanSquaredError,
            RootMeanSquaredError,
            MeanAbsoluteError,
            MeanAbsolutePercentageError,
            MeanSquaredLogarithmicError,
            LogCoshError,
            CosineSimilarity,
            R2Score,
            Hinge,
            SquaredHinge,
            CategoricalHinge,
        )
    },
    aliases={
        "acc": "Accuracy",
        "ce": "Crossentropy",
        "bce": "BinaryCrossentropy",
        "mse": "MeanSquaredError",
        "rmse": "RootMeanSquaredError",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "msle": "MeanSquaredLogarithmicError",
        "kld": "KLDivergence",
        "logcosh": "LogCoshError",
        "r2": "R2Score",
    },
)

MetricSetting = Annotated[Metric, METRICS]
"""A metric by name, by name with arguments, or as an object."""
