"""Batches of picture files, from folders and from tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittool as ft
from fittool.errors import DataError

COLOURS = {"cat": (200, 10, 10), "dog": (10, 200, 10), "owl": (10, 10, 200)}
SIZE = {"target_size": (6, 4)}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five pictures of one colour in each of three folders."""
    for name, colour in COLOURS.items():
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("RGB", (12, 8), colour).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.fixture
def table(pictures: Path) -> dict[str, list[object]]:
    files = sorted(str(path.relative_to(pictures)) for path in pictures.rglob("*.png"))
    return {
        "filename": files,  # type: ignore[dict-item]
        "class": [file.split("/")[0] for file in files],
        "tags": [[file.split("/")[0], "picture"] for file in files],
        "height": [float(number) for number in range(15)],
        "width": [float(2 * number) for number in range(15)],
    }


def test_folders_are_classes(pictures: Path):
    flow = ft.ImageDataGenerator().flow_from_directory(str(pictures), **SIZE, batch_size=4)
    assert flow.class_indices == {"cat": 0, "dog": 1, "owl": 2}
    assert (flow.samples, flow.num_classes, len(flow), flow.image_shape) == (15, 3, 4, (6, 4, 3))
    assert flow.filenames[:2] == ["cat/0.png", "cat/1.png"]
    assert flow.classes.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    images, labels = next(flow)
    assert (images.shape, images.dtype, labels.shape, labels.dtype) == ((4, 6, 4, 3), np.float32, (4, 3), np.float32)
    for image, label in zip(images, labels, strict=True):
        np.testing.assert_array_equal(image[3, 2], COLOURS[list(COLOURS)[label.argmax()]])


@pytest.mark.parametrize("class_mode", ["sparse", "input", None])
def test_class_modes_of_folders(pictures: Path, class_mode: str | None):
    batch = next(ft.ImageDataGenerator().flow_from_directory(str(pictures), **SIZE, class_mode=class_mode, shuffle=False))
    if class_mode is None:
        assert batch.shape == (15, 6, 4, 3)
    elif class_mode == "input":
        np.testing.assert_array_equal(batch[0], batch[1])
    else:
        assert batch[1].tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_chosen_classes_in_their_order(pictures: Path):
    flow = ft.ImageDataGenerator().flow_from_directory(str(pictures), **SIZE, classes=["owl", "cat"], class_mode="binary")
    assert flow.class_indices == {"owl": 0, "cat": 1}
    assert flow.samples == 10


def test_validation_is_the_first_part_of_each_folder(pictures: Path):
    generator = ft.ImageDataGenerator(validation_split=0.4, rotation_range=90)
    parts = [generator.flow_from_directory(str(pictures), **SIZE, subset=subset) for subset in ("training", "validation")]
    assert [part.samples for part in parts] == [9, 6]
    assert parts[1].filenames == [f"{name}/{number}.png" for name in COLOURS for number in (0, 1)]
    assert not set(parts[0].filenames) & set(parts[1].filenames)


def test_proportions_are_kept_by_cutting(tmp_path: Path):
    (tmp_path / "a").mkdir()
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 4:8] = 255
    Image.fromarray(wide).save(tmp_path / "a" / "wide.png")
    arguments = {"target_size": (4, 4), "class_mode": None, "keep_aspect_ratio": True}
    np.testing.assert_array_equal(
        next(ft.ImageDataGenerator().flow_from_directory(str(tmp_path), **arguments)), np.full((1, 4, 4, 3), 255)
    )


def test_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="no such folder"):
        ft.ImageDataGenerator().flow_from_directory(str(tmp_path / "missing"))


@pytest.mark.parametrize("argument", [{"class_mode": "onehot"}, {"color_mode": "bgr"}, {"interpolation": "linear"}])
def test_unknown_choices_are_refused(pictures: Path, argument: dict[str, str]):
    with pytest.raises(ValueError, match=f"{next(iter(argument))} must be one of"):
        ft.ImageDataGenerator().flow_from_directory(str(pictures), **argument)


