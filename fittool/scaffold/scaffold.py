"""Experiments to start from: the text that `fittool init` writes, also fitted to data that it has looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fittool.config.experiment import name_from
from fittool.config.yaml.writer import flow_text
from fittool.data.remote import is_remote
from fittool.data.sources import FolderSource
from fittool.data.sources.base import Source
from fittool.data.tables.column_kinds import ColumnKind
from fittool.errors import UsageError, shown, visible
from fittool.scaffold import table_training
from fittool.scaffold.data_survey import look_at
from fittool.scaffold.label_choice import Ask
from fittool.scaffold.pretrained import Pretrained
from fittool.scaffold.survey import Survey
from fittool.scaffold.table_training import VALIDATED, training_samples
from fittool.scaffold.task import Task
from fittool.settings import plain

_RARE = 0.5
"""A class that is rarer than this share of an even one makes the class weights balanced."""
_LARGE = 32  # pixels
_BATCH, _STEPS = 32, 2000
_PLACEHOLDER = Survey(
    lines=(),
    source=FolderSource("photos"),
    task=Task("classes", {"cat": 100, "dog": 100, "owl": 100}),
    image_size=(64, 64),
    color_mode="rgb",
    samples=300,
)
_LOSSES = {
    "classes": ("sparse_categorical_crossentropy", "accuracy", "softmax"),
    "one-hot": ("categorical_crossentropy", "accuracy", "softmax"),
    "yes or no": ("binary_crossentropy", "binary_accuracy", "sigmoid"),
    "several": ("binary_crossentropy", "binary_accuracy", "sigmoid"),
    "numbers": ("mean_squared_error", "mean_absolute_error", None),
}


@dataclass(frozen=True)
class Scaffold:
    """An experiment to start from.

    Attributes:
        text: The file.
        lines: What was found in the data and what was chosen, for people.
        augments: Whether images are changed at random, which a preview shows.
    """

    text: str
    lines: tuple[str, ...]
    augments: bool


def scaffold() -> str:
    """A commented experiment on a folder of pictures, to be changed."""
    return _text(_PLACEHOLDER, "photos")


def from_data(
    data: str | os.PathLike[str],
    experiment: str | os.PathLike[str] = "experiment.yaml",
    labels: Sequence[str] = (),
    ask: Ask | None = None,
    start: Pretrained | None = None,
) -> Scaffold:
    """An experiment that fits data.

    Args:
        data: A folder with one folder of images for each class (or with such folders train and test), a table, arrays, or the
            address of one of these.
        experiment: Where the experiment is going to stand; its paths are relative to that.
        labels: The columns to predict, or the array; none: what looks like it.
        ask: Asks a person what the label is, where that is not plain.
        start: A network to start from, for folders of pictures.

    Raises:
        DataError: The data cannot be trained on.
        UsageError: They are no pictures of classes, and a network for such is to start from.
    """
    path = os.fspath(data)
    survey = look_at(path if is_remote(path) else os.path.normpath(path), labels, ask)
    folder = os.path.dirname(os.path.abspath(experiment))
    if start is not None:
        return _from_pretrained(survey, start, folder, name_from(_stem(path)))
    text = _text(survey.relative_to(folder), name_from(_stem(path)))
    return Scaffold(text, (*survey.lines, f"{os.fspath(experiment)}: {', '.join(_choices(survey))}."), _streams(survey))


def _from_pretrained(survey: Survey, start: Pretrained, folder: str, name: str) -> Scaffold:
    """An experiment on pictures that trains a network on."""
    if not _streams(survey) or survey.task.kind not in ("classes", "yes or no"):
        raise UsageError("--pretrained goes with a folder of pictures of several classes.")
    height, width = start.size(survey)
    seen = replace(survey.relative_to(folder), image_size=(height, width), color_mode=start.color_mode, fit="stretch")
    loss, _, activation = _LOSSES[survey.task.kind]
    assert activation is not None
    compiled = f"compile:\n  optimizer: {{Adam: {{learning_rate: 0.001}}}}\n  loss: {loss}\n  metrics: [accuracy]\n"
    train = "\n".join(line for line in _train(seen).splitlines() if not line.startswith("  epochs:")) + "\n"
    parts = [
        _head(name),
        _data(seen),
        _SMALL_CHANGES,
        start.sections(folder, survey.task.units, activation),
        compiled,
        train,
        _callbacks(seen),
    ]
    line = f"{start.title} from {shown(start.weights)}, pictures of {height} × {width}, head first, then all of it"
    return Scaffold("\n".join(part for part in parts if part), (*survey.lines, f"{line}."), augments=True)


def _stem(path: str) -> str:
    """The name of a file or folder without what its endings say."""
    name = os.path.basename(path.rstrip("/") if is_remote(path) else os.path.abspath(path))
    return name.removesuffix(".gz").rpartition(".")[0] or name


def _text(survey: Survey, name: str) -> str:
    parts = [
        _head(name),
        _data(survey),
        _augmentation(survey),
        _model(survey),
        _compile(survey),
        _train(survey),
        _callbacks(survey),
    ]
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
    elif survey.validation_column is not None:
        column, values = survey.validation_column
        split = {"kind": "column", "column": column} | ({} if values is None else {"value": values[0]})
        lines.append(f"  validation: {flow_text({'split': split})}")
    elif survey.validation_part is not None:
        why = "the same share of each class" if survey.validation_part == "stratified" else "any samples"
        lines.append(f"  validation: {{split: {{kind: {survey.validation_part}, fraction: {VALIDATED}}}}}  # {why}")
        if 0 < survey.samples < _FEW:
            folds = {"split": {"kind": "kfold", "by": survey.validation_part, "folds": 5, "fold": 0}}
            lines.append("  # One part of so few samples says little. In five trainings, fold 0 to 4, each is validated on once:")
            lines.append(f"  # validation: {flow_text(folds)}")
    lines += [] if survey.groups is None else _groups(survey.groups)
    if survey.task.kind == "numbers":
        lines.append("  target: {scale: standard}  # for the loss; metrics and predictions stay in the targets' own unit")
    lines += [] if survey.columns is None else _columns(survey.columns)
    if survey.color_mode is not None and survey.image_size is not None:
        height, width = survey.image_size
        fit = "" if survey.fit == "stretch" else f", fit: {survey.fit}"
        lines.append(f"  image: {{size: [{height}, {width}], color_mode: {survey.color_mode}{fit}}}  # height, width")
        bad = "skip  # leaves out files that cannot be read" if survey.skips_bad_files else _STRICT
        lines.append(f"  on_bad_file: {bad}")
    return "\n".join(lines) + "\n"


def _groups(column: str) -> list[str]:
    """How to validate on others than those that are trained on."""
    split = {"split": {"kind": "group", "group": column, "fraction": VALIDATED}}
    return [
        f"  # {flow_text(column)} comes again in several rows. If others than these are to be predicted, keep each on one side:",
        f"  # validation: {flow_text(split)}   and below   columns: {flow_text({column: 'key'})}",
    ]


def _columns(kinds: Mapping[str, ColumnKind]) -> list[str]:
    """What is said of columns."""
    named = flow_text({name: kind.public_name() for name, kind in kinds.items()})
    return [f"  columns: {named}  # {_KINDS}"]


_FEW = 1000
"""Samples below which one part to validate on says little."""
_KINDS = "NAME: kind, where `fittool check` shows another than you mean: number, category, boolean, date, text, key, drop"
_STRICT = "error  # or skip, to leave out files that cannot be read"


def _source(source: Source) -> str:
    written = plain(source, defaults=False)
    arguments = written[source.public_name()]
    if len(arguments.get("label") or ()) == 1:
        arguments["label"] = arguments["label"][0]
    return flow_text(written)


def _streams(survey: Survey) -> bool:
    """True where batches are made as they are needed, from image files."""
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
  """ + (_FLIP if survey.color_mode == "rgb" else f"# {_FLIP}")


