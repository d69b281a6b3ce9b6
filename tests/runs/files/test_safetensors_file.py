from __future__ import annotations

import json
import os
import pickle
import struct
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save

from fittool.runs.files.safetensors_file import RefusedError, read_safetensors


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def header(content) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def test_a_file_of_the_library_is_read_as_the_library_reads_it(tmp_path):
    arrays = {
        "a": np.arange(3, dtype=np.uint8),
        "b": np.array(2.5),
        "c": np.ones((2, 0, 3), np.float32),
        "d": np.array([True, False]),
    }
    (tmp_path / "a").write_bytes(save(arrays, {"key": "text"}))
    file = read_safetensors(tmp_path / "a")
    assert file.metadata == {"key": "text"}
    for name, array in file.tensors().items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)


def test_tensors_cannot_be_changed(tmp_path):
    (tmp_path / "a").write_bytes(save({"a": np.zeros(3)}))
    with pytest.raises(ValueError, match="read-only"):
        read_safetensors(tmp_path / "a").tensors()["a"][0] = 1


def test_bytes_at_an_odd_place_become_an_aligned_array(tmp_path):
    text = header({"a": entry("U8", [1], [0, 1]), "b": entry("F64", [1], [1, 9])})
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(text)) + text + b"\x01" + struct.pack("<d", 2.5))
    array = read_safetensors(tmp_path / "a").tensors()["b"]
    assert (array.tolist(), array.flags.aligned) == ([2.5], True)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b" {}", "does not begin with {"),
        (b"{ ", "damaged header: Expecting"),
        (b"{}\xff", "codec can't decode"),
        (b'{"nonfinite": "nan"}', "it is not a mapping"),
        (b'{"a":' * 50_000, "nested too deeply"),
        (b'{"a": 1, "a": 1}', "a key comes twice"),
        (b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}', "NaN is no finite number"),
        ({"__metadata__": {"a": 1}}, "__metadata__ is not a mapping of texts"),
        ({"__metadata__": ["a"]}, "__metadata__ is not a mapping of texts"),
        ({str(i): 0 for i in range(100_001)}, "announces 100,001 tensors"),
        ({"": entry()}, "impossible name"),
        ({"x" * 513: entry()}, "impossible name"),
        ({"\x1b[31m": entry()}, r"impossible name \\x1b\[31m"),
        ({"\ud800": entry()}, "impossible name"),
        ({"a": 3}, "a must have dtype, shape and two data_offsets"),
        ({"a": entry() | {"code": "x"}}, "nothing else"),
        ({"a": entry(dtype="F8_E4M3")}, "the dtype F8_E4M3 and 1 axes, which fittool does not open"),
        ({"a": entry(dtype=["F32"])}, "a must have dtype"),
        ({"a": entry(shape=[-1])}, "has a damaged header: "),
        ({"a": entry(shape=[2.0])}, "has a damaged header: "),
        ({"a": entry(shape=[True])}, "has a damaged header: "),
        ({"a": entry(shape=[2**53])}, "has a damaged header: "),
        ({"a": {"dtype": "F32", "shape": 3, "data_offsets": [0, 8]}}, "a must have dtype, shape"),
        ({"a": entry(shape=[1] * 16 + [2])}, "and 17 axes, which"),
        ({"a": entry(offsets=[0, 4, 8])}, "two data_offsets"),
        ({"a": entry(offsets=[0, 8.0])}, "two data_offsets"),
        ({"a": entry(shape=[3])}, "has a damaged header: "),
        ({"a": entry(shape=[2**40, 2**40])}, "has a damaged header: "),
        ({"a": entry(offsets=[16, 8])}, "has a damaged header: "),
        ({"a": entry(), "b": entry()}, "has a damaged header: "),
        ({"a": entry(shape=[1], offsets=[0, 4]), "b": entry("U8", [1], [7, 8])}, "has a damaged header: "),
        ({"a": entry(), "b": entry(offsets=[8, 16])}, "is cut off: its header announces 16 tensor bytes, there are 8"),
        ({}, "has something behind its end"),
    ],
)
def test_a_wrong_header_is_refused_with_its_cause(content, cause, tmp_path):
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(header(content))) + header(content) + bytes(8))
    with pytest.raises(RefusedError, match=cause):
        read_safetensors(tmp_path / "a").tensors()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty: did the machine lose power"),
        (bytes(60_000), "begins with zeros: did the machine lose power"),
        (bytes(3), "begins with zeros"),
        (struct.pack("<Q", 2**63) + b"{}" * 9, "a header of 9,223,372,036,854,775,808 bytes is impossible"),
        (struct.pack("<Q", 17 * 2**20) + b"{}", "is impossible"),
        (struct.pack("<Q", 1) + b"{}", "is impossible"),
        (struct.pack("<Q", 300) + b"{}", "is cut off: its header alone has 300 bytes, the file 10"),
        (pickle.dumps({"weights": [1.0] * 100}), "is a pickle.*does not open"),
        (b"\x80\x03N.", "is a pickle"),
    ],
)
def test_what_is_no_safetensors_file_is_refused_with_its_cause(content, cause, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(RefusedError, match=cause):
        read_safetensors(tmp_path / "a")


def test_a_boolean_that_is_neither_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(save({"a": np.array([True])})[:-1] + b"\x02")
    with pytest.raises(RefusedError, match="has a boolean in a that is neither 0 nor 1"):
        read_safetensors(tmp_path / "a").tensors()


def test_a_directory_and_a_pipe_and_nothing_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, cause in ((tmp_path, "Is a directory"), (tmp_path / "pipe", "is not a regular"), (tmp_path / "no", "No such file")):
        with pytest.raises(RefusedError, match=cause):
            read_safetensors(path)


@pytest.mark.parametrize("difference", [1, -1], ids=["became shorter", "grew"])
def test_a_file_that_changes_while_it_is_read_is_refused(difference, monkeypatch, tmp_path):
    content = save({"a": np.zeros(4, np.uint8)})
    if difference > 0:
        content = content.replace(b"[4]", b"[5]").replace(b"[0,4]", b"[0,5]")
    (tmp_path / "a").write_bytes(content if difference > 0 else content + b"x")
    real = (tmp_path / "a").stat()
    monkeypatch.setattr(os, "fstat", lambda descriptor: SimpleNamespace(st_mode=real.st_mode, st_size=real.st_size + difference))
    with pytest.raises(RefusedError, match="changed while it was read"):
        read_safetensors(tmp_path / "a")


def test_a_header_that_changes_while_it_is_read_is_refused(monkeypatch, tmp_path):
    (tmp_path / "a").write_bytes(save({"a": np.zeros(4, np.uint8)}))
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *where: real(*where).replace(b'"a"', b'"b"'))
    with pytest.raises(RefusedError, match="changed while it was read"):
        read_safetensors(tmp_path / "a")


def test_a_hostile_header_is_refused_before_memory_is_taken(tmp_path):
    text = header({"a": entry("F64", [2**40], [0, 2**43])})
    with open(tmp_path / "a", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(2**36)  # 64 GiB that take no room
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError, match="is cut off"):
            read_safetensors(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
