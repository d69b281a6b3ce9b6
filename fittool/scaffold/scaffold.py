"""Experiments to start from: the text that `fittool init` writes, also fitted to data that it has looked at."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from fittool.config.experiment import name_from
from fittool.config.yaml.writer import flow_text
from fittool.scaffold.data_survey import Survey, look_at

_RARE = 0.5
"""A class that is rarer than this share of an even one makes the class weights balanced."""
_PLACEHOLDER = Survey(
    lines=(),
    source=("folder", {"path": "photos"}),
    classes={"cat": 100, "dog": 100, "owl": 100},
    image_size=(64, 64),
    color_mode="rgb",
)


@dataclass(frozen=True)
class Scaffold:
    """An experiment to start from.

    Attributes:
        text: The file.
        lines: What was found in the data and what was chosen, for people.
    """

    text: str
    lines: tuple[str, ...]


def scaffold() -> str:
    """A commented experiment on a folder of pictures, to be changed."""
    return _text(_PLACEHOLDER, "photos")


def from_data(data: str | os.PathLike[str], experiment: str | os.PathLike[str] = "experiment.yaml") -> Scaffold:
    """An experiment that fits data.

    Args:
        data: A folder with one folder of images for each class (or with such folders train and test), a CSV or an npz file.
        experiment: Where the experiment is going to stand; its paths are relative to that.

    Raises:
        DataError: The data cannot be trained on.
    """
    survey = look_at(os.path.normpath(os.fspath(data)))
    folder = os.path.dirname(os.path.abspath(experiment))
    stem = os.path.splitext(os.path.basename(os.path.abspath(data)))[0]
    text = _text(_relative(survey, folder), name_from(stem))
    return Scaffold(text, (*survey.lines, f"{os.fspath(experiment)}: {', '.join(_choices(survey))}."))


def _relative(survey: Survey, folder: str) -> Survey:
    def moved(source: tuple[str, dict[str, str]]) -> tuple[str, dict[str, str]]:
        paths = {key: os.path.relpath(source[1][key], folder) for key in ("path", "root") if key in source[1]}
        return source[0], source[1] | paths

    validation = None if survey.validation is None else moved(survey.validation)
    return replace(survey, source=moved(survey.source), validation=validation)


def _text(survey: Survey, name: str) -> str:
    parts = [_head(name), _data(survey), _augmentation(survey), _model(survey), _compile(survey), _train(survey), _END]
    return "\n".join(part for part in parts if part)


def _head(name: str) -> str:
    return f"""\
# An experiment for fittool: `fittool check` tells what is wrong with it, `fittool train` trains it.
# Paths are relative to this file. Editors know every setting from what `fittool schema` prints.
name: {flow_text(name)}
seed: 7  # the same seed gives the same weights
"""


def _data(survey: Survey) -> str:
    lines = ["data:", f"  train: {_source(survey.source)}"]
    if survey.validation is not None:
        lines.append(f"  validation: {_source(survey.validation)}")
    if survey.color_mode is not None and survey.image_size is not None:
        height, width = survey.image_size
        fit = "" if survey.fit == "stretch" else f", fit: {survey.fit}"
        lines.append(f"  image: {{size: [{height}, {width}], color_mode: {survey.color_mode}{fit}}}  # height, width")
        other, does = ("skip", "leave out") if survey.on_bad_file == "error" else ("error", "stop at")
        lines.append(f"  on_bad_file: {survey.on_bad_file}  # or {other}, to {does} files that cannot be read")
    return "\n".join(lines) + "\n"


def _source(source: tuple[str, dict[str, str]]) -> str:
    return flow_text({source[0]: dict(source[1])})


def _streams(survey: Survey) -> bool:
    """Whether batches are made as they are needed, from image files."""
    return survey.color_mode is not None


def _augmentation(survey: Survey) -> str:
    if not _streams(survey):
        return ""
    return """\
augmentation:  # random changes to training images; look at them with `fittool preview`
  rotation_range: 10  # degrees
  zoom_range: 0.1
  width_shift_range: 0.1  # share of the width
  height_shift_range: 0.1
  # horizontal_flip: true  # where left and right do not matter
"""


def _model(survey: Survey) -> str:
    layers = _image_layers(survey) if survey.image_size is not None else _table_layers()
    if survey.classes:
        activation = "sigmoid" if survey.several_labels else "softmax"
        layers.append(f"Dense: {{units: {len(survey.classes)}, activation: {activation}}}  # one for each class")
    else:
        layers.append(f"Dense: {{units: {survey.outputs}}}")
    return "\n".join(["model:", "  layers:  # Keras's names and arguments", *(f"    - {layer}" for layer in layers)]) + "\n"


def _image_layers(survey: Survey) -> list[str]:
    blocks = 3 if min(survey.image_size or ()) >= 48 else 2 if min(survey.image_size or ()) >= 16 else 1
    layers = ["Rescaling: {scale: 1/255}  # images are 0 to 255" if _streams(survey) else _NORMALIZATION]
    for block in range(blocks):
        layers.append(f"Conv2D: {{filters: {32 * 2**block}, kernel_size: 3, padding: same, activation: relu}}")
        layers.append("MaxPooling2D")
    return [*layers, "Flatten", "Dropout: {rate: 0.25}", "Dense: {units: 64, activation: relu}"]


_NORMALIZATION = "Normalization  # adapts to the training data"


def _table_layers() -> list[str]:
    return ["Flatten", _NORMALIZATION, "Dense: {units: 64, activation: relu}", "Dense: {units: 32, activation: relu}"]


def _compile(survey: Survey) -> str:
    loss, metric = "mean_squared_error", "mean_absolute_error"
    if survey.classes:
        loss, metric = "sparse_categorical_crossentropy", "accuracy"
    if survey.several_labels:
        loss, metric = "binary_crossentropy", "binary_accuracy"
    return f"""\
compile:
  optimizer: {{Adam: {{learning_rate: 0.001}}}}
  loss: {loss}
  metrics: [{metric}]
"""


def _train(survey: Survey) -> str:
    lines = ["train:", f"  mode: {'fit_generator' if _streams(survey) else 'fit'}", "  batch_size: 32", "  epochs: 100"]
    if survey.validation is None:
        lines.append("  validation_split: 0.2  # the last part of the data; where classes are folders, of each class")
    if rare := _rare_class(survey):
        lines.append(f"  class_weight: balanced  # {rare[0]} has {rare[1]:.0%} of the samples")
    if _streams(survey):
        lines.append("  workers: 2  # threads that read and change images")
    return "\n".join(lines) + "\n"


_END = """\
callbacks:
  - EarlyStopping: {monitor: val_loss, patience: 10, restore_best_weights: true}
"""


def _rare_class(survey: Survey) -> tuple[str, float] | None:
    """The rarest class and its share, where it is rare."""
    if not survey.classes or survey.several_labels:
        return None
    name = min(survey.classes, key=lambda name: survey.classes[name])
    share = survey.classes[name] / sum(survey.classes.values())
    return (name, share) if share < _RARE / len(survey.classes) else None


def _choices(survey: Survey) -> list[str]:
    """What was chosen, and why."""
    size = survey.image_size
    choices = ["two hidden layers" if size is None else f"small convolutional network at {size[1]}×{size[0]}"]
    choices.append("fit_generator with gentle augmentation" if _streams(survey) else "fit")
    if rare := _rare_class(survey):
        choices.append(f"class_weight balanced because {rare[0]} has {rare[1]:.0%} of the samples")
    return [*choices, "early stopping on val_loss"]
