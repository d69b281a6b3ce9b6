"""Kernels of augmentation against NumPy: the same bytes, whatever the shape."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.augmentation.warp import warp
from fittool.kernels.library import find_library

pytestmark = pytest.mark.skipif(find_library()[0] is None, reason=find_library()[1])
MODES = ("nearest", "constant", "reflect", "wrap")
SIDES = (1, 2, 3, 5, 17, 31, 32, 127, 128, 129, 150, 260)
Random = np.random.Generator


def images(rng: Random) -> NDArray[Any]:
    shape = (rng.integers(1, 4), rng.integers(1, 40), rng.choice(SIDES), rng.integers(1, 7))
    if rng.integers(2):
        return rng.integers(0, 256, shape, np.uint8)
    drawn = (100 * rng.standard_normal(shape)).astype(np.float32)
    drawn[rng.random(shape) < 0.01] = rng.choice([np.nan, np.inf, -0.0])
    return drawn


def moves(rng: Random, count: int) -> NDArray[np.float64]:
    """Turns, stretches and shifts, gentle and wild; or by whole pixels only."""
    drawn = rng.standard_normal((count, 2, 3)) * rng.choice([0.01, 1, 3])
    drawn[:, :, 2] *= 50
    if not rng.integers(4):
        drawn[:, :, :2], drawn[:, :, 2] = np.diag(rng.choice([-1, 1], 2)), np.rint(drawn[:, :, 2])
    return drawn


def compare_warps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = images(rng)
    options: dict[str, Any] = {"fill_mode": str(rng.choice(MODES)), "cval": float(rng.normal() * 200)}
    options["interpolation_order"], matrices = int(rng.integers(2)), moves(rng, len(given))
    with np.errstate(all="ignore"):  # of values that are no numbers
        ours, theirs = (warp(given, matrices, **options, kernels=kernels) for kernels in ("native", "numpy"))
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs, f"seed {seed}: {given.shape} {given.dtype} {options}")
    finite = ~np.isnan(theirs)
    assert ours[finite].tobytes() == theirs[finite].tobytes()  # the signs of zeros, too


def test_a_warp_gives_the_bytes_of_numpy() -> None:
    for seed in range(300):
        compare_warps(seed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_very_many_warps_give_the_bytes_of_numpy() -> None:
    for seed in range(1000, 11_000):
        compare_warps(seed)


def test_a_warp_that_needs_wide_coordinates_is_left_to_numpy() -> None:
    given, matrix = np.random.default_rng(0).integers(0, 256, (1, 2, 9000, 1), np.uint8), np.array([[[1.01, 0, 3], [0, 1, 0]]])
    np.testing.assert_array_equal(warp(given, matrix, kernels="native"), warp(given, matrix, kernels="numpy"))


def test_images_in_another_order_of_memory_are_warped() -> None:
    given = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 9), np.uint8).transpose(0, 2, 3, 1)
    matrices = moves(np.random.default_rng(1), 2)
    np.testing.assert_array_equal(warp(given, matrices, kernels="native"), warp(given.copy(), matrices, kernels="numpy"))


ALL = Augmentation(
    rotation_range=20,
    zoom_range=(0.8, 1.2),
    shear_range=10,
    width_shift_range=0.2,
    channel_shift_range=60.0,
    brightness_range=(0.4, 1.6),
    inversion=0.3,
    fill_mode="reflect",
)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("changes", [{}, {"rotation_range": 0, "zoom_range": (1, 1), "shear_range": 0, "width_shift_range": 0.0}])
def test_all_changes_give_the_bytes_of_numpy(dtype: type, changes: dict[str, Any]) -> None:
    asked = Augmentation(**{**vars(ALL), **changes})
    given = np.random.default_rng(0).integers(20, 200, (40, 12, 11, 3)).astype(dtype)
    ours, theirs = (augment(asked, given, 3, 1, np.arange(40), kernels=kernels) for kernels in ("native", "numpy"))
    assert ours.tobytes() == theirs.tobytes()


def test_a_channel_shift_of_bytes_is_that_of_the_same_numbers_as_floats() -> None:
    asked = Augmentation(channel_shift_range=60.0, brightness_range=(0.4, 1.6))
    given = np.random.default_rng(0).integers(20, 200, (40, 12, 11, 3), np.uint8)
    floats = augment(asked, given.astype(np.float32), 3, 1, np.arange(40))
    np.testing.assert_array_equal(augment(asked, given, 3, 1, np.arange(40)), np.rint(np.clip(floats, 0, 255)))


_DIGEST = """
import hashlib, numpy as np
from fittool.augmentation.warp import warp
rng, digest = np.random.default_rng(0), hashlib.sha256()
for dtype in (np.uint8, np.float32):
    for mode in ("nearest", "constant", "reflect", "wrap"):
        for channels in range(1, 6):
            given = rng.integers(0, 256, (2, 21, 133, channels)).astype(dtype)
            digest.update(warp(given, rng.standard_normal((2, 2, 3)), fill_mode=mode, kernels="native").tobytes())
print(digest.hexdigest())
"""


def test_all_instruction_sets_give_the_same_bytes() -> None:
    known = [name for name in ("avx512", "avx2", "neon") if find_library(name)[0] is not None]
    commands = [({**os.environ, "FITTOOL_INSTRUCTION_SET": name}, [sys.executable, "-c", _DIGEST]) for name in known]
    assert len({subprocess.run(line, env=env, check=True, capture_output=True).stdout for env, line in commands}) == 1
