from __future__ import annotations

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.engines.settings import Numpy
from fittool.experiment.results.baselines import Baselines, Task, baselines, explained
from fittool.experiment.results.linear_model import MOST_FEATURES, Features, fit_classes, fit_numbers


def blobs(count, seed=0, noise=1.0):
    """Three classes around three points."""
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centers = np.array([[0, 0, 0, 0], [2, 0, 1, 0], [0, 2, 0, 1]])
    return (centers[labels] + chance.normal(size=(count, 4)) * noise).astype(np.float32), labels


def dataset(x, y):
    return ArrayDataset(x, (y,), class_names=("a", "b", "c"))


def task(train, measured, kind="classes", **options):
    return Task(kind, train, measured, 3, Numpy(), 0, **options)


class TestClasses:
    def test_the_commonest_class_is_that_of_the_training_data(self):
        x, _ = blobs(6)
        found = baselines(task(dataset(x, np.array([1, 1, 1, 0, 0, 2])), dataset(x, np.array([0, 0, 1, 2, 2, 2]))))
        assert found.constant == pytest.approx(1 / 6)

    def test_a_line_is_as_good_as_scikit_learns(self):
        linear_model = pytest.importorskip("sklearn.linear_model")
        (x, y), (others, truth) = blobs(300), blobs(3000, seed=1)
        theirs = linear_model.LogisticRegression().fit(x, y).score(others, truth)
        assert baselines(task(dataset(x, y), dataset(others, truth))).line == pytest.approx(theirs, abs=0.01)

    def test_without_a_line_no_sample_is_loaded(self, monkeypatch):
        x, y = blobs(30)
        monkeypatch.setattr(ArrayDataset, "load", lambda self, indices: pytest.fail("a sample was loaded"))
        found = baselines(task(dataset(x, y), dataset(x, y), decoded=0))
        assert (found.line, found.constant) == (None, pytest.approx(1 / 3))

    def test_what_is_decoded_anew_is_a_twentieth_at_most(self):
        loaded = []

        class Decoded(ArrayDataset):
            def load(self, indices):
                loaded.append(len(indices))
                return super().load(indices)

        x, y = blobs(900)
        train, measured = (Decoded(x[:count], (y[:count],), class_names=("a", "b", "c")) for count in (900, 90))
        found = baselines(task(train, measured, decoded=20 * 300))
        assert (sum(loaded), found.trained_on) == (300, 210)
        loaded.clear()
        found = baselines(task(train, measured, decoded=20 * 100))
        assert (loaded, found.line) == ([], None)

    def test_the_same_each_time(self):
        x, y = blobs(500, noise=3)
        assert baselines(task(dataset(x, y), dataset(x, y))) == baselines(task(dataset(x, y), dataset(x, y)))


class TestNumbers:
    def test_a_line_is_least_squares(self):
        linear_model = pytest.importorskip("sklearn.linear_model")
        chance = np.random.default_rng(0)
        x, others = chance.normal(size=(200, 5)) * [1, 10, 100, 0.1, 0], chance.normal(size=(50, 5)) * [1, 10, 100, 0.1, 0]
        y = x @ chance.normal(size=(5, 2)) + chance.normal(size=(200, 2)) + 7
        theirs = linear_model.LinearRegression().fit(x, y).predict(others)
        np.testing.assert_allclose(fit_numbers(x.astype(np.float32), y, others.astype(np.float32)), theirs, rtol=1e-3, atol=1e-3)

    def test_mean_and_variance(self):
        x = np.arange(8, dtype=np.float32)[:, None]
        found = baselines(task(ArrayDataset(x, (x,)), ArrayDataset(x, (x,)), "numbers"))
        assert (found.constant, found.line, found.variance) == (0, pytest.approx(1), pytest.approx(5.25))

    def test_explained(self):
        metrics = pytest.importorskip("sklearn.metrics")
        chance = np.random.default_rng(1)
        truth = chance.normal(size=(40, 3))
        predicted = truth + chance.normal(size=(40, 3))
        assert explained(truth, predicted) == pytest.approx(metrics.r2_score(truth, predicted))
        assert explained(np.ones((3, 1)), np.zeros((3, 1))) == 0


def test_labels():
    x, y = blobs(300, noise=0.3)
    targets = np.stack([y == 1, y == 2], axis=1).astype(np.float32)
    found = baselines(task(ArrayDataset(x, (targets,)), ArrayDataset(x, (targets,)), "labels"))
    assert found.constant == pytest.approx(2 / 3)
    assert found.line > 0.95


class TestFeatures:
    def test_images_are_averaged_over_squares(self):
        image = np.zeros((1, 130, 128, 1), np.uint8)
        image[0, :3, :3] = 9
        found = Features().of((image,))
        assert found.shape[1] <= MOST_FEATURES
        assert found.max() == 9

    def test_small_images_and_several_inputs_stay_as_they_are(self):
        image, table = np.arange(8).reshape(1, 2, 2, 2), np.array([[7.0]])
        assert Features().of((image, table)).tolist() == [[*range(8), 7.0]]

    def test_tokens_are_counted(self):
        assert Features(4).of((np.array([[1, 3, 3], [0, 0, 0]]),)).tolist() == [[0, 1, 0, 2], [3, 0, 0, 0]]

    def test_what_does_not_vary_or_is_missing_is_no_number_that_is_not_finite(self):
        x = np.array([[1, np.nan, 5], [1, 2, 6], [1, 3, np.inf]] * 20, np.float32)
        scores = fit_classes(x, np.arange(60) % 3, x, 3, Numpy(), 0)
        assert np.isfinite(scores).all()

    def test_a_rare_answer_among_zeros_is_no_reason_to_warn(self):
        x = np.zeros((900, 2), np.float32)
        x[0, 0] = 1
        assert np.isfinite(fit_classes(x, np.arange(900) % 3, x, 3, Numpy(), 0)).all()  # warnings are errors in tests

    def test_too_large_a_line_is_not_fitted(self):
        x = np.zeros((300, 4096), np.float32)
        assert fit_classes(x, np.arange(300), x, 1000, Numpy(), 0) is None
        assert fit_numbers(x, np.zeros((300, 1)), x) is None


class TestWords:
    def test_sentence(self):
        assert (
            Baselines("classes", 0.632, 0.981, 10).sentence(0.956) == "accuracy 0.9560; a line 0.9810, the commonest class 0.6320"
        )
        assert Baselines("numbers", 0.0, None, 10).sentence(None) == "R² without a network: the mean 0.0000"

    def test_a_network_worse_than_a_line_is_said_aloud(self):
        assert "worse than a line" in Baselines("classes", 0.632, 0.981, 10).verdict(0.956)
        assert "no better than the commonest class" in Baselines("classes", 0.632, 0.981, 10).verdict(0.632)
        assert Baselines("classes", 0.632, 0.981, 10).verdict(0.981) == ""
        assert Baselines("classes", 0.632, None, 10).verdict(None) == ""

    def test_stored_and_restored(self):
        found = Baselines("numbers", 0.0, 0.5, 10, 20, 3.0)
        assert Baselines.restored(found.stored()) == found
        assert Baselines.restored({"kind": "classes"}) is None
        assert Baselines.restored({**found.stored(), "kind": "odd"}) is None