_FLIP = "horizontal_flip: true  # where left and right do not matter, as in photographs\n"


_SMALL_CHANGES = f"""\
augmentation:  # random changes to training images; look at them with `fittool preview`
  zoom_range: 0.1
  width_shift_range: 0.1  # share of the width
  height_shift_range: 0.1
  {_FLIP}"""


def _is_table(survey: Survey) -> bool:
    """True where columns are learnt from, not arrays or images."""
    return survey.columns is not None


def _model(survey: Survey) -> str:
    if _is_table(survey):
        return table_training.model_section()
    layers = _image_layers(survey) if survey.image_size is not None else _array_layers(survey.axes)
    activation = _LOSSES[survey.task.kind][2]
    last = f"units: {survey.task.units}" + (f", activation: {activation}" if activation else "")
    layers.append(f"Dense: {{{last}}}" + ("  # one for each class" if survey.task.classes else ""))
    return "\n".join(["model:", "  layers:  # Keras's names and arguments", *(f"    - {layer}" for layer in layers)]) + "\n"


def _is_large(survey: Survey) -> bool:
    """True where images are large enough for a deep network, which is trained in one cycle."""
    return survey.image_size is not None and min(survey.image_size) >= _LARGE


def _image_layers(survey: Survey) -> list[str]:
    first = "Rescaling: {scale: 1/255}  # images are 0 to 255" if _streams(survey) else _NORMALIZATION
    return [first, *(_deep_layers() if _is_large(survey) else _shallow_layers(min(survey.image_size or ())))]


