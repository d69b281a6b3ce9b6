from __future__ import annotations

import numpy as np
import pytest

from fittool.augmentation import Augmentation
from fittool.augmentation.mixing import mix

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype(np.uint8)
TARGETS = np.eye(16, dtype=np.float32)
MIXUP, CUTMIX, BOTH = Augmentation(mixup=1.0), Augmentation(cutmix=1.0), Augmentation(mixup=0.4, cutmix=1.0)


def mixed(augmentation: Augmentation, weight=None, first: int = 0):
    (images,), (targets,), weights = mix(augmentation, (IMAGES,), (TARGETS,), weight, 7, 2, first)
    return images, targets, weights


@pytest.mark.parametrize("augmentation", [MIXUP, CUTMIX, BOTH])
def test_a_batch_is_a_function_of_its_place(augmentation: Augmentation) -> None:
    assert all(np.array_equal(one, other) for one, other in zip(mixed(augmentation)[:2], mixed(augmentation)[:2], strict=True))
    assert not np.array_equal(mixed(augmentation)[0], mixed(augmentation, first=16)[0])


def test_mixup_mixes_images_as_targets() -> None:
    images, targets, _ = mixed(MIXUP)
    expected = np.tensordot(targets, IMAGES.astype(np.float32), axes=1)
    assert np.allclose(images, expected, atol=1e-3)
    assert np.count_nonzero(targets, axis=1).tolist() == [2] * 16


def test_cutmix_mixes_targets_by_area() -> None:
    images, targets, _ = mixed(CUTMIX, first=16)
    own = (images == IMAGES).all(axis=-1).mean(axis=(1, 2))
    assert images.dtype == np.uint8
    assert 0 < own[0] < 1
    assert np.allclose(targets.diagonal(), own)


def test_the_loss_is_the_mixed_loss_with_weights_too() -> None:
    weight = np.linspace(0, 3, 16, dtype=np.float32)
    _, plain, _ = mixed(MIXUP)
    _, targets, weights = mixed(MIXUP, weight)
    losses = np.random.default_rng(1).normal(size=(16, 16))
    assert np.allclose(weights * (targets * losses).sum(axis=1), (plain * weight * losses).sum(axis=1), atol=1e-5)


def test_images_that_are_targets_stay_so() -> None:
    images = (IMAGES,)
    inputs, targets, weight = mix(MIXUP, images, images, None, 7, 0, 0)
    assert targets is inputs
    assert weight is None


def test_both_take_turns() -> None:
    kinds = {mixed(BOTH, first=first)[0].dtype for first in range(0, 160, 16)}
    assert kinds == {np.dtype(np.uint8), np.dtype(np.float32)}


def test_one_image_has_nobody_to_mix_with() -> None:
    (images,), _, _ = mix(MIXUP, (IMAGES[:1],), (TARGETS[:1],), None, 7, 0, 0)
    assert np.allclose(images, IMAGES[:1])
