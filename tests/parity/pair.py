"""The runner of all cases: the same network twice, with the same weights, and what has to agree after the same training."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from parity.networks import KerasNetwork, Network, fittool_model, keras_object

BATCH, SAMPLES, EPOCHS = 8, 76, 5
"""Ten batches, the last of four samples; five epochs make fifty steps."""
SGD = {"SGD": {"learning_rate": 0.01}}
STRICT, LOOSE = 1e-5, 1e-4


def numbers(*shape, seed=0):
    """Normally distributed inputs or targets."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def classes(count, samples=SAMPLES, seed=1):
    """Class numbers."""
    return np.random.default_rng(seed).integers(0, count, samples)


def one_hot(count, samples=SAMPLES, seed=1):
    """Classes as rows of one 1 and else 0."""
    return np.eye(count, dtype=np.float32)[classes(count, samples, seed)]


class Pair:
    """A network in Keras and in fittool, compiled alike and with the same weights.

    Args:
        network: What both are.
        compile: Arguments of `compile` in the experiment file's form.
    """

    def __init__(self, network: Network, **compile) -> None:
        compile = {"optimizer": SGD, "loss": "MeanSquaredError"} | compile
        name = next(iter(compile["optimizer"])) if isinstance(compile["optimizer"], Mapping) else compile["optimizer"]
        self.tolerance = STRICT if name == "SGD" else LOOSE
        self.network = KerasNetwork(network)
        self.keras, self.ours = self.network.model, fittool_model(network)
        self.ours.compile(**compile)
        self.ours.set_weights(self.network.weights())
        self.keras.compile(**_for_keras(compile), jit_compile=False)

    def fit(self, *arguments, **settings):
        """Train both and compare all epochs; Keras's history."""
        settings = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "verbose": 0} | settings
        theirs = self.keras.fit(*arguments, **settings).history
        ours = self.ours.fit(*arguments, **settings).history
        assert_same_history(ours, theirs, self.tolerance)
        return theirs

    def assert_same_weights(self):
        """Compare all weights, each array by the norm of the difference."""
        pairs = zip(self.ours.get_weights(), self.network.weights(), strict=True)
        distances = [float(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-6)) for ours, theirs in pairs]
        assert max(distances, default=0) <= LOOSE, distances

    def assert_agree(self, *arguments, **settings):
        """Fit both, and compare what they report and what they have become."""
        self.fit(*arguments, **settings)
        self.assert_same_weights()


def assert_same_history(ours, theirs, tolerance):
    """The same keys, and the same numbers in each epoch."""
    names = set(theirs) - {"learning_rate"}
    assert set(ours) - {"learning_rate"} == names
    for name in names:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=tolerance, atol=1e-7, err_msg=name)


def _for_keras(compile):
    homes = {"loss": keras.losses, "metrics": keras.metrics, "weighted_metrics": keras.metrics}
    made = {name: _each(value, homes[name]) if name in homes else value for name, value in compile.items()}
    return made | {"optimizer": keras_object(compile["optimizer"], keras.optimizers)}


def _each(value, home):
    """Names stay as they are written; `{Class: arguments}` becomes an object, also inside lists and mappings by output."""
    if isinstance(value, list | tuple):
        return [_each(item, home) for item in value]
    if not isinstance(value, Mapping):
        return getattr(home, value)() if isinstance(value, str) and hasattr(home, value) and value[0].isupper() else value
    if len(value) == 1 and hasattr(home, str(next(iter(value)))):
        return keras_object(value, home)
    return {name: _each(item, home) for name, item in value.items()}
