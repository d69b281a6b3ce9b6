"""Samples made from the seed."""

from __future__ import annotations

import numpy as np

from fittool.data.dataset import ArrayDataset
from fittool.data.sources import SOURCES, SourceContext, SyntheticSource


def opened(seed: int = 7, **arguments: object) -> ArrayDataset:
    given = {"samples": 200, "shape": [6, 5, 3], "classes": 4} | arguments
    return SyntheticSource(**given).open(SourceContext(class_mode="sparse", seed=seed))  # type: ignore[arg-type]


def test_images_are_uint8_and_features_float32() -> None:
    assert opened().inputs[0].shape == (200, 6, 5, 3)
    assert opened().inputs[0].dtype == np.uint8
    assert opened(shape=[6, 5]).inputs[0].shape == (200, 6, 5, 1)
    assert opened(shape=[9]).inputs[0].dtype == np.float32


def test_the_seed_decides() -> None:
    assert opened().fingerprint() == opened().fingerprint()
    assert opened().fingerprint() != opened(seed=8).fingerprint()


def test_classes_have_equally_many_samples() -> None:
    assert np.bincount(opened().labels()).tolist() == [50] * 4


def test_validation_has_other_samples_of_the_same_patterns() -> None:
    train = opened(shape=[50])
    source = SyntheticSource(samples=200, shape=[50], classes=4)
    validation = source.open(SourceContext(class_mode="sparse", seed=7, class_names=train.class_names))
    assert validation.fingerprint() != train.fingerprint()
    means = np.stack([train.inputs[0][train.labels() == label].mean(0) for label in range(4)])
    distances = ((validation.inputs[0][:, np.newaxis] - means) ** 2).sum(-1)
    assert (distances.argmin(1) == validation.labels()).mean() > 0.99


def test_every_source_has_its_word() -> None:
    assert list(SOURCES.members) == ["npz", "npy", "folder", "csv", "idx", "shards", "python", "synthetic"]
    assert SOURCES.parse({"synthetic": {"samples": 5}}) == SyntheticSource(samples=5)
