"""Settings held against each other: what contradicts, and what can have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fittool.errors import ExperimentError
from fittool.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from fittool.settings import nearest_name
from fittool.spec.description import Experiment
from fittool.spec.places import KeyPath, Node, Place, Placed, find
from fittool.spec.sections import Train

if TYPE_CHECKING:
    from fittool.nn.graph import LayerError

_CLASS_LOSSES = (SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy)
_WRONG_FORMS = {
    ("one-hot", "sparse"): ("one-hot targets", "class numbers", "sparse_categorical_crossentropy"),
    ("one-hot", "binary"): ("one-hot targets", "0 or 1", "binary_crossentropy"),
    ("class numbers", "categorical"): ("class numbers", "one-hot targets", "categorical_crossentropy"),
}


@dataclass(frozen=True)
class Written:
    """An experiment together with the tree it came from."""

    experiment: Experiment
    root: Node

    def node(self, *path: str | int) -> Node | None:
        """The node at a key path, or None where the file does not have it."""
        node, depth = find(self.root, path)
        return node if depth == len(path) else None

    def place(self, *path: str | int) -> Place:
        """Where the setting, or the nearest thing around it that was written, stands."""
        return find(self.root, path)[0].best_place

    def said(self, *path: str | int) -> str:
        """Where a setting was written, for a sentence about another one; or that it is the default."""
        return f"at {self.place(*path)}" if self.node(*path) is not None else "by default"

    def problem(self, path: KeyPath, text: str) -> Placed:
        """A problem with the setting at a key path."""
        return Placed(self.place(*path), text, path)

    @property
    def validates(self) -> bool:
        """Whether there are validation data."""
        return validates(self.experiment)


def contradictions(written: Written) -> Iterator[Placed]:
    """Settings that cannot hold together, each with both places."""
    experiment, train = written.experiment, written.experiment.train
    if experiment.augmentation is not None and train.mode == "fit":
        mode = written.said("train", "mode")
        text = f"augmentation needs train.mode fit_generator, but it is fit ({mode}). Write mode: fit_generator under train."
        yield written.problem(("augmentation",), text)
    if experiment.data.validation is not None and train.validation_split > 0:
        where = written.said("data", "validation")
        text = f"train.validation_split and data.validation ({where}) both give validation data. Remove one."
        yield written.problem(("train", "validation_split"), text)
    if train.epochs is not None and train.initial_epoch >= train.epochs:
        text = f"train.initial_epoch must be less than train.epochs, which is {train.epochs} ({written.said('train', 'epochs')})"
        yield written.problem(("train", "initial_epoch"), f"{text}, got {train.initial_epoch}.")
    yield from _class_mode(written)
    yield from _monitors(written)


def _class_mode(written: Written) -> Iterator[Placed]:
    """The form of the labels, where it is written, against what the loss takes."""
    mode, loss = written.experiment.data.class_mode, written.experiment.compile.loss
    if mode is None:
        yield written.problem(("data", "class_mode"), "data.class_mode is null, so there are no labels to train on. Remove it.")
    elif (loss.expects, mode) in _WRONG_FORMS:
        wanted, given, mend = _WRONG_FORMS[loss.expects, mode]
        text = f"{loss.public_name()} expects {wanted}, but data.class_mode ({written.said('data', 'class_mode')}) gives {given}."
        yield written.problem(("compile", "loss"), f"{text} Use {mend}.")


def _monitors(written: Written) -> Iterator[Placed]:
    for index, callback in enumerate(written.experiment.callbacks):
        monitor = getattr(callback, "monitor", None)
        if not isinstance(monitor, str):
            continue
        name = callback.public_name()
        path = ("callbacks", index, _written_name(written, index, name), "monitor")
        if monitor.startswith("val_") and not written.validates:
            mend = "Give data.validation or train.validation_split, or watch loss."
            yield written.problem(path, f"{name} watches {monitor}, but there are no validation data. {mend}")
        elif monitor not in (known := value_names(written.experiment)):
            near = nearest_name(monitor, list(known))
            mend = f" Did you mean {near}?" if near else ""
            yield written.problem(path, f"{name} watches {monitor}, which is not computed. There are {', '.join(known)}.{mend}")


def _written_name(written: Written, index: int, name: str) -> str:
    """The callback's name as the file has it, in whatever case."""
    node = written.node("callbacks", index)
    return next(iter(node.value), name) if node is not None and isinstance(node.value, dict) else name


def value_names(experiment: Experiment) -> tuple[str, ...]:
    """The names of the values that each epoch computes."""
    names = ("loss", *(metric.log_name for metric in experiment.compile.metrics))
    validation = tuple(f"val_{name}" for name in names) if validates(experiment) else ()
    return (*names, *validation, "learning_rate")


def validates(experiment: Experiment) -> bool:
    """Whether there are validation data."""
    return experiment.data.validation is not None or experiment.train.validation_split > 0


def without_effect(written: Written) -> Iterator[Placed]:
    """Settings that differ from their default and yet change nothing."""
    yield from _train_without_effect(written)
    yield from _data_without_effect(written)
    augmentation = written.experiment.augmentation
    if augmentation is not None and written.experiment.train.mode == "fit_generator":
        for field, reason in augmentation.without_effect():
            yield written.problem(("augmentation", field), f"augmentation.{field} has no effect. {reason}")


def _train_without_effect(written: Written) -> Iterator[Placed]:
    train, default = written.experiment.train, Train()
    if train.mode == "fit":
        for field in ("workers", "max_queue_size"):
            if getattr(train, field) != getattr(default, field):
                yield written.problem(("train", field), f"train.{field} has no effect in mode fit.")
    if train.validation_steps != default.validation_steps and not written.validates:
        yield written.problem(("train", "validation_steps"), "train.validation_steps has no effect without validation data.")
    if not train.shuffle and written.experiment.data.train.public_name() == "python":
        yield written.problem(("train", "shuffle"), "train.shuffle has no effect on a python source, which gives its own order.")
    loss = written.experiment.compile.loss
    if train.class_weight is not None and not isinstance(loss, _CLASS_LOSSES):
        where = written.said("compile", "loss")
        text = f"train.class_weight has no effect with the loss {loss.public_name()} ({where}), which knows no classes."
        yield written.problem(("train", "class_weight"), text)


def _data_without_effect(written: Written) -> Iterator[Placed]:
    data = written.experiment.data
    sources = [source for source in (data.train, data.validation) if source is not None]
    kinds = " and ".join(dict.fromkeys(source.public_name() for source in sources))
    if data.cache != "none" and written.experiment.train.mode == "fit":
        yield written.problem(("data", "cache"), "data.cache has no effect in mode fit, which keeps all data in memory.")
    if not any(source.reads_images for source in sources):
        if data.image != type(data.image)():
            yield written.problem(("data", "image"), f"data.image has no effect on {kinds}, which hold no image files.")
        if data.on_bad_file != "error":
            yield written.problem(
                ("data", "on_bad_file"), f"data.on_bad_file has no effect on {kinds}, which hold no image files."
            )


def placed_layer_error(error: LayerError, root: Node) -> ExperimentError:
    """The same mistakes, each at the line of its layer; for layers that a preset made, at the preset."""
    problems = []
    for problem in error.problems:
        path: KeyPath = ("model", "layers", index) if (index := getattr(problem, "index", -1)) >= 0 else ("model", "layers")
        node, depth = find(root, path)
        place = node.best_place if depth == len(path) else find(root, ("model", "preset"))[0].best_place
        text = problem.text[:1].upper() + problem.text[1:]
        problems.append(place.problem(text))
    return ExperimentError(problems)