def _shallow_layers(side: int) -> list[str]:
    layers = []
    for block in range(2 if side >= 16 else 1):
        layers.append(f"Conv2D: {{filters: {32 * 2**block}, kernel_size: 3, padding: same, activation: relu}}")
        layers.append("MaxPooling2D")
    return [*layers, "Flatten", "Dropout: {rate: 0.25}", "Dense: {units: 64, activation: relu}"]


def _deep_layers() -> list[str]:
    layers = []
    for filters in (24, 48, 96, 192):
        layers.append(f"Conv2D: {{filters: {filters}, kernel_size: 3, padding: same, use_bias: false}}")
        layers += ["BatchNormalization", "Activation: {activation: relu}", "MaxPooling2D"]
    return [*layers[:-1], "GlobalAveragePooling2D"]


_NORMALIZATION = "Normalization  # adapts to the training data"


def _array_layers(axes: int) -> list[str]:
    return [
        *["Flatten"] * (axes != 1),
        _NORMALIZATION,
        "Dense: {units: 64, activation: relu}",
        "Dense: {units: 32, activation: relu}",
    ]


def _compile(survey: Survey) -> str:
    loss, metric, _ = _LOSSES[survey.task.kind]
    if _is_table(survey):
        return table_training.compile_section(survey, loss, metric)
    rate = "0.001"
    if _is_large(survey):
        rate = f"{{OneCycle: {{max_learning_rate: 0.01, total_steps: {_epochs(survey) * _steps(survey)}}}}}"
    return f"""\
compile:
  optimizer: {{Adam: {{learning_rate: {rate}}}}}
  loss: {loss}
  metrics: [{metric}]
"""


def _train(survey: Survey) -> str:
    lines = ["train:", f"  mode: {'fit_generator' if _streams(survey) else 'fit'}", f"  batch_size: {_batch_size(survey)}"]
    with_steps = f"  # of {_steps(survey):,} steps; change total_steps of OneCycle with it" if _is_large(survey) else ""
    lines.append(f"  epochs: {_epochs(survey)}{with_steps}")
    if survey.validation is None and survey.validation_part is None and survey.validation_column is None:
        lines.append("  validation_split: 0.2  # the last part of each class")
    if rare := _rare_class(survey):
        lines.append(f"  class_weight: balanced  # {flow_text(rare[0])} has {_percent(rare[1])} of the samples")
    if _streams(survey):
        lines.append("  workers: 2  # threads that read and change images")
    return "\n".join(lines) + "\n"


def _batch_size(survey: Survey) -> int:
    return table_training.batch_size(training_samples(survey)) if _is_table(survey) else _BATCH


def _steps(survey: Survey) -> int:
    """Batches in an epoch."""
    return max(-(-training_samples(survey) // _BATCH), 1)


def _epochs(survey: Survey) -> int:
    """Enough for some thousand steps where one cycle is all there is; else early stopping ends it."""
    if _is_table(survey):
        return table_training.epochs(training_samples(survey))
    return min(100, max(20, -(-_STEPS // _steps(survey)))) if _is_large(survey) else 100


def _callbacks(survey: Survey) -> str:
    if _is_table(survey):
        return table_training.callbacks_section()
    callback = "EarlyStopping: {monitor: val_loss, patience: 10, restore_best_weights: true}"
    if _is_large(survey):
        callback = f"ModelCheckpoint: {{monitor: val_{_LOSSES[survey.task.kind][1]}, save_best_only: true}}"
    return f"callbacks:\n  - {callback}\n"


def _rare_class(survey: Survey) -> tuple[str, float] | None:
    """The rarest class and its share, where it is rare; of a table's classes the share is as it will be, and counts."""
    task = survey.task
    if task.kind != "classes" or _is_table(survey):
        return None
    name = min(task.classes, key=lambda name: task.classes[name])
    share = task.classes[name] / sum(task.classes.values())
    return (name, share) if share < _RARE / len(task.classes) else None


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def _choices(survey: Survey) -> list[str]:
    """Choices, with their reasons."""
    size = survey.image_size
    network = "preset tabular" if _is_table(survey) else "two hidden layers"
    choices = [network if size is None else f"convolutional network at {size[1]}×{size[0]}"]
    choices.append("fit_generator with gentle augmentation" if _streams(survey) else "fit")
    if survey.validation_column is not None:
        choices.append(f"validates on what {survey.validation_column[0]} says")
    elif survey.validation is None and survey.validation_part is not None:
        of = "each class" if survey.validation_part == "stratified" else "the samples"
        choices.append(f"validates on a fifth of {of}")
    if rare := _rare_class(survey):
        choices.append(f"class_weight balanced because {visible(rare[0])} has {_percent(rare[1])} of the samples")
    in_one_cycle = _is_large(survey) or _is_table(survey)
    return [*choices, f"{_epochs(survey)} epochs in one cycle" if in_one_cycle else "early stopping on val_loss"]
