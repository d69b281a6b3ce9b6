"""Batches of arrays: what is in them, their order, and that nobody who asks changes them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fittool as ft

IMAGES = np.random.default_rng(3).integers(0, 256, (10, 8, 8, 3), np.uint8)
LABELS = np.arange(10) % 2
TURNING = {"rotation_range": 90.0, "horizontal_flip": True}


def test_a_pass_has_each_image_once_and_the_next_one_another_order():
    flow = ft.ImageDataGenerator().flow(IMAGES, np.arange(10), batch_size=4, seed=1)
    passes = [np.concatenate([y for _, y in islice(flow, 3)]) for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(10))
    assert list(passes[0]) != list(passes[1])


def test_lengths_and_shapes():
    flow = ft.ImageDataGenerator().flow(IMAGES, LABELS, batch_size=4)
    assert (len(flow), flow.n, flow.samples, flow.batch_size) == (3, 10, 10, 4)
    assert [len(flow[number][0]) for number in range(3)] == [4, 4, 2]
    with pytest.raises(ValueError, match="no batch 3: a pass has 3"):
        flow[3]


def test_batches_by_number_are_those_that_next_gives():
    first, second = (ft.ImageDataGenerator(**TURNING).flow(IMAGES, LABELS, batch_size=4, seed=5) for _ in range(2))
    for number in (2, 0, 1):
        asked = second[number]
        given = list(islice(ft.ImageDataGenerator(**TURNING).flow(IMAGES, LABELS, batch_size=4, seed=5), 3))[number]
        np.testing.assert_array_equal(asked[0], given[0])
        np.testing.assert_array_equal(asked[1], given[1])
    np.testing.assert_array_equal(first.next()[0], second[0][0])


def test_images_change_anew_in_each_pass():
    flow = ft.ImageDataGenerator(**TURNING).flow(IMAGES, shuffle=False, batch_size=10, seed=5)
    assert (next(flow) != next(flow)).any()


def test_reset_leaves_the_pass():
    flow = ft.ImageDataGenerator().flow(IMAGES, np.arange(10), batch_size=4, seed=1)
    next(flow)
    flow.reset()
    assert flow.batch_index == 0
    assert sorted(np.concatenate([y for _, y in islice(flow, 3)])) == list(range(10))
    assert flow.total_batches_seen == 4


def test_index_array_is_the_order_of_the_pass():
    flow = ft.ImageDataGenerator().flow(IMAGES, np.arange(10), batch_size=4, seed=1)
    expected = flow.index_array
    np.testing.assert_array_equal(np.concatenate([y for _, y in islice(flow, 3)]), expected)


def test_without_a_seed_one_is_drawn_and_kept():
    flow = ft.ImageDataGenerator(**TURNING).flow(IMAGES)
    again = ft.ImageDataGenerator(**TURNING).flow(IMAGES, seed=flow.seed)
    np.testing.assert_array_equal(next(flow), next(again))


def test_further_arrays_and_weights_stay_beside_their_images():
    flow = ft.ImageDataGenerator().flow([IMAGES, np.arange(10)], LABELS, sample_weight=np.arange(10) * 2, batch_size=4)
    (images, numbers), labels, weights = next(flow)
    np.testing.assert_array_equal(images, IMAGES[numbers])
    np.testing.assert_array_equal(labels, LABELS[numbers])
    np.testing.assert_array_equal(weights, numbers * 2)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [(IMAGES[0], None, r"shape \(N, H, W, C\)"), (IMAGES, LABELS[:9], "x holds 10 images, but y has the length 9"),
     ([IMAGES, LABELS[:5]], None, r"but x\[1\] has the length 5")],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        ft.ImageDataGenerator().flow(x, y)


def test_validation_is_the_first_part_and_not_changed():
    generator = ft.ImageDataGenerator(**TURNING, validation_split=0.2)
    training = generator.flow(IMAGES, LABELS, subset="training")
    validation = generator.flow(IMAGES, LABELS, subset="validation", shuffle=False)
    assert (training.n, validation.n) == (8, 2)
    np.testing.assert_array_equal(next(validation)[0], IMAGES[:2])


def test_validation_is_changed_where_that_is_asked_for():
    generator = ft.ImageDataGenerator(rotation_range=90.0, validation_split=0.2, augment_validation=True)
    assert (next(generator.flow(IMAGES, LABELS, subset="validation", shuffle=False))[0] != IMAGES[:2]).any()


def test_parts_with_other_classes_are_refused():
    generator = ft.ImageDataGenerator(validation_split=0.2)
    with pytest.raises(ValueError, match=r"different classes\. Shuffle x and y"):
        generator.flow(IMAGES, np.arange(10), subset="training")
    assert generator.flow(IMAGES, np.arange(10), subset="training", ignore_class_split=True).n == 8


@pytest.mark.parametrize(
    ("subset", "share", "message"), [("test", 0.2, '"training" or "validation"'), ("training", 0, "needs Image")]
)
def test_subsets_must_be_known(subset, share, message):
    with pytest.raises(ValueError, match=message):
        ft.ImageDataGenerator(validation_split=share).flow(IMAGES, subset=subset)


def test_what_is_made_can_be_looked_at(tmp_path: Path):
    flow = ft.ImageDataGenerator().flow(IMAGES, shuffle=False, batch_size=4, save_to_dir=str(tmp_path / "seen"), save_prefix="a")
    next(flow)
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [f"a_{index}_0.png" for index in range(4)]
    with Image.open(tmp_path / "seen" / "a_2_0.png") as picture:
        low, high = int(IMAGES[2].min()), int(IMAGES[2].max())
        np.testing.assert_allclose(np.asarray(picture), (IMAGES[2] - float(low)) * 255 / (high - low), atol=0.51)


def test_a_model_trains_on_it_the_same_with_any_number_of_workers():
    def trained(workers: int) -> list[np.ndarray]:
        model = ft.Model([ft.layers.Flatten(), ft.layers.Dense(2, "softmax")], input_shape=(8, 8, 3), seed=1)
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
        flow = ft.ImageDataGenerator(**TURNING, rescale=1 / 255).flow(IMAGES, LABELS, batch_size=4, seed=3)
        history = model.fit_generator(flow, epochs=2, workers=workers, verbose=0, view_metrics=False)
        assert len(history.history["loss"]) == 2
        return model.get_weights()

    for first, second in zip(trained(0), trained(2), strict=True):
        np.testing.assert_array_equal(first, second)
