"""Losses by kernels against the formulas in NumPy: value and gradient of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines.native_pair import needs_kernels

from fittool.engines.numpy_engine.losses import loss_function
from fittool.engines.numpy_engine.native.losses import NativeElementLoss, native_loss
from fittool.kernels.library import find_library
from fittool.nn.activations import sigmoid, softmax
from fittool.nn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

pytestmark = needs_kernels
LOSSES: dict[str, Loss] = {
    "squared": MeanSquaredError(),
    "absolute": MeanAbsoluteError(),
    "binary": BinaryCrossentropy(),
    "binary logits": BinaryCrossentropy(from_logits=True),
    "categorical": CategoricalCrossentropy(from_logits=True),
    "sparse": SparseCategoricalCrossentropy(from_logits=True),
}
SHAPES = [(1, 1), (2, 3), (5, 16), (7, 33), (3, 4, 9), (11, 2), (40, 1), (0, 3)]


def case(name: str, shape: tuple[int, ...], rng: np.random.Generator, size: float = 3.0) -> dict[str, Any]:
    """Targets, outputs and probabilities of a loss, in float32."""
    outputs = (rng.normal(size=shape) * size).astype(np.float32)
    if name == "binary":
        outputs = np.clip(sigmoid(outputs), 0, 1)
    if name == "sparse":
        targets = rng.integers(0, shape[-1], shape[:-1])
    elif name == "categorical":
        targets = rng.uniform(0, 1, shape).astype(np.float32) * rng.integers(0, 2, shape)
    else:
        targets = rng.uniform(0, 1, shape).astype(np.float32)
    squashed = {"binary logits": sigmoid, "categorical": softmax, "sparse": softmax}.get(name)
    return {"targets": targets, "outputs": outputs, "squashed": None if squashed is None else squashed(outputs)}


def compare(name: str, arrays: dict[str, Any], weights: Any, tolerance: float = 2e-5) -> None:
    plain = loss_function(LOSSES[name])
    native = native_loss(plain, find_library()[0])
    assert type(native) is not type(plain)
    ours, theirs = (np.full_like(arrays["outputs"], 7) for _ in range(2))
    with np.errstate(all="ignore"):
        expected = plain.batch_loss(weights=weights, gradient=theirs, **arrays)
        found = native.batch_loss(weights=weights, gradient=ours, **arrays)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * max(float(np.abs(theirs).max(initial=0)), 1e-6))
    assert native.batch_loss(weights=weights, gradient=None, **arrays) == found or not np.isfinite(found)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_kernels_agree_with_the_formulas(name: str, weighted: bool) -> None:
    for seed, shape in enumerate(SHAPES):
        if name in ("categorical", "sparse") and not shape[-1]:
            continue
        rng = np.random.default_rng(seed)
        weights = rng.uniform(0, 2, shape[: 1 + seed % (len(shape) - 1)]) if weighted else None
        compare(name, case(name, shape, rng), weights)


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_far_away(name: str) -> None:
    """Probabilities of 0 and 1, of which some have no logarithm."""
    for shape in ((9, 2), (5, 40)):
        compare(name, case(name, shape, np.random.default_rng(1), size=200.0), None)


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_that_are_no_numbers_show(name: str) -> None:
    arrays = case(name, (4, 3), np.random.default_rng(0))
    for array in (arrays["outputs"], arrays["squashed"]):
        if array is not None:
            array[2] = np.nan
    native, gradient = native_loss(loss_function(LOSSES[name]), find_library()[0]), np.zeros((4, 3), np.float32)
    arrays["targets"] = np.abs(arrays["targets"]) + (0 if name == "sparse" else 0.1)
    assert np.isnan(native.batch_loss(weights=None, gradient=gradient, **arrays))
    assert np.isnan(gradient[2]).all()
    assert np.isfinite(gradient[[0, 1, 3]]).all()


def test_what_has_no_kernel_stays_with_numpy() -> None:
    library = find_library()[0]
    for setting in (BinaryCrossentropy(label_smoothing=0.1), MeanSquaredError(reduction="sum")):
        plain = loss_function(setting)
        assert native_loss(plain, library) is plain
    plain = loss_function(CategoricalCrossentropy())  # probabilities that no softmax is known of
    native, arrays = native_loss(plain, library), case("categorical", (4, 3), np.random.default_rng(0))
    assert isinstance(native, NativeElementLoss)
    outputs = softmax(arrays["outputs"])
    assert native.batch_loss(arrays["targets"], outputs, None, None) == plain.batch_loss(arrays["targets"], outputs, None, None)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("change", ["double precision", "every second column"])
def test_arrays_that_no_kernel_reads_are_left_to_numpy(name: str, change: str) -> None:
    native, plain = native_loss(loss_function(LOSSES[name]), find_library()[0]), loss_function(LOSSES[name])
    arrays = case(name, (5, 6), np.random.default_rng(3))
    for which in ("outputs", "squashed"):
        if (one := arrays[which]) is not None:
            arrays[which] = one.astype(np.float64) if change == "double precision" else np.repeat(one, 2, axis=1)[:, ::2]
    assert native.batch_loss(weights=None, gradient=None, **arrays) == plain.batch_loss(weights=None, gradient=None, **arrays)
