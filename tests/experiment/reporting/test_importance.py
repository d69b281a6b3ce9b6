from __future__ import annotations

import pytest
from cli.commands import fittool, folder, write

from fittool.experiment.evaluate import measure
from fittool.experiment.reporting.importance import REPEATS, columns_of, importance_of
from fittool.experiment.trained_run import open_trained

__all__ = ["fittool", "folder", "write"]
TABLE = """\
name: table
seed: 7
data:
  train: {csv: {path: table.csv, label: kind}}
  validation: {split: {kind: stratified, fraction: 0.5}}
model:
  layers: [{Dense: {units: 16, activation: relu}}, {Dense: {units: 2, activation: softmax}}]
compile: {optimizer: {Adam: {learning_rate: 0.05}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 60, batch_size: 16}
"""
"""`colour` alone says what the kind is; it becomes several features. `size` and `town` are noise."""


@pytest.fixture
def run(fittool, folder, write):
    colours = ("red", "green", "blue", "grey")
    rows = ["size,colour,town,kind"]
    rows += [f"{(place * 37) % 11},{colours[place % 4]},{'abc'[place // 4 % 3]},{'warm' if place % 4 in (0, 2) else 'cold'}"
             for place in range(240)]  # fmt: skip
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return open_trained(fittool("train", write(text=TABLE)).run.path)


def test_a_column_is_shuffled_whole_however_many_features_it_became(run):
    found = importance_of(run, measure(run))
    assert found is not None
    assert (found.what, found.samples, found.repeats) == ("accuracy lost", 120, REPEATS)
    assert {name for name, _, _ in found.rows} == {"size", "colour", "town"}
    (first, lost, spread), *others = found.rows
    assert first == "colour"
    assert lost == pytest.approx(0.5, abs=0.12)  # what is left of 1.0 is the luck of two equally frequent kinds
    assert spread > 0
    assert all(abs(value) < 0.06 for _, value, _ in others)


def test_the_features_of_all_columns_lie_side_by_side(run):
    columns = columns_of(run)
    assert [place for _, places in columns for place in places] == list(range(len(run.encoder.layout)))
    assert dict(columns)["colour"] == range(1, 5)  # size is one number before it


def test_asked_twice_it_says_the_same(run):
    measured = measure(run)
    assert importance_of(run, measured) == importance_of(run, measured)


def test_pictures_have_no_columns(fittool, write):
    run = open_trained(fittool("train", write()).run.path)
    assert importance_of(run, measure(run)) is None
