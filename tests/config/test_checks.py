"""Settings held against each other: contradictions are errors, settings without effect are warnings."""

# ruff: noqa: E501 (expected lines stay whole)
from __future__ import annotations

from collections.abc import Callable

import pytest

from fittool.config.checks import placed_layer_error, value_names
from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError
from fittool.nn.graph import Graph, LayerError

Write = Callable[..., str]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("augmentation: {rotation_range: 5}",
         r"^e\.yaml:8:1: augmentation needs train\.mode fit_generator, but it is fit \(by default\)\. "
         r"Write mode: fit_generator under train\.$"),
        ("augmentation: {}\ntrain: {mode: fit}", r"but it is fit \(at e\.yaml:9:9\)"),
        ("train: {epochs: 3, initial_epoch: 3}",
         r"^e\.yaml:8:20: train\.initial_epoch must be less than train\.epochs, which is 3 \(at e\.yaml:8:9\), got 3\.$"),
        ("callbacks: [EarlyStopping]", r"^e\.yaml:8:13: EarlyStopping watches val_loss, but there are no validation data\. "),
        ("callbacks: [{EarlyStopping: {monitor: val_loss}}]", r"^e\.yaml:8:30: EarlyStopping watches val_loss, but"),
        ("callbacks: [{EarlyStopping: {monitor: acuracy}}]",
         r"watches acuracy, which is not computed\. There are loss, accuracy, learning_rate\. Did you mean accuracy\?$"),
    ],
)  # fmt: skip
def test_contradiction(small: str, write: Write, lines: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load_experiment(write(f"{small}{lines}\n"))


def test_two_kinds_of_validation_data(small: str, write: Write) -> None:
    text = small.replace("model:", "  validation: {npz: {path: v.npz}}\nmodel:") + "train: {validation_split: 0.2}\n"
    message = r"^e\.yaml:9:9: train\.validation_split and data\.validation \(at e\.yaml:3:3\) both give"
    with pytest.raises(ExperimentError, match=message):
        load_experiment(write(text))


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        ("train: {workers: 2, max_queue_size: 5}",
         ["e.yaml:8:9: train.workers has no effect in mode fit.", "e.yaml:8:21: train.max_queue_size has no effect in mode fit."]),
        ("train: {workers: 2, mode: fit_generator}", []),
        ("train: {use_multiprocessing: true}", ["e.yaml:8:9: train.use_multiprocessing has no effect in mode fit."]),
        ("train: {use_multiprocessing: true, mode: fit_generator}", []),
        ("train: {use_multiprocessing: true, mode: fit_generator, workers: 0}",
         ["e.yaml:8:9: train.use_multiprocessing has no effect with workers: 0."]),
        ("train: {workers: 1}", []),
        ("train: {validation_steps: 2}", ["e.yaml:8:9: train.validation_steps has no effect without validation data."]),
        ("train: {validation_steps: 2, validation_split: 0.5}", []),
        ("augmentation: {brightness_range: [1, 1]}\ntrain: {mode: fit_generator}",
         ["e.yaml:8:16: augmentation.brightness_range has no effect. A brightness of 1 leaves an image as it is."]),
        ("augmentation: {rescale: 0.5}\ntrain: {mode: fit_generator}", []),
    ],
)  # fmt: skip
def test_settings_without_effect(small: str, write: Write, lines: str, warnings: list[str]) -> None:
    assert list(map(str, load_experiment(write(f"{small}{lines}\n")).warnings)) == warnings


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("image: {size: 8}", "e.yaml:3:3: data.image has no effect on npz, which hold"),
        ("on_bad_file: skip", "e.yaml:3:3: data.on_bad_file has no effect on npz"),
        ("cache: ram", "e.yaml:3:3: data.cache has no effect in mode fit"),
        ("timeout: 5s", "e.yaml:3:3: data.timeout has no effect without workers"),
    ],
)
def test_data_settings_without_effect(small: str, write: Write, line: str, start: str) -> None:
    (warning,) = load_experiment(write(small.replace("model:", f"  {line}\nmodel:"))).warnings
    assert str(warning).startswith(start)


def test_values_have_names_for_training_and_validation(small: str, write: Write) -> None:
    experiment = load_experiment(write(small + "train: {validation_split: 0.5}\n")).experiment
    assert value_names(experiment) == ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def test_class_weight_without_classes(small: str, write: Write) -> None:
    text = small.replace("sparse_categorical_crossentropy", "mse") + "train: {class_weight: balanced}\n"
    (warning,) = load_experiment(write(text)).warnings
    assert str(warning).startswith("e.yaml:8:9: train.class_weight has no effect with the loss MeanSquaredError (at e.yaml:6:3)")


@pytest.mark.parametrize("loss", ["categorical_focal_crossentropy", "binary_focal_crossentropy", "binary_crossentropy"])
def test_every_crossentropy_knows_classes(small: str, write: Write, loss: str) -> None:
    text = small.replace("sparse_categorical_crossentropy", loss) + "train: {class_weight: balanced}\n"
    assert not [warning for warning in load_experiment(write(text)).warnings if "class_weight" in str(warning)]


def test_shape_errors_stand_at_their_layer(small: str, write: Write) -> None:
    loaded = load_experiment(write(small.replace("Flatten", "{Conv2D: {filters: 1, kernel_size: 9}}")))
    with pytest.raises(LayerError, match="layer 0") as caught:
        Graph.build(loaded.experiment.model.layers or [], {"input": (8, 8, 1)})
    assert str(placed_layer_error(caught.value, loaded.root)).startswith('e.yaml:4:12: Layer 0 (Conv2D "conv2d")')


@pytest.mark.parametrize(
    ("loss", "mode", "message"),
    [
        ("categorical_crossentropy", "sparse",
         r"^e\.yaml:7:3: CategoricalCrossentropy expects one-hot targets, but data\.class_mode \(at e\.yaml:3:3\) gives class numbers\. "
         r"Use sparse_categorical_crossentropy\.$"),
        ("sparse_categorical_crossentropy", "categorical", r"expects class numbers.* Use categorical_crossentropy\.$"),
        ("mse", "null", r"^e\.yaml:3:3: data\.class_mode is null, so there are no labels to train on\. Remove it\.$"),
    ],
)  # fmt: skip
def test_labels_in_a_form_that_the_loss_does_not_take(small: str, write: Write, loss: str, mode: str, message: str) -> None:
    text = small.replace("sparse_categorical_crossentropy", loss).replace("model:", f"  class_mode: {mode}\nmodel:")
    with pytest.raises(ExperimentError, match=message):
        load_experiment(write(text))
