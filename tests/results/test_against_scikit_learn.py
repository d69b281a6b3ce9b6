"""Figures of 200 random cases against scikit-learn's; skipped where it is not installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from results.random_cases import CASES, case

from fittool.results.calibration import Reliability, brier, log_loss
from fittool.results.classification import PerClass, balanced_accuracy, confusion_matrix
from fittool.results.ranking import macro_auc, roc_auc
from fittool.results.regression import TargetFigures

metrics = pytest.importorskip("sklearn.metrics")
calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve


@pytest.mark.parametrize("number", CASES)
def test_classes(number):
    one = case(number)
    confusion = confusion_matrix(one.truth, one.predicted, one.classes)
    labels = range(one.classes)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(one.truth, one.predicted, labels=labels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = metrics.precision_recall_fscore_support(one.truth, one.predicted, labels=labels, zero_division=0)
        means = {
            name: metrics.precision_recall_fscore_support(one.truth, one.predicted, average=name, zero_division=0)[:3]
            for name in ("macro", "weighted")
        }
        balanced = metrics.balanced_accuracy_score(one.truth, one.predicted)
    ours = PerClass.of(confusion)
    for mine, other in zip((ours.precision, ours.recall, ours.f1, ours.support), theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-15)
    assert tuple(ours.macro.values()) == pytest.approx(means["macro"], rel=1e-12)
    assert tuple(ours.weighted.values()) == pytest.approx(means["weighted"], rel=1e-12)
    assert balanced_accuracy(confusion) == pytest.approx(balanced, rel=1e-12)


@pytest.mark.parametrize("number", CASES)
def test_areas(number):
    one = case(number)
    known = len(np.unique(one.truth)) == one.classes
    if one.classes == 2:
        ours = roc_auc(one.truth == 1, one.probabilities[:, 1])
        theirs = metrics.roc_auc_score(one.truth, one.probabilities[:, 1]) if known else None
    else:
        ours = macro_auc(one.truth, one.probabilities)
        theirs = metrics.roc_auc_score(one.truth, one.probabilities, multi_class="ovr") if known else None
    assert ours == (None if theirs is None else pytest.approx(theirs, rel=1e-12))


@pytest.mark.parametrize("number", CASES)
def test_calibration(number):
    one = case(number)
    right, sure = one.truth == one.predicted, one.probabilities.max(axis=1)
    share, probability = calibration_curve(right, sure, n_bins=10)
    ours = Reliability.of(right, sure)
    np.testing.assert_allclose(ours.share, share, rtol=1e-12)
    np.testing.assert_allclose(ours.probability, probability, rtol=1e-12)
    assert ours.count.sum() == len(one.truth)
    if one.probabilities.min() > 1e-7:  # less is taken for so much, and for another least number there
        theirs = metrics.log_loss(one.truth, one.probabilities, labels=range(one.classes))
        assert log_loss(one.truth, one.probabilities) == pytest.approx(theirs, rel=1e-9)
    if one.classes == 2:
        expected = metrics.brier_score_loss(one.truth, one.probabilities[:, 1], pos_label=1)
        assert brier(one.truth == 1, one.probabilities[:, 1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("number", CASES)
def test_numbers(number):
    chance = np.random.default_rng(number)
    truth = chance.normal(size=50) * 10 ** chance.uniform(-3, 3)
    predicted = truth + chance.normal(size=50) * chance.uniform(0, 2)
    ours = TargetFigures.of(truth, predicted)
    assert ours.mae == pytest.approx(metrics.mean_absolute_error(truth, predicted), rel=1e-12)
    assert ours.rmse == pytest.approx(metrics.root_mean_squared_error(truth, predicted), rel=1e-12)
    assert ours.r2 == pytest.approx(metrics.r2_score(truth, predicted), rel=1e-9)
    assert ours.residual_quantiles[0.25] == pytest.approx(np.quantile(truth - predicted, 0.25))
