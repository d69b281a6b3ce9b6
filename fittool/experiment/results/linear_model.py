"""A linear model of any inputs, fitted in about a second: least squares, or one layer trained by the run's engine."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.engines.settings import EngineSetting
from fittool.model.model import Model
from fittool.nn.initializers import Zeros
from fittool.nn.layers import Dense
from fittool.nn.optimizers import Adam
from fittool.nn.regularizers import L2
from fittool.nn.schedules import CosineDecay

Floats = NDArray[np.float32]
MOST_FEATURES = 4096
_MOST_SOLVED = 1024
"""So many features, at most, are solved for at once; their products with each other are a matrix."""
_STEPS, _BATCH = 400, 256
_MOST_PRODUCTS = 5e9
"""Multiplications of a whole training of one layer, at most: about a second of one processor."""
_LEAST_STEPS = 100
_RATE = 0.4
_RIDGE, _DECAY = 1e-6, 1e-3
_IMAGE_AXES = 3
_FAR = 10.0
"""Deviations from the mean beyond which a feature is as far as it can be; a rare answer as a 1 among zeros may be dozens away."""


class Features:
    """Inputs as rows of numbers: images averaged to a smaller size, sequences of tokens counted, all else as it is.

    Args:
        tokens: The number of tokens, where the only input holds their numbers; else None.
    """

    def __init__(self, tokens: int | None = None) -> None:
        self._tokens = tokens if tokens is not None and tokens <= MOST_FEATURES else None

    def of(self, inputs: tuple[Array, ...]) -> Floats:
        """(N, D) of inputs (N, …)."""
        if self._tokens is not None:
            return _counted(inputs[0], self._tokens)
        return np.concatenate([_flat(array) for array in inputs], axis=1)


def _counted(tokens: Array, size: int) -> Floats:
    rows = np.asarray(tokens).reshape(len(tokens), -1).astype(np.int64).clip(0, size - 1)
    places = rows + np.arange(len(rows))[:, None] * size
    return np.bincount(places.reshape(-1), minlength=len(rows) * size).reshape(len(rows), size).astype(np.float32)


def _flat(array: Array) -> Floats:
    """(N, D) of (N, …); an image too large is averaged over squares first."""
    images = np.asarray(array, np.float32)
    if images.ndim == _IMAGE_AXES + 1:
        _, height, width, channels = images.shape
        side = 1
        while (height // side) * (width // side) * channels > MOST_FEATURES and min(height, width) > side:
            side += 1
        if side > 1:
            images = images[:, : height // side * side, : width // side * side]
            images = images.reshape(len(images), height // side, side, width // side, side, channels).mean(axis=(2, 4))
    return images.reshape(len(images), -1)


def _scaled(x: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Both on the scale on which x (N, D) has mean 0 and deviation 1; what does not vary there, or is missing, is 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        center, spread = np.nanmean(x, axis=0, dtype=np.float64), np.nanstd(x, axis=0, dtype=np.float64)
        factor = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
        first, second = (np.nan_to_num((one - center) * factor, nan=0, posinf=0, neginf=0) for one in (x, others))
    return first.clip(-_FAR, _FAR).astype(np.float32), second.clip(-_FAR, _FAR).astype(np.float32)


def fit_numbers(x: Floats, y: NDArray[np.float64], others: Floats) -> NDArray[np.float64] | None:
    """Least squares with a trace of ridge, for numbers.

    Args:
        x: (N, D) features.
        y: (N, T) numbers.
        others: (M, D) features of what is asked for.

    Returns:
        (M, T) numbers; None for too many features.
    """
    if x.shape[1] > _MOST_SOLVED:
        return None
    x, others = _scaled(x, others)
    wide = x.astype(np.float64)
    center = y.mean(axis=0)
    products = wide.T @ wide + _RIDGE * len(wide) * np.eye(wide.shape[1])
    return np.asarray(others @ np.linalg.solve(products, wide.T @ (y - center)) + center)


def fit_classes(
    x: Floats, targets: NDArray[Any], others: Floats, classes: int, engine: EngineSetting, seed: int
) -> Floats | None:
    """Logistic regression: one Dense layer with softmax, or sigmoid for labels, on standardised features.

    Args:
        x: (N, D) features.
        targets: (N,) class numbers, or (N, K) which labels hold.
        others: (M, D) features of what is asked for.
        classes: How many classes there are.
        engine: What trains it.
        seed: Decides the order of the samples.

    Returns:
        (M, K) a probability for each class or label; None where it would take too long.
    """
    of_labels = targets.ndim > 1
    units = targets.shape[1] if of_labels else classes
    batch = min(len(x), _BATCH)
    steps = min(_STEPS, int(_MOST_PRODUCTS / (3.0 * batch * x.shape[1] * units)))
    if steps < _LEAST_STEPS:
        return None
    x, others = _scaled(x, others)
    activation: Any = "sigmoid" if of_labels else "softmax"
    layer = Dense(units, activation=activation, kernel_initializer=Zeros(), kernel_regularizer=L2(_DECAY))
    model = Model([layer], input_shape=(x.shape[1],), engine=engine, seed=seed)
    rate = CosineDecay(initial_learning_rate=_RATE / x.shape[1] ** 0.5, decay_steps=steps)
    loss = "binary_crossentropy" if of_labels else "sparse_categorical_crossentropy"
    model.compile(Adam(learning_rate=rate), loss)
    targets = targets.astype(np.float32) if of_labels else np.clip(targets, 0, classes - 1)
    per_pass = -(-len(x) // batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what `fit` advises is advice for the user's networks
        model.fit(x, targets, batch_size=batch, epochs=-(-steps // per_pass), verbose=0)
    scores = np.asarray(model.predict(others, batch_size=1024))
    model.network.close()
    return scores
