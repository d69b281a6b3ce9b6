"""Tables of words, gaps and dates in experiments: what is fitted on which rows, and what a run keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, Write

from fittool.config.experiment_file import load_experiment
from fittool.experiment.building.data import open_data
from fittool.runs.directory import RunDirectory

EXPERIMENT = """\
data:
  train: {csv: {path: t.csv, label: kind}}
  validation: {split: {kind: last, fraction: 0.25}}
  columns: {where: {category: {encode: embedding, rare: 1}}, height: {number: {missing: median, scale: standard}}}
model: {layers: [{Dense: {units: 8, activation: relu}}, {Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 2, batch_size: 8}
"""
HEAD = "row,height,where,colour,born,note,kind"


def line(number: int, *, shift: int = 0) -> str:
    height = "" if number % 9 == 4 else f"{(number * 37 + shift) % 50 / 10}"
    where = ("hill", "dale", "shore", "moor")[(number + shift) % 4]
    colour = "NA" if number % 11 == 3 else ("red", "blue", "green")[number % 3]
    note = f"seen by {('us', 'them')[number % 2]} on day {number + shift}"
    return f"{number},{height},{where},{colour},2024-{number % 12 + 1:02d}-{number % 28 + 1:02d},{note},{'uv'[number % 2]}"


def write_table(folder: Path, lines: list[str], name: str = "t.csv") -> None:
    (folder / name).write_text("\n".join([HEAD, *lines]) + "\n")


@pytest.fixture
def table(folder: Path) -> Path:
    write_table(folder, [line(number) for number in range(64)])
    return folder


def weights(run: RunDirectory) -> dict[str, bytes]:
    tensors = run.checkpoints.load("last.safetensors").tensors
    return {name: array.tobytes() for name, array in tensors.items() if name.startswith("weights/")}


def test_nothing_is_learnt_from_the_validation_part(table: Path, write: Write) -> None:
    experiment = write(text=EXPERIMENT)
    before = open_data(load_experiment(experiment))
    lines = [line(number) for number in range(48)] + [line(number, shift=7000) for number in range(48, 64)]
    write_table(table, [*lines[:48], *(text.replace("hill", "heath").replace("red", "pink") for text in lines[48:])])
    after = open_data(load_experiment(experiment))
    assert before.encoder == after.encoder
    everything = np.arange(48)
    assert before.train.load(everything)[0][0].tobytes() == after.train.load(everything)[0][0].tobytes()
    rest = np.arange(16)
    assert before.validation.load(rest)[0][0].tobytes() != after.validation.load(rest)[0][0].tobytes()


def test_every_column_is_told(table: Path, fittool: Fittool, write: Write) -> None:
    told = fittool("check", write(text=EXPERIMENT)).out
    for name, kind in [("row", "drop"), ("height", "number"), ("where", "category"), ("born", "date"), ("note", "text")]:
        assert any(line.split()[:2] == [name, kind] for line in told.splitlines()), (name, kind)
    assert "counts the rows" in told


@pytest.mark.parametrize(
    "settings", [["train.mode=fit_generator", "train.workers=0"], ["train.mode=fit_generator", "train.workers=3"]]
)
def test_all_modes_train_the_same_weights(table: Path, fittool: Fittool, write: Write, settings: list[str]) -> None:
    experiment = write(text=EXPERIMENT)
    plain = fittool("train", experiment).run
    other = fittool("train", experiment, *(part for setting in settings for part in ("--set", setting))).run
    assert weights(plain) == weights(other)


def test_a_resumed_run_goes_on_with_the_columns_that_it_has(table: Path, fittool: Fittool, write: Write) -> None:
    experiment = write(text=EXPERIMENT)
    whole = fittool("train", experiment, "--set", "train.epochs=4").run
    run = fittool("train", experiment).run
    kept = run.paths.columns.read_bytes()
    assert fittool("resume", run.path, "--epochs", "4").code == 0
    assert weights(run) == weights(whole)
    assert run.paths.columns.read_bytes() == kept
    assert fittool("verify", run.path, "--replay", "3").code == 0


def test_the_run_keeps_kinds_and_levels_and_no_row(table: Path, fittool: Fittool, write: Write) -> None:
    run = fittool("train", write(text=EXPERIMENT)).run
    text = run.paths.columns.read_text()
    columns = {column["name"]: column for column in json.loads(text)["columns"]}
    assert columns["colour"]["gaps"] == 5
    assert [level for level, _ in columns["where"]["levels"]] == ["dale", "hill", "moor", "shore"]
    assert sum(count for _, count in columns["where"]["levels"]) == 48
    assert "seen by" not in text


def test_a_new_table_is_read_by_the_run_s_columns(table: Path, fittool: Fittool, write: Write) -> None:
    run = fittool("train", write(text=EXPERIMENT)).run
    write_table(table, [line(number) for number in range(48, 64)], "same.csv")
    cells = [row.split(",") for row in (table / "same.csv").read_text().splitlines()]
    order = [6, 4, 1, 5, 3, 2]
    mixed = [",".join([row[place] for place in order] + ["more"]) for row in cells]
    (table / "mixed.csv").write_text("\n".join(mixed) + "\n")
    same, other = (fittool("predict", run.path, name, "--out", f"{name}.npz") for name in ("same.csv", "mixed.csv"))
    assert (same.code, other.code) == (0, 0)
    first, second = (np.load(table / f"{name}.npz") for name in ("same.csv", "mixed.csv"))
    for name in set(first.files) - {"input"}:
        np.testing.assert_array_equal(first[name], second[name])
    assert fittool("evaluate", run.path, "--data", "mixed.csv").code == 0
    (table / "less.csv").write_text("\n".join(",".join(row[:2] + row[3:]) for row in cells) + "\n")
    missing = fittool("predict", run.path, "less.csv")
    assert missing.code == 4
    assert "There is no column where" in missing.err


def test_a_run_without_its_columns_or_with_others_is_refused(table: Path, fittool: Fittool, write: Write) -> None:
    run = fittool("train", write(text=EXPERIMENT)).run
    kept = run.paths.columns.read_text()
    run.paths.columns.write_text(kept.replace('"shore"', '"share"'))
    assert "it was changed" in fittool("evaluate", run.path).err
    run.paths.columns.write_text(kept[:200])
    assert fittool("predict", run.path, "t.csv").code == 5
    run.paths.columns.unlink()
    done = fittool("evaluate", run.path)
    assert (done.code, "without it a table cannot be read as in training" in done.err) == (5, True)


@pytest.mark.parametrize(
    ("columns", "place", "message"),
    [
        ("{wher: category}", "e.yaml:4:13", "There is no column wher. Did you mean where?"),
        ("{where: categry}", "e.yaml:4:", "Did you mean category?"),
        ("{where: {category: {rar: 3}}}", "e.yaml:4:", "Did you mean rare?"),
        ("{where: {date: {order: ydm}}}", "e.yaml:4:", "must be ymd, dmy or mdy"),
        ("{height: {number: {missing: mode}}}", "e.yaml:4:", "must be median, mean, zero, error or a number"),
    ],
)
def test_wrong_settings_of_columns(table: Path, fittool: Fittool, write: Write, columns: str, place: str, message: str) -> None:
    text = "\n".join(f"  columns: {columns}" if "  columns:" in row else row for row in EXPERIMENT.splitlines())
    done = fittool("check", write(text=text))
    assert done.code == 3
    assert place in done.err
    assert message in done.err


def test_columns_of_anything_but_a_table_have_no_effect(folder: Path, fittool: Fittool, write: Write) -> None:
    np.savez(folder / "a.npz", x=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2)
    text = EXPERIMENT.replace("csv: {path: t.csv, label: kind}", "npz: {path: a.npz}")
    assert "data.columns has no effect on npz" in fittool("check", write(text=text)).err


def test_the_kind_of_the_label_has_no_effect(table: Path, fittool: Fittool, write: Write) -> None:
    told = fittool("check", write(text=EXPERIMENT.replace("columns: {", "columns: {kind: category, "))).err
    assert "data.columns.kind has no effect: kind is no column to learn from here." in told
