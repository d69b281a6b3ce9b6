from __future__ import annotations

import json

import numpy as np
import pytest

from fittool.errors import CheckpointError
from fittool.exchange.samples_file import SampleSet, read_samples

ARRAYS = {
    "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "numbers": np.array([[1.5], [np.nan]]),
    "whole": np.array([2**40, -1]),
    "held": np.array([True, False]),
    "words": np.array([["a"], ["ü\n"]], object),
}


def test_arrays_come_back_as_they_were(tmp_path):
    path = tmp_path / "x.samples.json"
    path.write_bytes(SampleSet(ARRAYS, {"out": np.array([0.1], np.float32)}).encode())
    found = read_samples(path)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.inputs[name], array)
        assert found.inputs[name].shape == array.shape
    assert found.expected["out"].dtype == np.float32


def test_arrays_in_another_order_of_memory_are_written_by_their_axes(tmp_path):
    path = tmp_path / "x.samples.json"
    path.write_bytes(SampleSet({"x": ARRAYS["bytes"].T}, {}).encode())
    np.testing.assert_array_equal(read_samples(path).inputs["x"], ARRAYS["bytes"].T)


GOOD = {"dtype": "uint8", "shape": [2], "data": "AAE="}


@pytest.mark.parametrize(
    "one",
    [
        {**GOOD, "dtype": "object"}, {**GOOD, "shape": [3]}, {**GOOD, "shape": [-1]}, {**GOOD, "data": "no base64!"}, {}, [], 7,
        {"dtype": "string", "shape": [2], "data": ["a"]}, {"dtype": "string", "shape": [1], "data": [1]}, {**GOOD, "shape": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_refused(tmp_path, one):
    path = tmp_path / "x.samples.json"
    path.write_text(json.dumps({"inputs": {"x": one}, "expected": {}}))
    with pytest.raises(CheckpointError, match="is not what fittool wrote"):
        read_samples(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"inputs": 1, "expected": {}}', "[" * 100_000])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "x.samples.json"
    path.write_text(content)
    with pytest.raises(CheckpointError, match="is not what fittool wrote"):
        read_samples(path)
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        read_samples(tmp_path / "missing")
