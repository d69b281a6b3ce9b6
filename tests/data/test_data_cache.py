"""Samples that are decoded once and kept on disk."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.cache import DiskCache, cache_folder, keep_on_disk
from fittool.data.dataset import ArrayDataset, Samples, Subset
from fittool.data.images.image_files import ImageFiles
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.sources import FolderSource, SourceContext
from fittool.data.splits.validation_split import split
from fittool.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fittool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(5):
            Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8)).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def files(folder: Path, **context: object) -> ImageFiles:
    return FolderSource(path=str(folder)).open(SourceContext(**context))  # type: ignore[arg-type]


def lose(folder: Path) -> None:
    """Make every file undecodable, and leave its size and time as they were."""
    for path in folder.rglob("*.png"):
        times = path.stat()
        path.write_bytes(b"x" * times.st_size)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def everything(dataset: DiskCache | ImageFiles) -> Samples:
    return dataset.load(np.arange(len(dataset)))


def assert_same(first: Samples, second: Samples) -> None:
    np.testing.assert_array_equal(first[0][0], second[0][0])
    np.testing.assert_array_equal(first[1][0], second[1][0])


def the_file(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def test_a_second_run_decodes_nothing(folder: Path) -> None:
    first = everything(DiskCache(files(folder)))
    assert_same(first, everything(_reopened(files(folder), first)))


def _reopened(dataset: ImageFiles, example: Samples) -> DiskCache:
    """A cache of a dataset that can load nothing but the one sample that tells the form."""
    dataset.load = lambda indices: ((example[0][0][:1],), (example[1][0][:1],), None)  # type: ignore[method-assign]
    return DiskCache(dataset)


def test_files_whose_size_and_time_were_put_back_are_read_anew(folder: Path) -> None:
    everything(DiskCache(files(folder)))
    lose(folder)
    with pytest.raises(DataError, match="This is no image"):
        everything(DiskCache(files(folder)))


def test_samples_come_as_they_are_asked_for(folder: Path) -> None:
    cached, plain = DiskCache(files(folder)), files(folder)
    for indices in ([3, 1], [1, 9, 1], [0]):
        assert_same(cached.load(np.array(indices)), plain.load(np.array(indices)))


@pytest.mark.parametrize("class_mode", ["sparse", "categorical", "input"])
def test_targets_keep_their_form(folder: Path, class_mode: str) -> None:
    cached, plain = DiskCache(files(folder, class_mode=class_mode)), everything(files(folder, class_mode=class_mode))
    for _ in range(2):
        samples = everything(cached)
        assert_same(samples, plain)
        assert (samples[1] is samples[0]) == (class_mode == "input")


def change_a_file(folder: Path) -> None:
    Image.fromarray(np.zeros((6, 7, 3), np.uint8)).save(folder / "cat" / "0.png")


def add_a_file(folder: Path) -> None:
    Image.fromarray(np.zeros((6, 7, 3), np.uint8)).save(folder / "cat" / "9.png")


def touch_a_file(folder: Path) -> None:
    os.utime(folder / "cat" / "0.png", (1, 1))


@pytest.mark.parametrize("change", [change_a_file, add_a_file, touch_a_file])
def test_other_files_are_other_samples(folder: Path, change: Callable[[Path], None]) -> None:
    before = DiskCache(files(folder))
    everything(before)
    change(folder)
    after = DiskCache(files(folder))
    assert after.path != before.path
    assert_same(everything(after), everything(files(folder)))


def test_another_size_is_another_sample(folder: Path) -> None:
    assert DiskCache(files(folder)).path != DiskCache(files(folder, size=(6, 7), color_mode="grayscale")).path


def test_another_place_is_the_same_sample(folder: Path, tmp_path: Path) -> None:
    before = DiskCache(files(folder)).path
    folder.rename(tmp_path / "elsewhere")
    assert DiskCache(files(tmp_path / "elsewhere")).path == before


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def damage_a_sample(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 + 3 * 142 + 20)
        file.write(b"damage")


def damage_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"damage")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [cut_short, empty, damage_a_sample, damage_the_header, zeros, Path.unlink])
def test_damage_is_found_and_mended(folder: Path, cache: Path, damage: Callable[[Path], None]) -> None:
    expected = everything(DiskCache(files(folder)))
    damage(the_file(cache))
    assert_same(everything(DiskCache(files(folder))), expected)
    assert_same(everything(_reopened(files(folder), expected)), expected)


@pytest.mark.parametrize("damage", [cut_short, empty, Path.unlink])
def test_damage_while_in_use_changes_nothing(folder: Path, cache: Path, damage: Callable[[Path], None]) -> None:
    cached = DiskCache(files(folder))
    expected = everything(cached)
    damage(the_file(cache))
    for _ in range(2):
        assert_same(everything(cached), expected)


def test_half_written_samples_are_not_believed(folder: Path) -> None:
    cached = DiskCache(files(folder))
    cached.load(np.array([4]))
    again = DiskCache(files(folder))
    assert_same(everything(again), everything(files(folder)))


FILL = """
import sys, numpy as np
from fittool.data.cache import DiskCache
from fittool.data.sources import FolderSource, SourceContext
dataset = DiskCache(FolderSource(path=sys.argv[1]).open(SourceContext()))
for _ in range(5):
    print(dataset.load(np.random.permutation(10))[0][0].astype(int).sum())
