"""Datasets brought into memory, whole or as they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data import memory
from fittool.data.available_memory import Available
from fittool.data.dataset import ArrayDataset, Subset
from fittool.data.memory import CachedDataset, in_memory
from fittool.data.sources import FolderSource, SourceContext
from fittool.errors import DataError, MachineError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(100):
            Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8)).save(tmp_path / name / f"{number:03}.png")
    return tmp_path


@pytest.fixture
def files(folder: Path) -> Subset:
    return Subset(FolderSource(path=str(folder)).open(SourceContext()), np.arange(199, -1, -1))


@pytest.mark.parametrize("workers", [None, 0, 1, 3])
def test_in_memory_holds_what_load_gives(files: Subset, workers: int | None) -> None:
    dataset = in_memory(files, workers=workers)
    (x,), (y,), _ = files.load(np.arange(200))
    np.testing.assert_array_equal(dataset.inputs[0], x)
    np.testing.assert_array_equal(dataset.targets[0], y)
    assert dataset.inputs[0].dtype == np.uint8
    assert dataset.class_names == ("cat", "dog")


def test_progress_ends_with_all(files: Subset) -> None:
    calls: list[tuple[int, int]] = []
    in_memory(files, lambda done, total: calls.append((done, total)))
    assert calls == [(64, 200), (128, 200), (192, 200), (200, 200)]


def test_samples_are_the_same_whatever_holds_them(files: Subset, tmp_path: Path) -> None:
    """The fingerprint of samples depends on these and their order alone."""
    some = np.array([3, 150, 7])
    held = in_memory(files)
    of_some = files.fingerprint_of(some)
    assert held.fingerprint_of(some) == of_some == CachedDataset(files).fingerprint_of(some)
    assert Subset(files, some).fingerprint_of(np.arange(3)) == of_some == Subset(held, some).fingerprint_of(np.arange(3))
    assert in_memory(Subset(files, some)).fingerprint_of(np.arange(3)) == of_some
    assert files.fingerprint_of(some[::-1]) != of_some != files.fingerprint_of(some[:2])


def test_arrays_come_back_as_they_are() -> None:
    dataset = ArrayDataset(np.zeros((2, 1)))
    assert in_memory(dataset) is dataset


def test_inputs_that_are_targets_are_kept_once(folder: Path) -> None:
    dataset = in_memory(FolderSource(path=str(folder)).open(SourceContext(class_mode="input")))
    assert dataset.targets is dataset.inputs


def test_a_bad_file_is_named(folder: Path) -> None:
    (folder / "dog" / "150.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"dog/150.png: This is no image"):
        in_memory(FolderSource(path=str(folder)).open(SourceContext()), workers=2)


def test_more_than_the_memory_is_refused(files: Subset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: Available(1000, "this machine has"))
    with pytest.raises(MachineError, match=r"200 samples need 1 MiB of memory, but this machine has 1 MiB.*mode: fit_generator"):
        in_memory(files)


def test_a_cached_sample_is_decoded_once(folder: Path) -> None:
    cached = CachedDataset(FolderSource(path=str(folder)).open(SourceContext()))
    before = cached.load(np.array([5, 3, 5]))
    for path in folder.rglob("*.png"):
        path.unlink()
    after = cached.load(np.array([5, 3, 5]))
    np.testing.assert_array_equal(before[0][0], after[0][0])
    np.testing.assert_array_equal(before[1][0], after[1][0])
    with pytest.raises(DataError, match="No such file"):
        cached.load(np.array([4]))


def test_a_cache_says_what_memory_it_needs(folder: Path) -> None:
    cached = CachedDataset(FolderSource(path=str(folder)).open(SourceContext()))
    assert cached.memory_needed == 200 * (6 * 5 * 3 + 8)
