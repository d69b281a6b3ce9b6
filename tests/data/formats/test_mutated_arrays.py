"""Damaged CSV, npy and npz files: arrays of the promised form, or a refusal that names the file; nothing else, and no code."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittool.data.sources import CsvSource, NpySource, NpzSource, SourceContext
from fittool.data.sources.base import Source
from fittool.errors import DataError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.array([0, 2, 1, 1, 0, 2])
TABLE = 'height,width,kind\n1.5,2,rose\n-3e-1,.5,"oak, old"\n+4,1.,rose\n0,0,"a ""b"""\n'
WORDS = st.sampled_from(
    [b"\0", b"\xff\xff\xff\xff", b'"', b",", b"\n", b"\r", b"(", b"}", b"1e400", b"nan", b"\xef\xbb\xbf", b"-1", b"O"]
)
EDIT = st.tuples(st.integers(0, 4000), st.integers(0, 9), WORDS | st.binary(max_size=4))
EDITS = st.lists(EDIT, min_size=1, max_size=5)
RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, x=X, y=Y)
    return buffer.getvalue()


def edited(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for position, length, piece in edits:
        at = position % (len(content) + 1)
        content = content[:at] + piece + content[at + length :]
    return content


def opened_or_refused(source: Source, path: Path) -> None:
    refused: list[str] = []
    try:
        dataset = source.open(SourceContext(class_mode="sparse"))
        (inputs,), (targets,), _ = dataset.load(np.arange(len(dataset)))  # type: ignore[arg-type]
    except DataError as error:
        refused = [str(problem) for problem in error.problems]
    if refused:
        assert all(path.suffix in line and line.isprintable() for line in refused), refused
        return
    assert len(inputs) == len(targets) > 0
    assert inputs.dtype in (np.float32, np.uint8)
    assert np.isfinite(inputs).all()


@RELAXED
@given(edits=EDITS)
def test_damaged_tables(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(edited(TABLE.encode(), edits))
    opened_or_refused(CsvSource(path=str(path), label="kind"), path)


@RELAXED
@given(edits=EDITS)
def test_damaged_npy_files(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(edited(npy(X), edits))
    (tmp_path / "y.npy").write_bytes(npy(Y))
    opened_or_refused(NpySource(x=str(path), y=str(tmp_path / "y.npy")), path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@RELAXED
@given(edits=EDITS)
def test_damaged_npz_files(tmp_path: Path, save: Callable[..., None], edits: list[tuple[int, int, bytes]]) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(edited(npz(save), edits))
    opened_or_refused(NpzSource(path=str(path)), path)


@RELAXED
@given(content=st.binary(max_size=60))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    for name, source in (
        ("a.csv", CsvSource(path=str(tmp_path / "a.csv"), label="y")),
        ("a.npz", NpzSource(path=str(tmp_path / "a.npz"))),
    ):
        (tmp_path / name).write_bytes(content)
        opened_or_refused(source, tmp_path / name)
