"""Every ready experiment as ONNX: raw bytes and raw columns of its data give what `predict` says."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.own_data import own_data
from fittool.experiment.trained_run import open_trained

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

ROOT = Path(__file__).parents[2]
EXPERIMENTS = [*sorted((ROOT / "configs").glob("*.yaml")), ROOT / "configs" / "gpu" / "cifar10_speed.yaml"]
WITHOUT_A_GPU = {"cifar10_speed": ("--set", "engine=numpy", "--set", "data.cache=ram", "--set", "train.epochs=1")}


def raw_columns(inputs, table: Path):
    """The cells of a CSV file as a graph takes them."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {}
    for one in inputs:
        cells = [row[one.name] for row in rows]
        if one.type == "tensor(double)":
            columns[one.name] = np.array([float(cell) if cell not in ("", "NA") else np.nan for cell in cells])
        else:
            columns[one.name] = np.array(cells, object)
    return {name: array.reshape(-1, 1) for name, array in columns.items()}


def own_inputs(run, names):
    """The arrays of the run's own validation data."""
    data, _ = own_data(open_trained(run), "validation")
    assert not isinstance(data, GeneratorData)
    inputs, _, _ = data.load(np.arange(len(data)))
    return dict(zip(names, inputs, strict=True))


@pytest.mark.long
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_raw_data_give_what_predict_says(fittool, folder, path):
    done = fittool("train", path, "--set", "train.epochs=2", *WITHOUT_A_GPU.get(path.stem, ()), "--run-dir", "run", "--quiet")
    assert done.code == 0, done.err
    done = fittool("export", "run", "--out", "net.onnx")
    assert (done.code, "agrees within" in done.err) == (0, True), done.err
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    source = open_trained(Path("run")).loaded.experiment.data.train
    table = getattr(source, "path", None)
    if str(table).endswith(".csv"):
        given, asked = raw_columns(inputs, Path(table)), [table]
    else:
        given, asked = own_inputs(Path("run"), [one.name for one in inputs]), ["--on", "validation"]
    found = dict(zip([one.name for one in session.get_outputs()], session.run(None, given), strict=True))
    rows = list(
        csv.DictReader(io.StringIO(fittool("predict", "run", *asked, "--out", "told.csv") and Path("told.csv").read_text()))
    )
    assert len(rows) == len(found["prediction"]) > 20
    names = json.loads(session.get_modelmeta().custom_metadata_map.get("class_names", "null"))
    if names is None:
        expected = np.array([[float(row["prediction"])] for row in rows])
        np.testing.assert_allclose(found["prediction"], expected, rtol=1e-4)
        return
    assert found["prediction"].tolist() == [row["prediction"] for row in rows]
    expected = np.array([[float(row[name]) for name in names] for row in rows])
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
