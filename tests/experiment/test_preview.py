from __future__ import annotations

import numpy as np
import pytest
from cli.commands import FROM_PICTURES

from fittool.config.experiment_file import load_experiment
from fittool.experiment import preview as module
from fittool.experiment.building.prepare import prepare


@pytest.fixture
def loaded(write, pictures):
    augmented = ("train:\n", "augmentation: {rotation_range: 40}\ntrain:\n  mode: fit_generator\n")
    return load_experiment(write(*FROM_PICTURES, augmented, ("  validation_split: 0.25\n", "")))


@pytest.fixture
def sheet(loaded, monkeypatch):
    """What the sheet of 5 samples and 3 variants is drawn from."""
    given = {}
    monkeypatch.setattr(module, "contact_sheet", lambda *arguments: given.update(enumerate(arguments)))
    module.preview(loaded, samples=5, variants=3)
    return given


def one_pass(loaded, number):
    """(N, H, W, C) images of a pass, in order."""
    loader = prepare(loaded).train_loader()
    batches = loader.batches(number * loader.steps_per_pass)
    images = [next(batches).inputs[0] for _ in range(loader.steps_per_pass)]
    batches.close()
    return np.concatenate(images)


def test_first_variants_are_the_first_samples_of_the_first_epoch(loaded, sheet):
    assert np.array_equal(sheet[1][:, 0], one_pass(loaded, 0)[:5])


def test_later_variants_are_those_of_the_next_epochs(loaded, sheet):
    for number in (1, 2):
        seen = one_pass(loaded, number)
        assert all(any(np.array_equal(variant, image) for image in seen) for variant in sheet[1][:, number])


def test_labels_are_those_of_the_originals(loaded, sheet):
    assert [("cat", "dog")[int(image.mean() > 125)] for image in sheet[0]] == sheet[2]


def of(write, augmentation, monkeypatch):
    """An experiment with an augmentation, and what its sheet is drawn from."""
    text = f"augmentation: {augmentation}\ntrain:\n  mode: fit_generator\n"
    loss = ("sparse_categorical_crossentropy", "categorical_crossentropy")
    path = write(*FROM_PICTURES, ("train:\n", text), ("  validation_split: 0.25\n", ""), loss)
    given = {}
    monkeypatch.setattr(module, "contact_sheet", lambda *arguments: given.update(enumerate(arguments)))
    loaded = load_experiment(path)
    module.preview(loaded, samples=5, variants=2)
    return loaded, given


@pytest.mark.parametrize("augmentation", ["{mixup: 1, rotation_range: 9}", "{cutmix: 1}", "{mixup: 1, until_epoch: 1}"])
def test_mixing_is_that_of_training(write, pictures, monkeypatch, augmentation):
    loaded, sheet = of(write, augmentation, monkeypatch)
    assert np.array_equal(sheet[1][:, 0], one_pass(loaded, 0)[:5])
    seen = one_pass(loaded, 1)
    assert all(any(np.array_equal(variant, image) for image in seen) for variant in sheet[1][:, 1])
    assert all("%" in row[0] for row in sheet[3])
    assert all(("%" in row[1]) != ("until_epoch" in augmentation) for row in sheet[3])


def test_the_user_s_own_function_is_shown(write, pictures, monkeypatch):
    write(text="def halved(image): return image / 2\n", name="mine.py")
    loaded, sheet = of(write, "{preprocessing_function: 'mine:halved'}", monkeypatch)
    np.testing.assert_array_equal(sheet[1][:, 0], sheet[0] / np.float32(2))
    np.testing.assert_array_equal(sheet[1][:, 0], one_pass(loaded, 0)[:5])


def test_what_the_network_does_is_named(fittool, write, pictures):
    text = "augmentation: {rescale: 0.5, samplewise_center: true}\ntrain:\n  mode: fit_generator\n"
    done = fittool("preview", write(*FROM_PICTURES, ("train:\n", text)))
    assert done.err == "Not shown, as the network does it: rescale, samplewise_center.\n"