"""


def test_two_processes_fill_it_at_once(folder: Path, cache: Path) -> None:
    fills = [subprocess.Popen([sys.executable, "-c", FILL, folder], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    expected = everything(files(folder))
    for fill in fills:
        said = fill.communicate()[0]
        assert {int(line) for line in said.split()} == {int(expected[0][0].astype(int).sum())}
    assert_same(everything(DiskCache(files(folder))), expected)
    assert the_file(cache).suffix == ".samples"


def test_a_split_keeps_the_whole_once(folder: Path, cache: Path) -> None:
    parts = split(files(folder), 0.4)
    for part in (parts.train, parts.validation):
        cached, trouble = keep_on_disk(part)
        assert trouble == ""
        assert isinstance(cached, Subset) and cached.fingerprint() == part.fingerprint()
        assert_same(cached.load(np.arange(2)), part.load(np.arange(2)))
    assert the_file(cache)


def test_arrays_need_no_cache(cache: Path) -> None:
    arrays = ArrayDataset(np.zeros((3, 2)))
    assert keep_on_disk(arrays) == (arrays, "")
    assert not cache.exists()


def test_a_folder_that_cannot_be_written_is_done_without(folder: Path, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file in the way")
    dataset = files(folder)
    same, trouble = keep_on_disk(dataset)
    assert same is dataset
    assert trouble.startswith("cache: disk has no effect, as ") and "Not a directory" in trouble


def test_no_room_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert "No space left on device" in keep_on_disk(files(folder))[1]
    assert list(cache_folder().iterdir()) == []


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "fittool"


def test_another_process_opens_it_again(folder: Path) -> None:
    cached = DiskCache(files(folder))
    expected = everything(cached)
    lose(folder)
    assert_same(everything(pickle.loads(pickle.dumps(cached))), expected)


@pytest.mark.parametrize("use_multiprocessing", [False, True])
def test_batches_are_the_same_with_and_without(folder: Path, use_multiprocessing: bool) -> None:
    plain, cached = DatasetLoader(files(folder), 3, 7), DiskCache(files(folder))
    loader = DatasetLoader(cached, 3, 7, workers=2, use_multiprocessing=use_multiprocessing)
    for _ in range(2):
        for left, right in zip(islice(plain.batches(0), 8), islice(loader.batches(0), 8), strict=True):
            np.testing.assert_array_equal(left.inputs[0], right.inputs[0])
