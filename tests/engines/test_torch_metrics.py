"""The metrics of the PyTorch engine against those of the NumPy engine: the same sums, to the last digit or nearly."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine.metrics import metric_update as numpy_update
from fittool.nn import metrics as m
from fittool.nn.accumulators import accumulator_of

torch = pytest.importorskip("torch")

GENERATOR = np.random.default_rng(2)
NUMBERS = GENERATOR.integers(0, 4, 50)
OUTPUTS = GENERATOR.dirichlet(np.ones(4), 50).astype(np.float32)
WEIGHTS = GENERATOR.uniform(0, 2, 50).astype(np.float32)
ONE_HOT = np.eye(4, dtype=np.float32)[NUMBERS]


def sums_of(metric: m.Metric, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> list[np.ndarray]:
    """The sums of one batch on both engines."""
    from fittool.engines.torch_engine.metrics import metric_update

    accumulator = accumulator_of(metric.resolved(targets.shape[1:], outputs.shape[1:]), outputs.shape[1:])
    numpy, held = np.zeros(accumulator.size), torch.zeros(accumulator.size, dtype=torch.float64)
    numpy_update(accumulator)(numpy, targets, outputs, weights)
    given = [torch.from_numpy(array) if array is not None else None for array in (targets, outputs, weights)]
    more = metric_update(accumulator)(held, *given)
    found = held.numpy()
    found[1:2] += more
    return [numpy, found]


def variants() -> list[m.Metric]:
    """Every metric with its defaults, and those whose arguments change what is counted."""
    return [
        *(kind() for kind in m.METRICS.members.values()),
        m.BinaryAccuracy(threshold=0.15),
        m.SparseTopKCategoricalAccuracy(2),
        m.TopKCategoricalAccuracy(2),
        m.SparseCategoricalCrossentropy(ignore_class=2),
        m.Precision(0.4, class_id=1),
        m.Recall(top_k=2),
        m.AUC(curve="PR", thresholds=(0.3, 0.6)),
        m.AUC(multi_label=True, from_logits=True),
        m.F1Score("weighted", 0.3),
        m.R2Score(class_aggregation="variance_weighted_average", num_regressors=2),
    ]


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("metric", variants(), ids=str)
def test_both_engines_add_the_same(metric: m.Metric, weights: np.ndarray | None) -> None:
    numbers = metric.expects == "class numbers" or metric.keras_name.startswith("sparse")
    numpy, found = sums_of(metric, NUMBERS if numbers else ONE_HOT, OUTPUTS, weights)
    np.testing.assert_allclose(found, numpy, rtol=1e-6, atol=1e-9)


def test_outputs_that_are_no_numbers() -> None:
    outputs = OUTPUTS.copy()
    outputs[0] = np.nan
    for metric in (m.AUC(), m.Recall(), m.TopKCategoricalAccuracy(2)):
        numpy, found = sums_of(metric, ONE_HOT, outputs, None)
        np.testing.assert_array_equal(found, numpy)


def test_a_function_of_the_users_takes_arrays() -> None:
    numpy, found = sums_of(m.FunctionMetric(function=lambda y, p: np.abs(y - p).max(axis=-1)), ONE_HOT, OUTPUTS, WEIGHTS)
    np.testing.assert_allclose(found, numpy, rtol=1e-6)
