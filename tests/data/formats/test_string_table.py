"""Many names in little memory."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from fittool.data.formats.string_table import StringTable

SOME = ["a.png", "", "dir/ß.png", os.fsdecode(b"bad\xff.png"), "a.png"]


def test_names_come_back() -> None:
    assert list(StringTable(SOME)) == SOME
    assert StringTable(SOME)[-2] == SOME[-2]
    assert StringTable(SOME)[1:3] == SOME[1:3]
    assert list(pickle.loads(pickle.dumps(StringTable(SOME)))) == SOME


def test_some_of_them() -> None:
    assert list(StringTable(SOME).select(np.array([2, 0]))) == ["dir/ß.png", "a.png"]


@pytest.mark.parametrize("index", [5, -6])
def test_none_is_made_up(index: int) -> None:
    with pytest.raises(IndexError, match=str(index)):
        StringTable(SOME)[index]


def test_they_need_little_more_than_their_bytes() -> None:
    names = StringTable(f"class/{number:05}.jpg" for number in range(10_000))
    assert len(pickle.dumps(names)) < 10_000 * (len("class/00000.jpg") + 9)
