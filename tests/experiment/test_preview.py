from __future__ import annotations

import numpy as np
import pytest
from cli.commands import FROM_PICTURES

from fittool.experiment import preview as module
from fittool.experiment.prepare import prepare
from fittool.spec.experiment_file import load_experiment


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
    feed = prepare(loaded).train_feed()
    batches = feed.batches(number * feed.steps_per_pass)
    images = [next(batches).inputs[0] for _ in range(feed.steps_per_pass)]
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
