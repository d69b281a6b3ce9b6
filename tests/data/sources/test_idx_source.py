"""MNIST's format."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.sources import IdxSource, SourceContext
from fittool.errors import DataError, ExperimentError

CONTEXT = SourceContext(class_mode="sparse")
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    return bytes((0, 0, code, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "images").write_bytes(idx(IMAGES))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(idx(np.array([1, 0], np.uint8))))
    return tmp_path


def opened(files: Path, context: SourceContext = CONTEXT) -> ArrayDataset:
    return IdxSource(images=str(files / "images"), labels=str(files / "labels.gz")).open(context)


def test_images_and_packed_labels_are_read(files: Path) -> None:
    dataset = opened(files)
    np.testing.assert_array_equal(dataset.inputs[0], IMAGES[..., np.newaxis])
    assert dataset.targets[0].tolist() == [1, 0]


def test_big_endian_numbers_are_read(files: Path) -> None:
    (files / "images").write_bytes(idx(np.array([[1.5], [2.5]], ">f4"), 0x0D))
    assert opened(files).inputs[0].tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no IDX file"),
        (b"\0\0\x07\x03", "no IDX file"),
        (idx(IMAGES)[:10], "ends within its header"),
        (idx(IMAGES)[:-1], r"promises 24 bytes for shape \(2, 3, 4\), but fewer follow"),
        (idx(IMAGES) + b"1", "but more follow"),
        (bytes((0, 0, 8, 2)) + b"\xff" * 8 + b"1", "but fewer follow"),
        (gzip.compress(idx(IMAGES))[:-12], "gzip file is cut short or damaged"),
    ],
)
def test_damaged_files_are_refused(files: Path, content: bytes, text: str) -> None:
    (files / "images").write_bytes(content)
    with pytest.raises(DataError, match=f"images: .*{text}"):
        opened(files)


def test_labels_are_needed(files: Path) -> None:
    with pytest.raises(ExperimentError, match="idx: labels is missing"):
        IdxSource(images=str(files / "images")).open(CONTEXT)
