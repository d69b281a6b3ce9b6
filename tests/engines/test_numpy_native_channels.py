"""Fixed numbers of each channel by kernels: to the bit what NumPy gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines.native_pair import Pair, needs_kernels

from fittool.data.batch import Batch

pytestmark = needs_kernels

Random = np.random.Generator


def rescaling(rng: Random, channels: int) -> dict[str, Any]:
    numbers = rng.normal(size=(2, channels)).tolist()
    return {"Rescaling": {"scale": numbers[0], "offset": [numbers[1], 0.0, 0.5][int(rng.integers(3))]}}


def offsets(rng: Random, channels: int) -> dict[str, Any]:
    return {"Rescaling": {"scale": 0.3, "offset": rng.normal(size=channels).tolist()}}


def normalization(rng: Random, channels: int) -> dict[str, Any]:
    return {"Normalization": {}}


def standardization(rng: Random, channels: int) -> dict[str, Any]:
    steps = {name: bool(rng.integers(2)) for name in ("featurewise_center", "featurewise_std_normalization")}
    return {"Standardization": {**steps, "rescale": [None, 1 / 255][int(rng.integers(2))]}}


@pytest.mark.parametrize("make", [rescaling, offsets, normalization, standardization])
@pytest.mark.parametrize("is_first", [True, False])
def test_channels_have_the_bytes_of_numpy(make: Any, is_first: bool) -> None:
    for seed in range(25):
        rng = np.random.default_rng(seed)
        shape = (int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.choice([1, 2, 3, 4, 7, 16, 19, 40])))
        before = [] if is_first else [{"ReLU": {}}, {"Rescaling": {"scale": 2.0}}]
        pair = Pair([*before, make(rng, shape[-1])], shape, seed=seed, threads=1 + seed % 3)
        x = rng.normal(size=(int(rng.integers(1, 9)), *shape)).astype(np.float32)
        (ours,), (theirs,) = pair.native.predict_step((x,)), pair.numpy.predict_step((x,))
        np.testing.assert_array_equal(ours, theirs)
        pair.close()


@pytest.mark.parametrize("make", [rescaling, offsets, normalization, standardization])
def test_gradients_pass_through_channels(make: Any) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        channels = int(rng.choice([1, 3, 16, 19]))
        first = {"Conv2D": {"filters": channels, "kernel_size": 1}}
        pair = Pair([first, make(rng, channels)], (4, 5, 3), seed=seed)
        x, y = rng.normal(size=(6, 4, 5, 3)).astype(np.float32), rng.normal(size=(6, 4, 5, channels)).astype(np.float32)
        pair.step(Batch((x,), (y,)))
        pair.assert_close()
        pair.close()


def test_images_may_be_bytes() -> None:
    pair = Pair([{"Rescaling": {"scale": [0.1, 0.2, 0.3], "offset": [1.0, 2.0, 3.0]}}], (5, 4, 3))
    x = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), np.uint8)
    expected = x.astype(np.float32) * np.float32([0.1, 0.2, 0.3]) + np.float32([1, 2, 3])
    np.testing.assert_array_equal(pair.native.predict_step((x,))[0], expected)
    pair.close()
