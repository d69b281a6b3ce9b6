"""Several runs as one ONNX file: the mean of what they answer, each with the columns that it has fixed by itself."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from fittool.experiment.exporting.export import export_onnx
from fittool.experiment.trained_run import open_trained

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

TABLE = """\
name: table
seed: 3
data: {train: {csv: {path: table.csv, label: kind}}}
model: {preset: tabular}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {epochs: 2, batch_size: 16, validation_split: 0.25}
"""


def mean(run, outputs):
    """The mean of probabilities."""
    return tuple(np.mean(each, axis=0) for each in zip(*outputs, strict=True))


def test_runs_that_have_seen_other_levels_answer_together(fittool, folder):
    chance = np.random.default_rng(2)
    size, colour = chance.normal(50, 20, 60).round(3), chance.choice(["red", "green", "blue", ""], 60)
    size[0], colour[1] = 1e4, "mauve"
    kind = chance.choice(["a", "b"], 60)
    probabilities, paths = [], []
    for turn in range(2):  # the second has the rows in another order, so it validates on other rows
        rows = list(zip(size, colour, kind, strict=True))[:: -1 if turn else 1]
        (folder / "table.csv").write_text("\n".join(["size,colour,kind", *(",".join(map(str, row)) for row in rows)]) + "\n")
        (folder / "table.yaml").write_text(TABLE)
        paths.append(fittool("train", "table.yaml").run.path)
    for path in paths:
        found = list(csv.DictReader(io.StringIO(fittool("predict", path, "table.csv").out)))
        probabilities.append([[float(row[name]) for name in "ab"] for row in found])
    exported = export_onnx([open_trained(path) for path in paths], Path("net.onnx"), average=mean)
    exported.write(force=False)
    assert fittool("verify", "net.onnx").code == 0
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    backwards = {"size": size[::-1].reshape(-1, 1), "colour": colour[::-1].astype(object).reshape(-1, 1)}
    found, names = session.run(["probabilities", "prediction"], backwards)
    expected = np.mean(probabilities, axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert names.tolist() == ["ab"[best] for best in expected.argmax(axis=1)]
    assert "The mean of the networks of 2 runs of table" in (folder / "net.README.md").read_text()