def test_a_table_of_any_kind_names_files(pictures: Path, table):
    flow = ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), **SIZE, shuffle=False, batch_size=15)
    assert flow.class_indices == {"cat": 0, "dog": 1, "owl": 2}
    images, labels = next(flow)
    assert labels.argmax(1).tolist() == [0] * 5 + [1] * 5 + [2] * 5
    np.testing.assert_array_equal(images[14, 0, 0], COLOURS["owl"])


def test_several_labels_in_a_cell(pictures: Path, table):
    flow = ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), y_col="tags", **SIZE, shuffle=False)
    assert flow.class_indices == {"cat": 0, "dog": 1, "owl": 2, "picture": 3}
    assert next(flow)[1][5].tolist() == [0, 1, 0, 1]


def test_numbers_as_targets(pictures: Path, table):
    generator = ft.ImageDataGenerator()
    arguments = {"directory": str(pictures), **SIZE, "shuffle": False}
    assert next(generator.flow_from_dataframe(table, y_col="height", class_mode="raw", **arguments))[1][3] == 3
    both = next(generator.flow_from_dataframe(table, y_col=["height", "width"], class_mode="raw", **arguments))[1]
    assert both[3].tolist() == [3, 6]
    first, second = next(generator.flow_from_dataframe(table, y_col=["height", "width"], class_mode="multi_output", **arguments))[
        1
    ]
    assert (first[3], second[3]) == (3, 6)


def test_weights_of_a_column(pictures: Path, table):
    flow = ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), weight_col="width", **SIZE, shuffle=False)
    assert next(flow)[2].tolist() == table["width"]


def test_a_file_that_is_not_there_is_left_out_and_told(pictures: Path, table):
    (pictures / "dog" / "1.png").unlink()
    with pytest.warns(UserWarning, match=r"1 of 15 image files are not there, or no images, and left out, first 'dog/1.png'"):
        flow = ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), **SIZE, class_mode="sparse")
    assert flow.samples == 14
    assert flow.classes.count(1) == 4


def test_a_part_of_a_table(pictures: Path, table):
    generator = ft.ImageDataGenerator(validation_split=0.2)
    flow = generator.flow_from_dataframe(table, str(pictures), **SIZE, subset="validation", class_mode="sparse")
    assert flow.filenames == table["filename"][:3]
    assert flow.classes == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x_col": "file"}, ValueError, "no column 'file'. There are filename, class"),
        ({"x_col": "height"}, TypeError, "must hold texts, but holds 0.0, a float"),
        ({"y_col": "height", "class_mode": "sparse"}, TypeError, "class names as texts, but holds 0.0"),
        ({"class_mode": "binary"}, ValueError, "needs 2 classes, but the column class has 3"),
        ({"weight_col": "class"}, TypeError, "sample weights must hold numbers"),
    ],
)
def test_tables_that_do_not_fit_are_refused(pictures: Path, table, arguments, error, message):
    with pytest.raises(error, match=message):
        ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), **SIZE, **arguments)


def test_a_file_that_is_no_image_is_left_out_and_told(pictures: Path):
    (pictures / "notes.txt").touch()
    table = {"filename": ["notes.txt", "cat/1.png", "dog/1.png"], "class": ["cat", "cat", "dog"]}
    with pytest.warns(UserWarning, match=r"1 of 3 image files are not there, or no images, and left out, first 'notes.txt'"):
        flow = ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), **SIZE)
    assert flow.filenames == ["cat/1.png", "dog/1.png"]


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"filename": ["a.png", "b.png"], "class": ["a"]}, ValueError, "The column class has 1 cells, but filename has 2"),
        ({"filename": ["a.png", None], "class": ["a", "b"]}, TypeError, "must hold texts, but holds None"),
    ],
)
def test_ragged_tables_are_refused(pictures: Path, table, error, message):
    with pytest.raises(error, match=message):
        ft.ImageDataGenerator().flow_from_dataframe(table, str(pictures), **SIZE)
