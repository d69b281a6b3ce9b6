"""A folder of folds as one ONNX file: the mean of what its runs answer."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TABLE = """\
name: table
seed: 3
data: {train: {csv: {path: table.csv, label: kind}}}
model: {preset: tabular}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {epochs: 2, batch_size: 16}
"""


def answers(inputs):
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    names = {one.name for one in session.get_inputs()}
    found = session.run(None, {name: array for name, array in inputs.items() if name in names})
    return dict(zip([one.name for one in session.get_outputs()], found, strict=True))


def check(fittool, folds, data, inputs, names) -> None:
    done = fittool("predict", folds, data)
    assert done.code == 0, done.err
    rows, found = list(csv.DictReader(io.StringIO(done.out))), answers(inputs)
    assert found["prediction"].tolist() == [row["prediction"] for row in rows]
    expected = [[float(row[name]) for name in names] for row in rows]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


def test_pictures(fittool, write, folder):
    assert fittool("train", write(("  validation_split: 0.25\n", "")), "--kfold", 2, "--run-dir", "folds").code == 0
    done = fittool("export", "folds", "--out", "net.onnx")
    assert (done.code, "agrees within" in done.err) == (0, True), done.err
    pictures = np.load("small.npz")["x"]
    np.savez("all.npz", x=pictures)
    check(fittool, "folds", "all.npz", {"input": pictures}, "012")
    told = {one.key: one.value for one in onnx.load("net.onnx").metadata_props}
    assert len(json.loads(told["mean_of_runs"])) == 2
    assert "The mean of the networks of 2 runs of small" in (folder / "net.README.md").read_text()


def test_tables_whose_columns_each_fold_has_fixed_by_itself(fittool, folder):
    chance = np.random.default_rng(2)
    size, colour = chance.normal(50, 20, 60).round(3), chance.choice(["red", "green", "blue", ""], 60)
    size[0], colour[1] = 1e4, "mauve"  # which one fold alone has not seen
    kind = chance.choice(["a", "b"], 60)
    lines = [",".join(map(str, row)) for row in zip(size, colour, kind, strict=True)]
    (folder / "table.csv").write_text("\n".join(["size,colour,kind", *lines]) + "\n")
    (folder / "table.yaml").write_text(TABLE)
    assert fittool("train", "table.yaml", "--kfold", 2, "--run-dir", "folds").code == 0
    assert fittool("export", "folds", "--out", "net.onnx").code == 0
    inputs = {"size": size.reshape(-1, 1), "colour": colour.astype(object).reshape(-1, 1)}
    check(fittool, "folds", "table.csv", inputs, "ab")


def test_other_formats_hold_one_network(fittool, write):
    assert fittool("train", write(("  validation_split: 0.25\n", "")), "--kfold", 2, "--run-dir", "folds").code == 0
    done = fittool("export", "folds", "--format", "keras")
    assert (done.code, "folds holds several runs, whose mean --format onnx alone can hold" in done.err) == (2, True)
