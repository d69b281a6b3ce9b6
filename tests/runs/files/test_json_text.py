from __future__ import annotations

import json
import math

import numpy as np
import pytest

from fittool.runs.files.json_text import from_json, to_json


def test_plain_data_come_back_as_they_were():
    value = {"a": [1, 0.1, True, None, "é\n"], "b": {"c": math.inf, "d": -math.inf}}
    assert from_json(to_json(value)) == value


def test_nan_comes_back_as_nan_and_the_text_is_json():
    text = to_json([math.nan])
    assert math.isnan(from_json(text)[0])
    assert json.loads(text, parse_constant=pytest.fail) == [{"nonfinite": "nan"}]


def test_numpy_scalars_and_tuples_become_numbers_and_lists():
    assert from_json(to_json((np.float32(0.5), np.int64(3), np.bool_(True)))) == [0.5, 3, True]


def test_text_that_is_no_utf8_survives():
    assert from_json(to_json("\udcff")) == "\udcff"


def test_files_for_people_are_indented():
    assert to_json({"a": 1}, indent=2) == b'{\n  "a": 1\n}'


@pytest.mark.parametrize("value", [{1: 2}, {"nonfinite": "inf"}], ids=["number as key", "reserved mapping"])
def test_what_would_not_come_back_is_refused(value):
    with pytest.raises(TypeError, match="mapping"):
        to_json(value)


def test_objects_are_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json(object())


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"NaN", "NaN is no finite number"),
        (b"[-Infinity]", "-Infinity is no finite number"),
        (b"1e999", "1e999 is no finite number"),
        (b'{"a": 1, "a": 2}', "a key comes twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "codec can't decode"),
        (b"1" * 5000, "4300"),
        (b"{", "Expecting"),
    ],
)
def test_what_is_not_strict_json_is_refused(text, cause):
    with pytest.raises(ValueError, match=cause):
        from_json(text)
