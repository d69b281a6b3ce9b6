"""What the data's images do not allow of `augmentation:` is found before training, at its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.experiment.check import check_experiment


def checked(folder: Path, augmentation: str, shape: tuple[int, ...]):
    np.savez(folder / "a.npz", x=np.zeros((8, *shape), np.uint8), y=np.arange(8) % 2)
    text = f"""
data: {{train: {{npz: {{path: a.npz}}}}}}
model: {{layers: [Flatten, {{Dense: {{units: 2, activation: softmax}}}}]}}
compile: {{loss: sparse_categorical_crossentropy}}
{augmentation}
"""
    (folder / "e.yaml").write_text(text)
    return check_experiment(load_experiment(folder / "e.yaml"))


ONE = "train: {mode: fit_generator}\naugmentation: {%s}"


@pytest.mark.parametrize(
    ("setting", "channels", "told"),
    [
        ("saturation_range: [0.5, 1.5]", 1, r"e\.yaml:6:16: augmentation.saturation_range needs images of 3 channels.* have 1\."),
        ("hue_range: 10", 4, r"e\.yaml:6:16: augmentation.hue_range needs images of 3 channels, but they have 4\."),
        (
            "random_erasing: {value: [1, 2]}",
            3,
            r"augmentation.random_erasing.value has 2 numbers, but the images have 3 channels",
        ),
    ],
)
def test_channels_that_a_setting_does_not_allow(tmp_path: Path, setting: str, channels: int, told: str):
    with pytest.raises(ExperimentError, match=told):
        checked(tmp_path, ONE % setting, (4, 4, channels))


def test_all_of_a_stage_s_own_are_told(tmp_path: Path):
    text = "train:\n  - {mode: fit_generator, augmentation: {hue_range: 5, saturation_range: [0, 1]}}"
    with pytest.raises(ExperimentError) as refusal:
        checked(tmp_path, text, (4, 4, 1))
    assert [str(problem).split(" needs")[0].split(": ")[1] for problem in refusal.value.problems] == [
        "train[0].augmentation.saturation_range",
        "train[0].augmentation.hue_range",
    ]


def test_what_fits_is_welcome(tmp_path: Path):
    fitting = "hue_range: 10, random_erasing: {value: [1, 2, 3]}"
    assert not checked(tmp_path, ONE % fitting, (4, 4, 3)).warnings


def test_data_without_images_are_told(tmp_path: Path):
    told = r"e\.yaml:6:1: augmentation needs images of shape \(height, width, channels\), but .* samples of shape \(5,\)\."
    with pytest.raises(ExperimentError, match=told):
        checked(tmp_path, ONE % "rotation_range: 10", (5,))
