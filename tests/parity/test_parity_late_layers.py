"""A layer that begins to learn late: as with a freshly compiled optimizer of Keras, and a late group of PyTorch's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import fittool as ft
from fittool.nn.optimizers import OPTIMIZERS

RATE, STEPS, EPSILON = 0.003, 12, 1e-12
X = [np.random.default_rng(number).normal(size=(8, 5)).astype(np.float32) for number in range(2 * STEPS)]
Y = [np.random.default_rng(number).normal(size=(8, 2)).astype(np.float32) for number in range(2 * STEPS)]
THEIRS = {
    "Adam": lambda weights: torch.optim.Adam(weights, lr=RATE, eps=EPSILON),
    "AdamW": lambda weights: torch.optim.AdamW(weights, lr=RATE, eps=EPSILON, weight_decay=0.004),
    "Adamax": lambda weights: torch.optim.Adamax(weights, lr=RATE, eps=EPSILON),
}
"""Those of PyTorch's optimizers whose formulas are Keras's, but for where epsilon stands; so it is next to nothing."""


def networks():
    """The same two layers in Keras and in fittool."""
    theirs = keras.Sequential([keras.Input((5,)), keras.layers.Dense(6, "tanh"), keras.layers.Dense(2)])
    ours = ft.Sequential([ft.Input(shape=(5,)), ft.layers.Dense(6, activation="tanh"), ft.layers.Dense(2)])
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def train_ours(model, optimizer):
    """The last layer alone, then both, with one optimizer."""
    model.compile(optimizer=optimizer, loss="mse")
    model.layers[0].trainable = False
    for x, y in zip(X[:STEPS], Y[:STEPS], strict=True):
        model.train_on_batch(x, y)
    model.layers[0].trainable = True
    for x, y in zip(X[STEPS:], Y[STEPS:], strict=True):
        model.train_on_batch(x, y)


def gradients(model, x, y):
    """Of the mean squared error, weight by weight."""
    weights = [weight.value for weight in model.trainable_weights]
    return torch.autograd.grad(((model(x) - torch.from_numpy(y)) ** 2).mean(), weights)


def assert_same_weights(ours, theirs):
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("name", OPTIMIZERS.members)
def test_as_a_freshly_compiled_optimizer_of_keras(name):
    ours, theirs = networks()
    early, late = (keras.optimizers.get({"class_name": name, "config": {"learning_rate": RATE}}) for _ in range(2))
    for step, (x, y) in enumerate(zip(X, Y, strict=True)):
        slopes = gradients(theirs, x, y)
        early.apply(slopes[2:], theirs.trainable_weights[2:])
        if step >= STEPS:
            late.apply(slopes[:2], theirs.trainable_weights[:2])
    train_ours(ours, {name: {"learning_rate": RATE}})
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("name", THEIRS)
def test_as_a_late_group_of_pytorchs_optimizer(name):
    ours, theirs = networks()
    weights = [weight.value for weight in theirs.trainable_weights]
    optimizer = THEIRS[name](weights[2:])
    for step, (x, y) in enumerate(zip(X, Y, strict=True)):
        if step == STEPS:
            optimizer.add_param_group({"params": weights[:2]})
        for weight, slope in zip(weights, gradients(theirs, x, y), strict=True):
            weight.grad = slope
        optimizer.step()
    train_ours(ours, {name: {"learning_rate": RATE, "epsilon": EPSILON}})
    assert_same_weights(ours, theirs)
