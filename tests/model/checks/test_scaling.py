"""Layers that rescale inputs, held against their range; a preset's factor and several inputs too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.experiment.check import check_experiment

EXPERIMENT = """\
data: {train: {npz: {path: d.npz}}}
model: MODEL
compile: {loss: sparse_categorical_crossentropy}
train: {epochs: 1}
"""
OUTPUT = "{Dense: {units: 2, activation: softmax}}"


def warned(model: str, highest: float, lowest: float = 0.0) -> list[str]:
    np.savez("d.npz", x=np.linspace(lowest, highest, 4 * 32 * 32 * 3).reshape(4, 32, 32, 3), y=np.arange(4) % 2)
    Path("e.yaml").write_text(EXPERIMENT.replace("MODEL", model))
    report = check_experiment(load_experiment(Path("e.yaml")))
    return [str(warning) for warning in report.warnings if "multiplies by" in warning.text]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_preset_is_told_at_its_place() -> None:
    (text,) = warned("{preset: simple_cnn}", 1)
    assert text.startswith("e.yaml:2:")
    assert "Rescaling multiplies by 1/255, but its inputs lie in 0 to 1, so they become 0 to 0.003922. Remove it." in text


def test_the_layer_is_told_at_its_line() -> None:
    (text,) = warned(f"{{layers: [{{Rescaling: {{scale: 1/255}}}}, Flatten, {OUTPUT}]}}", 1)
    assert text.startswith("e.yaml:2:18: ")


@pytest.mark.parametrize(
    ("layers", "lowest", "highest"),
    [
        ("{Rescaling: {scale: 1/255}}", 0, 255),
        ("{Rescaling: {scale: 1/127.5, offset: -1}}", 0, 255),
        ("{Rescaling: {scale: 1/255}}", 0, 0),
        ("{Rescaling: {scale: 0.5}}", -2, 2),
        ("Conv2D: {filters: 1, kernel_size: 3}}, {Rescaling: {scale: 1/255}", 0, 1),
    ],
)
def test_what_fits_is_not_warned_of(layers: str, lowest: float, highest: float) -> None:
    layers = layers if layers.startswith("{") else f"{{{layers}}}"
    assert warned(f"{{layers: [{layers}, Flatten, {OUTPUT}]}}", highest, lowest) == []


def test_a_scale_that_leaves_large_numbers() -> None:
    (text,) = warned(f"{{layers: [{{Rescaling: {{scale: 1/255}}}}, Flatten, {OUTPUT}]}}", 65535)
    assert "so they become 0 to 257. Set the scale to 1/65535" in text
