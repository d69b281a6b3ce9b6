"""Arrays in NumPy's archives."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.formats import npy_format
from fittool.data.sources import NpzSource, SourceContext
from fittool.errors import DataError

CONTEXT = SourceContext(class_mode="sparse")
X = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
Y = np.array([0, 2, 1])


def saved(tmp_path: Path, **arrays: np.ndarray) -> str:
    np.savez(tmp_path / "a.npz", **({"x": X, "y": Y} | arrays))  # type: ignore[arg-type]
    return str(tmp_path / "a.npz")


def opened(path: str, context: SourceContext = CONTEXT, **arguments: object) -> ArrayDataset:
    return NpzSource(path=path, **arguments).open(context)  # type: ignore[arg-type]


def test_images_get_a_channel_axis_and_stay_uint8(tmp_path: Path) -> None:
    dataset = opened(saved(tmp_path))
    assert dataset.inputs[0].dtype == np.uint8
    np.testing.assert_array_equal(dataset.inputs[0], X[..., np.newaxis])
    assert dataset.targets[0].tolist() == [0, 2, 1]
    assert dataset.class_names == ("0", "1", "2")


def test_features_become_float32(tmp_path: Path) -> None:
    dataset = opened(saved(tmp_path, x=np.ones((3, 5))))
    assert dataset.inputs[0].dtype == np.float32
    assert dataset.input_shapes == {"input": (5,)}


def test_arrays_may_have_other_names(tmp_path: Path) -> None:
    path = saved(tmp_path, images=X[:2], digits=Y[:2], importance=np.array([1.0, 2.0]))
    dataset = opened(path, x="images", y="digits", sample_weight="importance")
    assert dataset.sample_weight.tolist() == [1, 2]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "b.npz", x=X, y=Y)
    assert len(opened(str(tmp_path / "b.npz"))) == 3


def test_labels_are_not_read_where_none_are_wanted(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=X)
    dataset = opened(str(tmp_path / "b.npz"), SourceContext(class_mode="input"))
    assert dataset.targets is dataset.inputs


def test_a_missing_array_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.npz: There is no array x_trian. Did you mean x_train\?"):
        opened(saved(tmp_path, x_train=X), x="x_trian")


def test_a_missing_array_lists_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no array labels. Arrays: x, y\."):
        opened(saved(tmp_path), y="labels")


def test_objects_are_never_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.npz: y holds Python objects, which are never loaded"):
        opened(saved(tmp_path, y=np.array([{}, {}, {}])))


def test_lengths_that_differ_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.npz: x has 3, .*a.npz: y has 2"):
        opened(saved(tmp_path, y=Y[:2]))


def test_nan_in_inputs_is_an_error(tmp_path: Path) -> None:
    x = np.zeros((3, 2))
    x[1, 1] = np.nan
    with pytest.raises(DataError, match=r"x holds 1 value that is NaN or infinite, the first at x\[1, 1\]"):
        opened(saved(tmp_path, x=x))


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(DataError, match=r"aa.npz: There is no such file. Did you mean a.npz\?"):
        opened(str(tmp_path / "aa.npz"))


@pytest.mark.parametrize("length", [0, 1, 100, 400])
def test_a_file_cut_short_is_refused(tmp_path: Path, length: int) -> None:
    path = Path(saved(tmp_path))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"a.npz is no readable NumPy file"):
        opened(str(path))


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = Path(saved(tmp_path))
    content = bytearray(path.read_bytes())
    content[content.index(X.tobytes()) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.npz: x is no readable NumPy file: Bad CRC-32"):
        opened(str(path))


def array_file(shape: tuple[int, ...], values: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(header)) + header + values


def archive(tmp_path: Path, **members: bytes) -> str:
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return str(tmp_path / "b.npz")


@pytest.mark.parametrize("shape", [(10**12, 10), (2**62, 2**62), (-1,), (3,)])
def test_a_header_that_promises_other_bytes_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"b.npz: x is cut short or damaged: its header promises"):
        opened(archive(tmp_path, x=array_file(shape, b"12"), y=b""))


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"version 9.0 of NumPy's format"):
        opened(archive(tmp_path, x=array_file((2,), b"12", (9, 0))))


def test_arrays_of_the_same_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        file.writestr("x.npy", b"")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x.npy", b"")
    with pytest.raises(DataError, match="several arrays of the same name"):
        opened(str(tmp_path / "b.npz"))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy_format, "_BOMB_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((2 << 20, 1), np.uint8))
    with pytest.raises(DataError, match=r"b.npz: x would grow from"):
        opened(str(tmp_path / "b.npz"))


def test_an_npy_file_is_no_npz_file(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, X)
    (tmp_path / "x.npy").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"x.npy is no readable NumPy file: File is not a zip file"):
        opened(str(tmp_path / "x.npy"))
