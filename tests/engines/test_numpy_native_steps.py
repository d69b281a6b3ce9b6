"""Losses and optimizers by kernels: the loss is NumPy's but for rounding, the updates are to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines.native_pair import Pair, needs_kernels

from fittool.data.batch import Batch
from fittool.engines.numpy_engine.native.optimizers import NativeRule, native_rule
from fittool.engines.numpy_engine.optimizers import update_rule
from fittool.kernels.library import open_library
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

pytestmark = needs_kernels

OPTIMIZERS: list[Optimizer] = [
    SGD(),
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True, weight_decay=0.01),
    Adam(),
    Adam(amsgrad=True, epsilon=1e-3),
    AdamW(weight_decay=0.02),
    RMSprop(rho=0.8),
]


@pytest.mark.parametrize("setting", OPTIMIZERS, ids=lambda one: repr(one)[:60])
@pytest.mark.parametrize("size", [1, 15, 1000])
def test_updates_are_the_same_bytes(setting: Optimizer, size: int) -> None:
    library, plain = open_library("native"), update_rule(setting)
    assert library is not None
    native = native_rule(plain, library)
    assert isinstance(native, NativeRule)
    states = []
    for rule in (plain, native):
        rng = np.random.default_rng(size)
        weights = rng.normal(size=size).astype(np.float32)
        slots = {name: np.full(size, start, np.float32) for name, start in setting.slots().items()}
        gradients, scratch = np.zeros(size, np.float32), np.zeros((rule.scratch_rows, size), np.float32)
        for step in range(1, 300):
            gradients[:] = rng.normal(size=size) * rng.choice([0, 1e-20, 1, 1e6], size=size)
            rule.update(weights, gradients, slots, 0.01 / step, step, scratch)
        states.append(weights.tobytes() + b"".join(array.tobytes() for array in slots.values()))
    assert states[0] == states[1]


def test_optimizers_without_a_kernel_stay_numpy_s() -> None:
    library = open_library("native")
    assert library is not None
    for setting in (RMSprop(momentum=0.5), RMSprop(centered=True)):
        plain = update_rule(setting)
        assert native_rule(plain, library) is plain


@pytest.mark.parametrize("classes", [2, 10, 37])
def test_the_crossentropy_of_class_numbers(classes: int) -> None:
    layers: list[Any] = [{"Dense": {"units": 20, "activation": "tanh"}}, {"Dense": {"units": classes, "activation": "softmax"}}]
    pair = Pair(layers, (6,), loss=SparseCategoricalCrossentropy())
    rng = np.random.default_rng(0)
    for count in (1, 8, 33):
        # Far from 0, so that some probabilities are too small to have a logarithm.
        x = (rng.normal(size=(count, 6)) * rng.choice([1, 100])).astype(np.float32)
        pair.step(Batch((x,), (rng.integers(0, classes, count),)))
        pair.assert_close()
        weighted = Batch((x,), (rng.integers(0, classes, count),), rng.random(count).astype(np.float32))
        pair.step(weighted)
        pair.assert_close()
    pair.close()


def test_losses_that_overflow_are_counted_as_numpy_s_are() -> None:
    pair = Pair([{"Dense": {"units": 3}}], (4,))
    batch = Batch((np.full((2, 4), 3e38, np.float32),), (np.zeros((2, 3), np.float32),))
    pair.step(batch)
    assert pair.native.health.first_bad_step == pair.numpy.health.first_bad_step == 1
    assert set(pair.native.health.faults) >= {"overflow"}
    pair.close()
