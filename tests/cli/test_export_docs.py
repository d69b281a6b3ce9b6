"""The Python lines of the page on other tools run as they stand, each on what its format's command has written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "from-and-to-other-tools.md"
FORMATS = {
    "ONNX": ("onnx", ("onnx", "onnxruntime")), "Keras": ("keras", ("h5py", "keras", "torch")), "PyTorch": ("torch", ("torch",)),
    "Weights alone": ("safetensors", ()),
}  # fmt: skip

PHOTOS = """\
name: photos
data: {train: {folder: {path: photos}}, image: {size: [64, 64]}}
model: {preset: simple_cnn}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 1, batch_size: 8, validation_split: 0.25}
"""


@pytest.fixture
def photos(fittool, folder):
    """A run of few photographs, as the page has it."""
    chance = np.random.default_rng(0)
    for name in ("bird", "cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(8):
            Image.fromarray(chance.integers(0, 256, (70, 80, 3), np.uint8)).save(folder / "photos" / name / f"{number}.png")
    (folder / "photos" / "cat" / "0.png").rename(folder / "photo.png")
    (folder / "photos.yaml").write_text(PHOTOS)
    assert fittool("train", "photos.yaml").code == 0


@pytest.mark.parametrize("title", FORMATS)
def test_lines_run(fittool, photos, folder, title):
    name, packages = FORMATS[title]
    if missing := [package for package in packages if find_spec(package) is None]:  # not imported: Keras would want its backend
        pytest.skip(f"needs {', '.join(missing)}")
    text = PAGE.read_text(encoding="utf-8").split("\n## To other tools\n")[1].split(f"\n### {title}\n")[1].split("\n### ")[0]
    command = re.findall(r"^\$ fittool (export .*)$", text, flags=re.MULTILINE)[0].split()
    done = fittool(*command)
    assert done.code == 0, done.err
    assert f"--format {name}" in " ".join(command)
    lines = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)[0]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{PAGE.parents[1]}",
        "KERAS_BACKEND": "torch",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    told = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()
