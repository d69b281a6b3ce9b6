"""A run as a state dict with a plain PyTorch module beside it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

SCRIPT = """\
import numpy, torch
from net import CLASSES, load
network = load()
with torch.inference_mode():
    outputs = network(torch.from_numpy(numpy.load("small.npz")["x"]))
print(CLASSES)
numpy.save("found.npy", outputs.numpy())
"""


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_module_alone_predicts_the_same(fittool, write, folder, calibrated):
    run = fittool("train", write()).run
    if calibrated:
        assert fittool("evaluate", run.path, "--calibrate").code == 0
    done = fittool("export", run.path, "--format", "torch", "--out", "net.safetensors")
    assert (done.code, done.out) == (0, "net.safetensors\n"), done.err
    assert "net.safetensors: takes input (N, 6, 6, 1); gives dense (N, 3). 1.6 kB" in done.err and "net.py loads it." in done.err
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env=environment)
    assert (told.returncode, told.stdout) == (0, "['0', '1', '2']\n"), told.stderr
    np.savez("all.npz", x=np.load("small.npz")["x"])
    rows = csv.DictReader(io.StringIO(fittool("predict", run.path, "all.npz").out))
    np.testing.assert_allclose(np.load("found.npy"), [[float(row[name]) for name in "012"] for row in rows], atol=1e-5)


def test_neither_file_is_replaced_without_force(fittool, write, folder):
    run = fittool("train", write()).run
    (folder / "net.py").write_text("mine")
    done = fittool("export", run.path, "--format", "torch", "--out", "net.safetensors")
    assert (done.code, "net.py is there already" in done.err) == (2, True)
    assert not (folder / "net.safetensors").exists()
