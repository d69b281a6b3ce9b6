"""The latest samples are validated on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, Write, fittool, folder, write

from fittool.config.experiment_file import load_experiment
from fittool.data.splits.split_by_time import latest
from fittool.errors import DataError
from fittool.experiment.building.data import open_data

__all__ = ["fittool", "folder", "write"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-03-01", "2024-01-01", "2024-02-01", "2024-05-01", "2024-04-01"], [3]),
        (["13/01/2024", "01/02/2024", "02/01/2024", "03/02/2024"], [3]),
        (["5", "3", "9.5", "1", "2"], [2]),
        (["2001", "2002", "2002", "2002", "2002"], [1, 2, 3, 4]),
        (["2024-01-01 10:00", "2024-01-01 09:00", "2024-01-01 23:00"], [2]),
    ],
)
def test_whole_moments_are_on_one_side(cells: list[str], expected: list[int]) -> None:
    assert np.flatnonzero(latest("t", np.array(cells), 0.2)).tolist() == expected


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2024-01-01", "soon"], "holds 'soon', which is neither a date nor a number"),
        (["01/02/2024", "03/04/2024"], "cannot be told whether the day or the month comes first"),
        (["2024-01-01", "2024-01-01"], "holds one moment"),
    ],
)
def test_what_tells_no_time_is_refused(cells: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        latest("t", np.array(cells), 0.2)


def test_an_experiment_validates_on_the_latest_rows(folder: Path, write: Write) -> None:
    rows = [f"{n},2024-01-{(n * 7) % 25 + 1:02d},{'uv'[n % 2]}" for n in range(50)]
    (folder / "t.csv").write_text("a,day,kind\n" + "\n".join(rows) + "\n")
    text = """\
data: {train: {csv: {path: t.csv, label: kind}}, validation: {split: {kind: time, column: day, fraction: 0.2}}}
model: {preset: mlp}
compile: {loss: sparse_categorical_crossentropy}
"""
    data = open_data(load_experiment(write(text=text)))
    assert data.validation is not None
    found = data.validation.load(np.arange(len(data.validation)))[0][0][:, 0]
    assert sorted(found.tolist()) == [n for n in range(50) if (n * 7) % 25 + 1 > 20]


def test_the_column_has_to_be_named(fittool: Fittool, folder: Path, write: Write) -> None:
    text = "data: {train: {csv: {path: t.csv, label: kind}}, validation: {split: {kind: time}}}\nmodel: {preset: mlp}\n"
    done = fittool("check", write(text=f"{text}compile: {{loss: mse}}\n"))
    assert (done.code, "write column: NAME" in done.err) == (3, True)
