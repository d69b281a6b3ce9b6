"""Sample and class weights, alone and together, and metrics with and without them."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft

WEIGHTS = np.linspace(0.1, 2, 50)
BY_CLASS = {0: 1.0, 1: 2.0, 2: 0.5}


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def fitted(model, *data, **arguments):
    model.fit(*data, **{"epochs": 2, "verbose": 0, **arguments})
    return model


def batches(x, y):
    return ((x[start : start + 10], y[start : start + 10]) for start in range(0, 50, 10))


class Sequence:
    def __init__(self, x, y):
        self.batches = list(batches(x, y))

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def by_class(y):
    return np.array([BY_CLASS[label] for label in y])


def balanced(y):
    counts = np.bincount(y)
    return (len(y) / (len(counts) * counts))[y]


def test_class_weights_become_sample_weights(make, x, y):
    assert same(fitted(make(), x, y, class_weight=BY_CLASS), fitted(make(), x, y, sample_weight=by_class(y)))


def test_class_and_sample_weights_multiply(make, x, y):
    """Keras refuses the two together."""
    both = fitted(make(), x, y, class_weight=BY_CLASS, sample_weight=WEIGHTS)
    product = by_class(y).astype(np.float32) * WEIGHTS.astype(np.float32)
    assert same(both, fitted(make(), x, y, sample_weight=product))


def test_balanced_makes_classes_count_alike(make, x, y):
    """Keras knows no `balanced`."""
    assert same(fitted(make(), x, y, class_weight="balanced"), fitted(make(), x, y, sample_weight=balanced(y)))


def test_class_weights_with_a_generator(make, x, y):
    """Keras refuses class weights with a generator."""
    ours = make()
    ours.fit_generator(batches(x, y), verbose=0, class_weight=BY_CLASS)
    arrays = fitted(make(), x, y, epochs=1, batch_size=10, shuffle=False, class_weight=BY_CLASS)
    assert same(ours, arrays)


def test_balanced_with_a_sequence_counts_all_labels(make, x, y):
    ours = make()
    ours.fit_generator(Sequence(x, y), verbose=0, class_weight="balanced")
    assert same(ours, fitted(make(), x, y, epochs=1, batch_size=10, shuffle=False, class_weight="balanced"))


def test_balanced_with_a_generator_counts_what_it_has_seen(make, x, y):
    ours, stepped = make(), make()
    ours.fit_generator(batches(x, y), verbose=0, class_weight="balanced")
    for start in range(0, 50, 10):
        weights = balanced(y[: start + 10])[start:]
        stepped.train_on_batch(x[start : start + 10], y[start : start + 10], sample_weight=weights)
    assert same(ours, stepped)


def test_train_on_batch_multiplies_too(make, x, y):
    one, two = make(), make()
    one.train_on_batch(x, y, sample_weight=WEIGHTS, class_weight=BY_CLASS)
    two.train_on_batch(x, y, sample_weight=by_class(y) * WEIGHTS)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))


def test_one_hot_targets_have_classes_too(make, x, y):
    rows = np.eye(3)[y]
    ours = fitted(make(loss="categorical_crossentropy"), x, rows, class_weight=BY_CLASS)
    assert same(ours, fitted(make(loss="categorical_crossentropy"), x, rows, sample_weight=by_class(y)))


def test_class_weights_are_not_for_validation(make, x, y):
    model = make()
    history = model.fit(x, y, epochs=1, verbose=0, class_weight={0: 9.0}, validation_data=(x, y))
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(x, y, verbose=0)["loss"])


def test_a_class_that_the_network_has_not_is_an_error(make, x, y):
    with pytest.raises(ValueError, match="there is no class 7"):
        fitted(make(), x, y, class_weight={7: 1.0})


def test_a_class_without_samples_is_none(make, x, y):
    few = np.minimum(y, 1)
    assert same(fitted(make(), x, few, class_weight={2: 3.0}), fitted(make(), x, few))


def test_class_weights_need_classes(x, z):
    model = ft.Model([ft.layers.Dense(1)], input_shape=(4,))
    model.compile(loss="mse")
    with pytest.raises(ValueError, match="class_weight needs one output with classes"):
        fitted(model, x, np.abs(z[:, 0]) + 0.3, class_weight=BY_CLASS)


def test_class_weights_need_one_output(make_two, x, y, z):
    with pytest.raises(ValueError, match="class_weight needs one output"):
        fitted(make_two(), x, [y, z], class_weight=BY_CLASS)


def test_loss_divides_by_the_number_and_weighted_metrics_by_the_sum_of_weights(make, x, y):
    rows = np.eye(3)[y]
    model = make(loss="mse", metrics=["mse"], weighted_metrics=["mse"])
    logs = model.evaluate(x, rows, sample_weight=WEIGHTS, batch_size=50, verbose=0)
    values = np.square(model.predict(x) - rows).mean(axis=1)
    assert logs["loss"] == pytest.approx((values * WEIGHTS).sum() / 50, rel=1e-5)
    assert logs["mse"] == pytest.approx(values.mean(), rel=1e-5)
    assert logs["weighted_mse"] == pytest.approx((values * WEIGHTS).sum() / WEIGHTS.sum(), rel=1e-5)


def test_weights_below_zero_are_refused(make, x, y):
    with pytest.raises(ValueError, match="a weight must be at least 0"):
        fitted(make(), x, y, sample_weight=-WEIGHTS)


def normalizing_model():
    model = ft.Model([ft.layers.Normalization(), ft.layers.Dense(1)], input_shape=(2,), seed=1)
    model.compile(optimizer="sgd", loss="mse")
    return model


def test_normalization_takes_mean_and_variance_of_the_training_part():
    x = np.array([[1, 10], [3, 30], [5, 50], [1000, 1000]], np.float32)
    model = normalizing_model()
    model.fit(x, np.zeros((4, 1)), epochs=1, validation_split=0.25, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [3, 30])
    np.testing.assert_allclose(model.get_weights()[1], [8 / 3, 800 / 3], rtol=1e-6)


def test_normalization_keeps_what_was_set_and_what_it_has():
    x = np.array([[1, 10], [3, 30]], np.float32)
    model = normalizing_model()
    mean, variance, *others = model.get_weights()
    model.set_weights([mean + 7, variance, *others])
    for _ in range(2):
        model.fit(x, np.zeros((2, 1)), epochs=1, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], [7, 7])
