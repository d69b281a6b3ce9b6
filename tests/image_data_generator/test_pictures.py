"""Single images between files, Pillow and arrays, and a folder as batches pass by pass."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import fittool as ft
from fittool.utils import array_to_img, image_dataset_from_directory, img_to_array, load_img, save_img

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_an_image_comes_through_unchanged(picture, tmp_path):
    array = img_to_array(load_img(picture))
    assert array.dtype == np.float32 and np.array_equal(array, PIXELS)
    save_img(tmp_path / "b.png", array, scale=False)
    assert np.array_equal(img_to_array(load_img(tmp_path / "b.png")), PIXELS)
    assert np.array_equal(img_to_array(array_to_img(PIXELS, scale=False), dtype=np.uint8), PIXELS)


def test_size_and_colours_are_asked_for(picture):
    assert load_img(picture, target_size=(2, 3)).size == (3, 2)
    assert img_to_array(load_img(picture, color_mode="grayscale")).shape == (4, 4, 1)
    assert img_to_array(load_img(picture, color_mode="rgba")).shape == (4, 4, 4)
    assert img_to_array(PIXELS, data_format="channels_first").shape == (3, 4, 4)


def test_numbers_are_stretched_over_all_grey_values():
    assert array_to_img(np.array([[[0.25], [0.5]]])).getextrema() == (0, 255)
    assert array_to_img(np.zeros((2, 2, 1))).getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: load_img("nowhere.png"), "nowhere.png"),
        (lambda: load_img("a.png", color_mode="grey"), "color_mode must be grayscale, rgb or rgba"),
        (lambda: img_to_array(np.zeros(3)), r"got \(3,\)"),
        (lambda: array_to_img(np.zeros((3, 3))), "three axes"),
        (lambda: array_to_img(np.zeros((3, 3, 2))), "1, 3 or 4 channels"),
        (lambda: img_to_array(PIXELS, data_format="first"), "data_format must be"),
    ],
)
def test_wrong_images_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.fixture
def folder(tmp_path):
    for number in range(20):
        place = tmp_path / "photos" / ("cat" if number % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 5, 3), number * 10, np.uint8)).save(place / f"{number:02}.png")
    return str(tmp_path / "photos")


def test_a_walk_is_one_pass_and_the_next_has_another_order(folder):
    data = image_dataset_from_directory(folder, batch_size=8, image_size=(5, 5), seed=1)
    assert data.class_names == ["cat", "dog"] and len(data) == 3 and len(data.file_paths) == 20
    passes = [[labels.tolist() for _, labels in data] for _ in range(2)]
    assert [len(labels) for labels in passes[0]] == [8, 8, 4] and passes[0] != passes[1]
    assert all(sum(map(sum, labels)) == 10 for labels in passes)
    images, labels = data[0]
    assert images.shape == (8, 5, 5, 3) and images.dtype == np.float32 and labels.dtype == np.int32
    assert np.array_equal((images[:, 0, 0, 0] / 10) % 2 == 0, labels == 1)
    assert len(data.take(2)) == 2
    with pytest.raises(IndexError, match="no batch 3"):
        data[3]


@pytest.mark.parametrize(("mode", "shape"), [("int", (20,)), ("categorical", (20, 2)), ("binary", (20, 1))])
def test_labels_have_the_form_that_is_asked_for(folder, mode, shape):
    ((_, labels),) = image_dataset_from_directory(folder, label_mode=mode, image_size=(5, 5))
    assert labels.shape == shape


def test_without_labels_batches_are_images(folder):
    for arguments in ({"label_mode": None}, {"labels": None}):
        ((images),) = image_dataset_from_directory(folder, image_size=(5, 5), **arguments)
        assert images.shape == (20, 5, 5, 3)


def test_both_parts_have_nothing_in_common(folder):
    train, validation = image_dataset_from_directory(folder, validation_split=0.2, subset="both", image_size=(5, 5))
    assert len(train.file_paths) == 16 and not set(train.file_paths) & set(validation.file_paths)


def test_it_trains_and_tells_the_classes(folder):
    train, validation = image_dataset_from_directory(folder, validation_split=0.2, subset="both", image_size=(5, 5), batch_size=4)
    train.go_to(0, 0)
    layers = [ft.layers.Rescaling(1 / 255), ft.layers.Flatten(), ft.layers.Dense(2, "softmax")]
    histories = []
    for workers in (None, 2):
        model = ft.Sequential(layers)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        train.go_to(0, 0)
        data = {"validation_data": validation, "verbose": 0, "epochs": 2}
        fitted = model.fit(train, **data) if workers is None else model.fit_generator(train, workers=workers, **data)
        histories.append(fitted.history)
        assert model.class_names == ("cat", "dog")
    assert histories[0] == histories[1]
    assert len(model.evaluate(validation, verbose=0)) == 2 and model.predict(validation).shape == (4, 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"labels": [0, 1]}, "labels must be inferred or None"),
        ({"label_mode": "one-hot"}, "label_mode must be int, categorical, binary or None; got 'one-hot'"),
        ({"validation_split": 0.2}, "validation_split and subset go together"),
        ({"subset": "training"}, "validation_split and subset go together"),
    ],
)
def test_wrong_arguments_are_refused(folder, arguments, text):
    with pytest.raises(ValueError, match=text):
        image_dataset_from_directory(folder, **arguments)
