"""An experiment whose network has several outputs, with a loss, metrics and a weight for each."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from arrays import read_arrays
from cli.commands import weights

import fittool as ft
from fittool.errors import ExperimentError

BATCHES = """
import numpy as np

def batches():
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    for _ in range(2):
        yield x, ((x[:, 0] > 0).astype("int64"), x[:, 1:3]), np.linspace(0, 1, 16)
"""
EXPERIMENT = """
name: two
data: {train: {python: {function: "batches:batches", samples: 32}}}
model:
  layers:
    - Dense: {units: 8, name: trunk}
    - Dense: {units: 2, activation: softmax, name: kind, inputs: trunk}
    - Dense: {units: 2, name: size, inputs: trunk}
  outputs: [kind, size]
compile:
  loss: {kind: sparse_categorical_crossentropy, size: {Huber: {delta: 2}}}
  loss_weights: {kind: 1.0, size: 0.5}
  metrics: {kind: [accuracy]}
  weighted_metrics: {size: [mae]}
train: {mode: fit_generator, epochs: 2}
callbacks: [{EarlyStopping: {monitor: kind_accuracy}}]
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITTOOL_VERBOSE", "0")
    (tmp_path / "batches.py").write_text(BATCHES)

    def loaded(text=EXPERIMENT):
        (tmp_path / "two.yaml").write_text(text)
        return ft.load_experiment(tmp_path / "two.yaml")

    return loaded


def test_it_trains_and_its_best_checkpoint_is_a_model(load):
    run = ft.train(load())
    row = run.history.rows[0]
    assert {"loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae"} <= set(row)
    assert row["loss"] == pytest.approx(row["kind_loss"] + 0.5 * row["size_loss"])
    assert ft.load_model(run.directory / "checkpoints" / "best.safetensors").graph.outputs == ("kind", "size")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("metrics: {kind: [accuracy]}", "metrics: {kid: [accuracy]}", "metrics names kid, .*Did you mean kind"),
        ("{Huber: {delta: 2}}", "{Huber: {delta: -2}}", r"compile\.loss\.size\.Huber\.delta must be greater than 0"),
        ("monitor: kind_accuracy", "monitor: kind_acuracy", "Did you mean kind_accuracy"),
        ("outputs: [kind, size]", "outputs: [kind, sise]", "no layer is called that. Did you mean size"),
    ],
)
def test_mistakes_are_told(load, old, new, text):
    with pytest.raises(ExperimentError, match=text):
        ft.train(load(EXPERIMENT.replace(old, new)))


TABLE = """
name: rows
seed: 2
data:
  train: {csv: {path: rows.csv, label: [mass, kind], features: [a, b]}}
  target: {scale: standard}
model:
  layers:
    - Dense: {units: 8, activation: relu, name: trunk}
    - Dense: {units: 3, activation: softmax, name: kind, inputs: trunk}
    - Dense: {units: 1, name: mass, inputs: trunk}
  outputs: [kind, mass]
compile:
  optimizer: {Adam: {learning_rate: 0.02}}
  loss: {kind: sparse_categorical_crossentropy, mass: mean_squared_error}
  metrics: {kind: [accuracy], mass: [mae]}
train: {epochs: 8, batch_size: 16, validation_split: 0.25}
"""


@pytest.fixture
def rows(fittool, write):
    """Write a table of three kinds with a mass, and the experiment on it with some changes; gives a run."""
    chance = np.random.default_rng(4)
    a, b = chance.normal(size=(2, 80)).round(3)
    kinds = ["low" if x < -0.4 else "01" if x < 0.4 else "True" for x in a]
    lines = [f"{x},{y},{kind},{4000 + 300 * y:.1f}" for x, y, kind in zip(a, b, kinds, strict=True)]
    write(text="\n".join(["a,b,kind,mass", *lines]) + "\n", name="rows.csv")

    def run(*changes, options=()):
        done = fittool("train", write(*changes, text=TABLE), *options)
        assert done.code == 0, done.err
        return done.run

    return run


