"""Situations that users have run into: data of every sort, from `init` to `predict`, each with the right end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, fittool, folder
from found.files_of_tables import FILES_OF_TABLES
from found.labels import LABELS
from found.situation import Situation
from found.tables import TABLES

from fittool.config.experiment_file import load_experiment
from fittool.experiment.building.data import open_data

__all__ = ["fittool", "folder"]

SITUATIONS: list[Situation] = [*LABELS, *TABLES, *FILES_OF_TABLES]


def test_each_situation_has_a_name_of_its_own() -> None:
    assert len(set(map(str, SITUATIONS))) == len(SITUATIONS)


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_right_end(fittool: Fittool, folder: Path, situation: Situation) -> None:
    data = situation.make(folder)
    _begin(fittool, folder, situation, data)
    if situation.code == 0:
        _hold_what_is_read(folder, situation)
        _train_and_use(fittool, folder, situation, data)


def _begin(fittool: Fittool, folder: Path, situation: Situation, data: str) -> None:
    """Write the experiment, or let `init` do it, and hear what is said."""
    if situation.settings:
        (folder / "e.yaml").write_text(situation.settings.replace("{data}", data))
        done = fittool("check", "e.yaml")
    else:
        done = fittool("init", "e.yaml", "--from", data, *situation.options)
        assert (folder / "e.yaml").exists() == ("Next: " in done.err) == (situation.code == 0), done.err
    told = done.out + done.err
    assert done.code == situation.code, told
    assert [part for part in situation.says if part not in told] == [], told
    assert [part for part in situation.silent_on if part in told] == [], told


def _hold_what_is_read(folder: Path, situation: Situation) -> None:
    unscaled = ["data.column_defaults.number.scale=none"] if "column_defaults" in (folder / "e.yaml").read_text() else []
    data = open_data(load_experiment(folder / "e.yaml", unscaled)).train
    assert not hasattr(data, "first")
    if situation.columns is not None:
        assert data.feature_names == situation.columns  # type: ignore[union-attr]
    if situation.inputs is not None:
        whole = getattr(data, "dataset", data)
        (rows,) = whole.load(np.arange(len(situation.inputs)))[0]
        np.testing.assert_allclose(rows, np.array(situation.inputs, np.float32), rtol=1e-6)


def _train_and_use(fittool: Fittool, folder: Path, situation: Situation, data: str) -> None:
    """Take what was begun to its end, by the names that the data have."""
    checked = fittool("check", "e.yaml")
    assert checked.code == 0, checked.err
    trained = fittool("train", "e.yaml", "--run-dir", "run", "--set", "train.epochs=1")
    assert trained.code == 0, trained.err
    assert [line for line in checked.out.splitlines() if "learns from" in line and line.strip() not in trained.err] == []
    classes = folder / "run/classes.json"
    assert (tuple(json.loads(classes.read_text())) if classes.exists() else None) == situation.classes
    measured = fittool("evaluate", "run")
    assert measured.code == 0, measured.err
    predicted = fittool("predict", "run", data, "--out", "p.jsonl")
    assert predicted.code == 0, predicted.err
    rows = [json.loads(line) for line in (folder / "p.jsonl").read_text().splitlines()]
    assert rows
    if any(name[:1] in ("-", "+") for name in situation.classes or ()):  # which a spreadsheet could take for a formula
        cells = [line.split(",")[1] for line in fittool("predict", "run", data).out.splitlines()[1:]]
        assert cells == [row["prediction"] for row in rows]
    if situation.classes is not None:
        assert {row["prediction"] for row in rows} <= set(situation.classes)
        assert set(situation.classes) <= rows[0].keys() | {name for row in rows for name in row}
