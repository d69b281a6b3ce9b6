"""Iterators of an ImageDataGenerator make the same batches in any number of threads and processes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

import fittool as ft
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.user_code.batch_function import IndexableBatches
from fittool.data.user_code.generator_data import GeneratorData

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
LABELS = np.arange(20) % 2
WORKERS = [(0, False), (1, False), (3, False), (2, True)]


def flow(**arguments):
    generator = ft.ImageDataGenerator(rotation_range=30, horizontal_flip=True, rescale=1 / 255)
    return generator.flow(IMAGES, LABELS, batch_size=6, **{"seed": 3, **arguments})


def model():
    model = ft.Model(["Flatten", {"Dense": {"units": 2, "activation": "softmax"}}], input_shape=(8, 8, 3), seed=1)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def trained(generator, *fits, **options):
    """The losses of every epoch of several trainings on one generator."""
    own, losses = model(), []
    for epochs in fits:
        losses += own.fit_generator(generator, epochs=epochs, verbose=0, view_metrics=False, **options).history["loss"]
    return losses


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_same_numbers_from_threads_and_processes(workers, processes):
    assert trained(flow(), 3, workers=workers, use_multiprocessing=processes) == trained(flow(), 3, workers=0)


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_a_further_training_goes_on_with_the_passes(workers, processes):
    iterator = flow()
    losses = trained(iterator, 2, 1, workers=workers, use_multiprocessing=processes)
    assert losses == trained(flow(), 3, workers=0)
    assert iterator.pass_number == 3


def test_folder_is_read_by_several_threads(tmp_path):
    for number, image in enumerate(IMAGES):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    seen = set()

    def look(image):
        seen.add(threading.get_ident())
        if threading.current_thread() is not threading.main_thread():
            both.wait(100)  # two batches are under way at one time, or this raises
        return image

    both = threading.Barrier(2)
    generator = ft.ImageDataGenerator(preprocessing_function=look)
    iterator = generator.flow_from_directory(str(tmp_path), target_size=(8, 8), class_mode="sparse", batch_size=1, shuffle=False)
    loader = GeneratorLoader(GeneratorData(IndexableBatches(iterator), "pictures"), workers=2, steps=20)
    images = [batch.inputs[0] for batch in loader.batches(0)]
    assert len(seen) == 3
    assert all(np.array_equal(image, iterator[number][0]) for number, image in enumerate(images))


@pytest.mark.parametrize("first_step", [1, 3, 4, 11])
def test_a_walk_may_begin_at_any_step(first_step):
    def walk(first, steps):
        loader = GeneratorLoader(GeneratorData(IndexableBatches(flow()), "flow"), workers=2, steps=steps)
        return [batch.inputs[0] for batch in loader.batches(first)]

    assert all(map(np.array_equal, walk(first_step, 12), walk(0, 12)[first_step:]))


def test_a_function_that_makes_an_iterator_gives_new_changes_in_each_pass():
    assert trained(flow, 3) == trained(flow(), 3)


def test_own_batches_of_a_subclass_come_in_order():
    asked = []

    class Watched(type(flow())):
        def __getitem__(self, idx):
            asked.append(idx)
            return super().__getitem__(idx)

    iterator = flow()
    iterator.__class__ = Watched
    assert trained(iterator, 2, workers=3) == trained(flow(), 2)
    assert asked == [0, 1, 2, 3, 0, 1, 2, 3]


def test_validation_on_an_iterator_sees_the_same_batches_each_time():
    own, frozen = model(), flow(shuffle=False)
    own.compile("sgd", "sparse_categorical_crossentropy")
    history = own.fit(IMAGES / 255, LABELS, epochs=3, verbose=0, validation_data=frozen, validation_steps=2)
    weights = own.get_weights()
    again = model()
    again.set_weights(weights)
    assert again.evaluate(flow(shuffle=False), steps=2, verbose=0)["loss"] == pytest.approx(history.history["val_loss"][-1])


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_balanced_class_weights_count_the_labels_of_one_pass(workers, processes):
    generator = ft.ImageDataGenerator(rescale=1 / 255)
    labels = (np.arange(20) >= 5).astype(int)
    flows = [generator.flow(IMAGES, labels, batch_size=6, seed=3) for _ in range(2)]
    losses = trained(flows[0], 2, class_weight="balanced", workers=workers, use_multiprocessing=processes)
    assert losses == trained(flows[1], 2, class_weight={0: 20 / (2 * 5), 1: 20 / (2 * 15)})


@pytest.mark.parametrize(("workers", "processes"), WORKERS)
def test_steps_go_on_within_a_pass_from_training_to_training(workers, processes):
    """A pass has 4 batches, an epoch 3 steps."""
    options = {"steps_per_epoch": 3, "workers": workers, "use_multiprocessing": processes}
    iterator = flow()
    assert trained(iterator, 2, 1, 1, **options) == trained(flow(), 4, steps_per_epoch=3, workers=0)
    assert (iterator.pass_number, iterator.batch_index) == (3, 0)


def test_looking_at_an_iterator_does_not_move_it():
    own, iterator = model(), flow()
    assert own.evaluate(iterator, verbose=0) == own.evaluate(iterator, verbose=0)
    assert (iterator.pass_number, iterator.batch_index) == (0, 0)
