"""The lines in the README beside an exported file run as they stand, in Python and in JavaScript."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from fittool.exchange.samples_file import read_samples

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

NODE = shutil.which("node")


def has_package() -> bool:
    """True where node finds onnxruntime-node, by NODE_PATH if that is set."""
    if NODE is None:
        return False
    found = subprocess.run([NODE, "-e", 'require("onnxruntime-node")'], capture_output=True, check=False)
    return found.returncode == 0


def block(folder, language: str) -> str:
    text = (folder / "net.README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)[0]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": "error"})
    assert done.returncode == 0, done.stderr
    return done.stdout


TABLE = """\
name: net
data: {train: {csv: {path: table.csv, label: kind}}}
model: {preset: tabular}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy}
train: {epochs: 1, validation_split: 0.25}
"""


@pytest.fixture(params=["pictures", "table"])
def exported(request, fittool, write, folder):
    """A run of pictures, or of a table with words, numbers and gaps, as net.onnx."""
    if request.param == "table":
        rows = [f"{one * 7 % 11 or ''},{'red' if one % 3 else 'blue'},{'ab'[one % 2]}" for one in range(100)]
        (folder / "table.csv").write_text("\n".join(["size,colour,kind", *rows]) + "\n")
        (folder / "table.yaml").write_text(TABLE)
    more = () if request.param == "table" else ("--set", "train.validation_split=0.5")
    run = fittool("train", "table.yaml" if request.param == "table" else write(), *more).run
    assert fittool("export", run.path, "--out", "net.onnx").code == 0
    return folder


def test_python_lines(exported):
    expected = read_samples(exported / "net.samples.json").expected
    lines = block(exported, "python").replace("print(", "print(len(answers), *answers[1][:3], ")
    assert len(lines.splitlines()) <= 12
    assert run(sys.executable, "-c", lines).startswith(" ".join(["2", *expected["prediction"][:3]]))


@pytest.mark.skipif(not has_package(), reason="node does not find onnxruntime-node")
def test_javascript_lines(exported):
    expected = read_samples(exported / "net.samples.json").expected
    lines = block(exported, "javascript")
    assert len(lines.splitlines()) <= 12
    last = next(line for line in lines.splitlines() if "console.log" in line)
    assert NODE is not None
    assert "probabilities" in run(NODE, "-e", lines)
    told = "console.log(JSON.stringify(session.outputNames.map((name) => [...answers[name].data])));"
    probabilities, prediction = json.loads(run(NODE, "-e", lines.replace(last, told)))
    assert prediction == expected["prediction"].tolist()
    np.testing.assert_allclose(np.reshape(probabilities, expected["probabilities"].shape), expected["probabilities"], atol=1e-4)
    assert len(prediction) >= 20
