"""The class ImageDataGenerator against Keras's own: transforms, standardisation, and what iterators say of themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

import fittool as ft

RANDOM = np.random.default_rng(8)
SQUARE = RANDOM.uniform(0, 255, (24, 24, 3)).astype(np.float32)
BATCH = RANDOM.uniform(0, 255, (40, 6, 6, 3)).astype(np.float32)


NOTHING = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}


def ndimage_of(transform: dict[str, Any], fill_mode: str) -> np.ndarray[Any, Any]:
    """What SciPy makes of the documented matrix about the true centre."""
    from scipy.ndimage import affine_transform

    theta, shear = (np.deg2rad(transform.get(name, 0.0)) for name in ("theta", "shear"))
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    sheared = np.array([[1, -np.sin(shear)], [0, np.cos(shear)]])
    matrix = turn @ sheared @ np.diag([transform.get("zx", 1.0), transform.get("zy", 1.0)])
    shift = turn @ [transform.get("tx", 0.0), transform.get("ty", 0.0)]
    matrix, shift = matrix[::-1, ::-1], shift[::-1]  # from (x, y) to (row, column)
    centre = np.array([11.5, 11.5])
    mode = {"wrap": "grid-wrap"}.get(fill_mode, fill_mode)
    planes = [
        affine_transform(SQUARE[..., c], matrix, centre + shift - matrix @ centre, order=1, mode=mode, cval=7.0) for c in range(3)
    ]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize(
    "transform",
    [{"theta": 25.0}, {"tx": 3.5}, {"ty": -2.25}, {"shear": 15.0}, {"zx": 0.8, "zy": 1.3},
     {"theta": -40.0, "tx": 2.5, "ty": 4.0, "shear": 10.0, "zx": 1.2, "zy": 0.9}],
)  # fmt: skip
def test_transforms_have_the_documented_meaning(transform: dict[str, Any], fill_mode: str) -> None:
    changed = ft.ImageDataGenerator(fill_mode=fill_mode, cval=7.0).apply_transform(SQUARE, transform)
    np.testing.assert_allclose(changed, ndimage_of(transform, fill_mode), atol=0.255)


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")  # Keras's import of SciPy
@pytest.mark.parametrize("transform", [{"tx": 3.0}, {"ty": -2.0}, {"zx": 0.8, "zy": 1.3}])
def test_parameters_of_a_transform_mean_what_keras_applies_them_to(transform: dict[str, Any]) -> None:
    """Keras applies `tx` to columns too; it draws it from height_shift_range, which is its mistake (docs/keras.md)."""
    theirs = KerasGenerator().apply_transform(SQUARE, NOTHING | transform)
    np.testing.assert_allclose(ft.ImageDataGenerator().apply_transform(SQUARE, transform), theirs, atol=0.3)


@pytest.mark.parametrize("transform", [{"flip_horizontal": True}, {"flip_vertical": True}, {"channel_shift_intensity": 30.0}])
def test_flips_and_channel_shifts_are_keras_s(transform: dict[str, Any]) -> None:
    theirs = KerasGenerator().apply_transform(SQUARE, transform)
    np.testing.assert_allclose(ft.ImageDataGenerator().apply_transform(SQUARE, transform), theirs, atol=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"rescale": 1 / 255},
        {"samplewise_center": True},
        {"samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True},
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"preprocessing_function": lambda image: image * 2 + 1, "rescale": 0.5},
    ],
)
def test_standardize(arguments: dict[str, Any]) -> None:
    ours, theirs = ft.ImageDataGenerator(**arguments), KerasGenerator(**arguments)
    ours.fit(BATCH)
    theirs.fit(BATCH)
    expected = np.stack([theirs.standardize(image.copy()) for image in BATCH])
    np.testing.assert_allclose(ours.standardize(BATCH), expected, rtol=1e-4, atol=2e-4)


def test_zca_whitening() -> None:
    data = RANDOM.normal(0, 1, (400, 4, 4, 1)).astype(np.float32)
    ours, theirs = (kind(zca_whitening=True, featurewise_center=True) for kind in (ft.ImageDataGenerator, KerasGenerator))
    ours.fit(data)
    theirs.fit(data)
    expected = np.stack([theirs.standardize(image.copy()) for image in data])
    np.testing.assert_allclose(ours.standardize(data), expected, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("b", "a"):
        (folder / name).mkdir()
        for number in range(7):
            Image.fromarray(RANDOM.integers(0, 256, (9, 9, 3), np.uint8)).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize("subset", [None, "training", "validation"])
@pytest.mark.parametrize("class_mode", ["categorical", "binary", "sparse", "input", None])
def test_iterators_of_folders_say_and_give_the_same(pictures: Path, class_mode: str | None, subset: str | None) -> None:
    arguments = {"target_size": (9, 9), "class_mode": class_mode, "shuffle": False, "batch_size": 4, "subset": subset}
    ours, theirs = (
        kind(validation_split=0.3).flow_from_directory(str(pictures), **arguments)
        for kind in (ft.ImageDataGenerator, KerasGenerator)
    )
    for name in ("class_indices", "filenames", "samples", "image_shape", "batch_size", "class_mode", "target_size"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours) == len(theirs)
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    for number in range(len(ours)):
        _same(ours[number], theirs[number])


def test_iterators_of_arrays_give_the_same() -> None:
    arguments = {"batch_size": 16, "shuffle": False, "sample_weight": np.arange(40)}
    ours, theirs = (kind().flow(BATCH, np.arange(40), **arguments) for kind in (ft.ImageDataGenerator, KerasGenerator))
    assert (len(ours), ours.n) == (len(theirs), theirs.n)
    for number in range(len(ours)):
        _same(ours[number], theirs[number])


def test_split_of_arrays_is_keras_s() -> None:
    labels = np.arange(40) % 2
    for subset in ("training", "validation"):
        flows = [
            kind(validation_split=0.25).flow(BATCH, labels, subset=subset, shuffle=False)
            for kind in (ft.ImageDataGenerator, KerasGenerator)
        ]
        _same(flows[0][0], flows[1][0])


def _same(first: Any, second: Any) -> None:
    if isinstance(second, tuple | list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            _same(one, other)
        return
    assert first.dtype == second.dtype
    np.testing.assert_array_equal(first, second)
