"""Arrays in files of their own, the inputs left on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.data.formats.memory_mapped import MemoryMappedArray
from fittool.data.sources import NpySource, SourceContext
from fittool.errors import DataError, ExperimentError

CONTEXT = SourceContext(class_mode="sparse")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.arange(60.0).reshape(5, 3, 4))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, 1, 1]))
    np.save(tmp_path / "w.npy", np.arange(5.0))
    return tmp_path


def opened(folder: Path, context: SourceContext = CONTEXT, **arguments: str | None) -> MemoryMappedArray:
    names = {"x": "x.npy", "y": "y.npy"} | arguments
    return NpySource(**{key: str(folder / name) for key, name in names.items() if name}).open(context)


def test_rows_are_read_as_float32(files: Path) -> None:
    (x,), (y,), weight = opened(files, sample_weight="w.npy").load(np.array([4, 0]))
    assert x.dtype == np.float32
    assert x.shape == (2, 3, 4, 1)
    assert x[:, 0, 0, 0].tolist() == [48, 0]
    assert y.tolist() == [1, 0]
    assert weight.tolist() == [4, 0]


def test_fortran_order_is_read_right(files: Path) -> None:
    array = np.asfortranarray(np.arange(10.0).reshape(5, 2))
    np.save(files / "x.npy", array)
    np.testing.assert_array_equal(opened(files).load(np.arange(5))[0][0], array)


def test_nan_is_found_when_it_is_read_and_named_by_its_row(files: Path) -> None:
    x = np.zeros((5, 2))
    x[3, 1] = np.inf
    np.save(files / "x.npy", x)
    with pytest.raises(DataError, match=r"x.npy: The value at \[3, 1\] is NaN or infinite"):
        opened(files).load(np.array([0, 3]))


def test_a_file_cut_short_in_use_is_an_error(files: Path) -> None:
    dataset = opened(files)
    path = files / "x.npy"
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(len(content) - 8)
    with pytest.raises(DataError, match=r"x.npy: The file was cut short while it was in use"):
        dataset.load(np.array([0]))


def test_a_file_cut_short_before_is_refused(files: Path) -> None:
    path = files / "x.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(
        DataError, match=r"x.npy is cut short or damaged: its header promises 480 bytes for shape \(5, 3, 4\), but 472"
    ):
        opened(files)


def test_objects_are_never_loaded(files: Path) -> None:
    np.save(files / "x.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(DataError, match=r"x.npy holds Python objects"):
        opened(files)


def test_labels_are_needed(files: Path) -> None:
    with pytest.raises(ExperimentError, match="npy: y is missing"):
        opened(files, y=None)


def test_lengths_that_differ_are_named(files: Path) -> None:
    np.save(files / "y.npy", np.zeros(4))
    with pytest.raises(DataError, match=r"x.npy has 5, .*y.npy has 4"):
        opened(files)


def test_the_fingerprint_follows_the_content(files: Path) -> None:
    before = opened(files).fingerprint()
    assert opened(files).fingerprint() == before
    np.save(files / "x.npy", np.zeros((5, 3, 4)))
    assert opened(files).fingerprint() != before


def test_a_file_of_python_2_is_read(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + np.arange(6, dtype="<f4").tobytes()
    (tmp_path / "x.npy").write_bytes(content)
    (inputs,), _, _ = NpySource(x=str(tmp_path / "x.npy")).open(SourceContext(class_mode=None)).load(np.arange(2))
    np.testing.assert_array_equal(inputs, [[0, 1, 2], [3, 4, 5]])
