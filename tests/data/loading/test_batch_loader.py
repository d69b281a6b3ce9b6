"""Batches of datasets: a function of the seed and the step."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader, ValidationLoader
from fittool.data.memory import in_memory
from fittool.data.sources import FolderSource, SourceContext
from fittool.errors import DataError, ExperimentError

TURN = partial(augment, Augmentation(rotation_range=30, horizontal_flip=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("cat", "dog", "owl"):
        (tmp_path / name).mkdir()
        for number in range(7):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def some(loader: DatasetLoader, first: int, count: int) -> list[Batch]:
    batches = loader.batches(first)
    try:
        return list(islice(batches, count))
    finally:
        batches.close()  # type: ignore[attr-defined]


def assert_equal(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        for left, right in zip((*a.inputs, *a.targets), (*b.inputs, *b.targets), strict=True):
            np.testing.assert_array_equal(left, right)


def features(count: int = 10, **arguments: object) -> ArrayDataset:
    return ArrayDataset(np.arange(count, dtype=np.float32)[:, np.newaxis], (np.arange(count) % 2,), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("first", [0, 1, 5, 13])
def test_batches_do_not_depend_on_workers_or_the_start(folder: Path, workers: int, first: int) -> None:
    dataset = FolderSource(path=str(folder)).open(SourceContext())
    straight = some(DatasetLoader(dataset, 4, 7, augment=TURN), 0, 20)
    loader = DatasetLoader(dataset, 4, 7, augment=TURN, workers=workers, max_queue_size=3)
    assert_equal(some(loader, first, 20 - first), straight[first:])


def test_memory_and_files_give_the_same_batches(folder: Path) -> None:
    files = FolderSource(path=str(folder)).open(SourceContext())
    assert_equal(some(DatasetLoader(files, 4, 7, workers=2), 0, 12), some(DatasetLoader(in_memory(files), 4, 7), 0, 12))


def test_the_last_batch_of_a_pass_is_short_and_kept() -> None:
    loader = DatasetLoader(features(), 4)
    assert loader.steps_per_pass == 3
    assert [batch.size for batch in some(loader, 0, 6)] == [4, 4, 2, 4, 4, 2]


def test_a_pass_holds_every_sample_once() -> None:
    loader = DatasetLoader(features(), 3, 5)
    seen = np.concatenate([batch.inputs[0].ravel() for batch in some(loader, 4, 4)])
    assert sorted(seen.tolist()) == list(range(10))
    assert seen.tolist() != list(range(10))


def test_validation_comes_as_it_stands() -> None:
    batches = some(ValidationLoader(features(), 4, workers=1), 0, 3)
    assert np.concatenate([batch.inputs[0].ravel() for batch in batches]).tolist() == list(range(10))


def test_class_weights_multiply_sample_weights() -> None:
    dataset = features(4, sample_weight=np.array([1, 2, 3, 4], np.float32), class_names=("no", "yes"))
    loader = DatasetLoader(dataset, 4, shuffle=False, class_weight={"yes": 10})
    assert some(loader, 0, 1)[0].sample_weight.tolist() == [1, 20, 3, 40]  # type: ignore[union-attr]


def test_class_weights_need_classes() -> None:
    dataset = ArrayDataset(np.zeros((2, 1)), (np.array([0.5, 1.5]),))
    with pytest.raises(ExperimentError, match="class_weight needs targets that are classes"):
        DatasetLoader(dataset, 2, class_weight="balanced")


def test_augmentation_needs_images() -> None:
    with pytest.raises(DataError, match=r"augmentation needs images .* the samples have shape \(1,\)"):
        DatasetLoader(features(), 2, augment=TURN)


def test_augmented_inputs_are_their_own_targets(folder: Path) -> None:
    dataset = FolderSource(path=str(folder)).open(SourceContext(class_mode="input"))
    (batch,) = some(DatasetLoader(dataset, 4, augment=TURN), 0, 1)
    assert batch.targets is batch.inputs


def test_augmentation_differs_from_pass_to_pass() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1), np.uint8)
    batches = some(DatasetLoader(ArrayDataset(image), 1, augment=TURN), 0, 2)
    assert (batches[0].inputs[0] != batches[1].inputs[0]).any()


def test_a_bad_file_ends_the_batches_with_its_name(folder: Path) -> None:
    dataset = FolderSource(path=str(folder)).open(SourceContext(size=(8, 8)))
    (folder / "owl" / "6.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"owl/6.png: This is no image"):
        some(DatasetLoader(dataset, 4, workers=2), 0, 6)