def told(done):
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_each_label_column_is_the_target_of_the_output_of_its_name(fittool, rows):
    run = rows()
    predicted = told(fittool("predict", run.path, "--on", "train"))
    assert list(predicted[0]) == [
        "input", "kind", "kind probability", "kind 01", "kind True", "kind low", "mass", "kind truth", "mass truth",
    ]  # fmt: skip
    assert {row["kind truth"] for row in predicted} == {"01", "True", "low"}
    right = np.mean([row["kind"] == row["kind truth"] for row in predicted])
    error = np.mean([abs(float(row["mass"]) - float(row["mass truth"])) for row in predicted])
    found = dict(line.split() for line in fittool("evaluate", run.path, "--on", "train").out.splitlines())
    assert float(found["kind_accuracy"]) == pytest.approx(right, rel=1e-5)
    assert float(found["mass_mae"]) == pytest.approx(error, rel=1e-4)
    assert max(float(row["kind 01"]) for row in predicted) <= 1


def test_labels_in_the_order_of_the_outputs_where_names_differ(fittool, rows):
    one = rows()
    renamed = (
        ("name: kind,", "name: first,"),
        ("name: mass,", "name: second,"),
        ("[kind, mass]", "[first, second]"),
        ("{kind: sparse_categorical_crossentropy, mass:", "{first: sparse_categorical_crossentropy, second:"),
        ("{kind: [accuracy], mass: [mae]}", "{first: [accuracy], second: [mae]}"),
        ("[mass, kind]", "[kind, mass]"),
    )
    other = rows(*renamed)
    first, second = (told(fittool("predict", run.path, "rows.csv")) for run in (one, other))
    assert [row["mass"] for row in first] == [row["second"] for row in second]


def test_classes_of_outputs_are_kept_with_the_run(fittool, rows, write):
    run = rows()
    write(text="mass,kind,b,a\n4100.5,low,0.1,-0.9\n3900.5,01,0.1,0.1\n", name="new.csv")
    assert fittool("evaluate", run.path, "--data", "new.csv").code == 0
    write(text="mass,kind,b,a\n4100.5,other,0.1,-0.9\n", name="new.csv")
    done = fittool("evaluate", run.path, "--data", "new.csv")
    assert (done.code, "The training data have no class 'other'" in done.err) == (4, True)


def test_a_resumed_run_with_classes_of_outputs_has_the_same_bytes(fittool, rows):
    whole = rows(options=("--run-dir", "whole"))
    assert fittool("train", "e.yaml", "--run-dir", "here", "--timeout", "0.001s").code == 75
    assert weights(fittool("resume", "here").run) == weights(whole)
    assert "the same bytes" in fittool("verify", "here", "--replay", "12").out


def test_an_array_file_has_classes_and_numbers(fittool, rows):
    run = rows()
    assert fittool("predict", run.path, "rows.csv", "--out", "all.npz").code == 0
    arrays = read_arrays("all.npz")
    assert set(arrays) == {"input", "output_kind", "output_mass", "prediction_kind", "classes_kind"}
    assert arrays["classes_kind"].tolist() == ["01", "True", "low"]
    assert arrays["output_mass"].shape == (80, 1)


def test_text_where_numbers_are_needed_is_told(fittool, write):
    write(text="a,kind,mass\n1,u,5\n2,v,6\n", name="rows.csv")
    text = TABLE.replace("[a, b]", "[a]").replace("outputs: [kind, mass]", "outputs: [mass]")
    text = text.replace("{kind: sparse_categorical_crossentropy, mass: mean_squared_error}", "mse")
    done = fittool("check", write(text=text.replace("{kind: [accuracy], mass: [mae]}", "[mae]")))
    assert "column kind: text such as 'u'. Several columns of labels hold numbers, or 0 and 1 for a class each." in done.err
    assert "Write them so, choose one column, or give the network an output for each." in done.err
