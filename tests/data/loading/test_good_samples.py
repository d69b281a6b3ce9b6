"""Samples that can be loaded, beside others that cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.dataset import ArrayDataset
from fittool.data.images.decoding import ImageForm
from fittool.data.images.image_files import ImageFiles
from fittool.data.loading.good_samples import GoodSamples
from fittool.data.targets import no_targets
from fittool.errors import DataError


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    """Six grey images, of which the second and the fifth are damaged."""
    for number in range(6):
        Image.fromarray(np.full((4, 4), 10 * number, np.uint8)).save(tmp_path / f"{number}.png")
    for number in (1, 4):
        (tmp_path / f"{number}.png").write_bytes(b"text")
    form = ImageForm((4, 4), "grayscale", "bilinear")
    return ImageFiles(str(tmp_path), [f"{number}.png" for number in range(6)], form, no_targets(None))


def test_damaged_ones_are_zeros_and_noted(files: ImageFiles) -> None:
    data = GoodSamples(files)
    (images,), targets, weights = data.load(np.arange(6))
    assert images[:, 0, 0, 0].tolist() == [0, 0, 20, 30, 0, 50]
    assert (images.shape, images.dtype, targets, weights) == ((6, 4, 4, 1), np.uint8, (), None)
    assert sorted(data.bad) == [1, 4]
    assert all(f"{index}.png" in problem.place for index, problem in data.bad.items())


def test_in_any_order_and_one_by_one(files: ImageFiles) -> None:
    data = GoodSamples(files)
    assert data.load(np.array([5, 1, 3]))[0][0][:, 0, 0, 0].tolist() == [50, 0, 30]
    assert data.load(np.array([4]))[0][0].shape == (1, 4, 4, 1)
    assert sorted(data.bad) == [1, 4]


def test_targets_and_weights_of_the_good_ones_stay() -> None:
    class Odd(ArrayDataset):
        def load(self, indices):  # type: ignore[no-untyped-def]
            if (indices % 2).any():
                raise DataError("odd")
            return super().load(indices)

    whole = Odd(np.arange(8.0).reshape(4, 2), (np.arange(4),), np.arange(4, dtype=np.float32))
    (inputs,), (targets,), weights = GoodSamples(whole).load(np.arange(4))
    assert inputs.tolist() == [[0, 1], [0, 0], [4, 5], [0, 0]]
    assert (targets.tolist(), weights.tolist()) == ([0, 0, 2, 0], [0, 0, 2, 0])


def test_it_stands_for_the_dataset(files: ImageFiles) -> None:
    data = GoodSamples(files)
    assert (len(data), data.input_shapes, data.describe(2)) == (6, files.input_shapes, files.describe(2))
    assert (data.labels(), data.fingerprint()) == (files.labels(), files.fingerprint())
