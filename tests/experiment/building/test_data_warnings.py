"""Warnings about data that are odd, but not wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.experiment.building.data import open_data
from fittool.experiment.building.data_warnings import look_alikes

REST = """
model: {layers: [{Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy}
"""


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("cat", "dog", "Cat"), "'cat' and 'Cat'"),
        (("\u00e9", "e\u0301"), r"'\xe9' and 'e\u0301'"),
        (("a", "a "), "'a' and 'a '"),
        (("a b", "a  b"), "'a b' and 'a  b'"),
        (tuple("aAbBcCdDeEfFgG"), "'e' and 'E'; and 2 more."),
    ],
)
def test_classes_that_look_alike_are_told_apart(names: tuple[str, ...], told: str):
    (text,) = look_alikes(names)
    assert "look alike" in text
    assert told in text


def test_classes_that_differ_are_no_matter():
    assert not look_alikes(("a", "b", "ab", "1", "1.0"))


def warnings_of(source: str) -> list[str]:
    Path("e.yaml").write_text(f"data: {{train: {source}}}{REST}")
    return [str(warning) for warning in open_data(load_experiment("e.yaml")).warnings]


def test_columns_of_one_number_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = [f"c{number}" for number in range(7)]
    rows = "".join(f"{row},{','.join(['5'] * 7)},{row % 2}\n" for row in range(4))
    Path("t.csv").write_text(f"x,{','.join(names)},kind\n{rows}")
    (told,) = warnings_of("{csv: {path: t.csv, label: kind}}")
    assert told.startswith("e.yaml:1:")
    assert told.endswith(
        "7 columns each hold the same number in all rows, so nothing can be learnt there: c0, c1, c2, c3, c4, …."
    )


def test_one_class_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.eye(4), y=np.full(4, 1))
    (told,) = warnings_of("{npz: {path: a.npz}}")
    assert told.endswith("All samples are of one class, 1, so there is nothing to learn.")
