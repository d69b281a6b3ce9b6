"""Settings held against each other: what contradicts, and what can have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fittool.callbacks import CallbackSetting
from fittool.config.augmentation_checks import augmentation_contradictions, augmentation_without_effect
from fittool.config.experiment import Experiment
from fittool.config.sections import Data, Stage, Train
from fittool.config.target_checks import target_contradictions
from fittool.config.written import Written, validates
from fittool.config.yaml.source_map import Node, Placed, find
from fittool.data.sources import Source
from fittool.data.splits.split_setting import SplitSetting
from fittool.errors import ExperimentError, KeyPath, path_text
from fittool.nn.graph import layer_names
from fittool.nn.losses import LogitsOrProbabilities
from fittool.nn.objectives import Objective, loss_names, metrics_by_name, with_output_targets
from fittool.nn.output_targets import MOST_NAMED, OutputTargets
from fittool.nn.schedules import Schedule
from fittool.settings import fields_of, nearest_name

if TYPE_CHECKING:
    from fittool.nn.graph import LayerError

_WRONG_FORMS = {
    ("one-hot", "sparse"): ("one-hot targets", "class numbers", "sparse_categorical_crossentropy"),
    ("one-hot", "binary"): ("one-hot targets", "0 or 1", "binary_crossentropy"),
    ("class numbers", "categorical"): ("class numbers", "one-hot targets", "categorical_crossentropy"),
}


def contradictions(written: Written) -> Iterator[Placed]:
    """Settings that cannot hold together, each with both places."""
    experiment, first = written.experiment, written.experiment.first
    yield from augmentation_contradictions(written)
    if experiment.data.validation is not None and first.validation_split > 0:
        where = written.said("data", "validation")
        path = (*experiment.path_of(first), "validation_split")
        text = f"{path_text(path)} and data.validation ({where}) both give validation data. Remove one."
        yield written.problem(path, text)
    for setting in ("fraction", "oversample"):
        if experiment.data.train.public_name() == "python" and getattr(experiment.data, setting) not in (None, 1):
            text = f"data.{setting} needs samples that can be counted, which a python source cannot offer. Remove it."
            yield written.problem(("data", setting), text)
    for stage in experiment.stages:
        yield from _lengths(written, stage)
        yield from _loop(written, stage)
    yield from _stages(written)
    yield from _learning_rates(written)
    yield from _class_mode(written)
    yield from target_contradictions(written)
    outputs = list(_outputs(written))
    yield from outputs
    if not outputs:  # else the names of the values are not known
        yield from _monitors(written)


def _lengths(written: Written, stage: Train) -> Iterator[Placed]:
    if stage.epochs is not None and stage.initial_epoch >= stage.epochs:
        path = written.experiment.path_of(stage)
        where = f"{stage.epochs} ({written.said(*path, 'epochs')})"
        text = f"{path_text(path)}.initial_epoch must be less than {path_text(path)}.epochs, which is {where}"
        yield written.problem((*path, "initial_epoch"), f"{text}, got {stage.initial_epoch}.")
    elif stage.epochs is not None and stage.warmup_epochs >= stage.epochs - stage.initial_epoch:
        path = written.experiment.path_of(stage)
        text = f"{path_text(path)}.warmup_epochs must be less than the epochs that are trained"
        mend = f"{stage.epochs - stage.initial_epoch} ({written.said(*path, 'epochs')}), got {stage.warmup_epochs:g}"
        yield written.problem((*path, "warmup_epochs"), f"{text}, {mend}.")


def _loop(written: Written, stage: Train) -> Iterator[Placed]:
    """The user's loop belongs to its mode."""
    path = written.experiment.path_of(stage)
    if stage.mode == "train_on_batch" and stage.loop is None and written.is_known(*path, "loop"):
        text = f"{path_text(path)}.mode train_on_batch needs your own loop. Write loop: module:function beside it."
        yield written.problem((*path, "mode"), text)
    if stage.loop is not None and ":" not in stage.loop:
        text = f"{path_text(path)}.loop must have the form module:function, got {stage.loop!r}."
        yield written.problem((*path, "loop"), text)


def _stages(written: Written) -> Iterator[Placed]:
    """Settings that can only hold for the whole of a training in stages."""
    first, *later = written.experiment.stages
    for stage in later:
        path = written.experiment.path_of(stage)
        if stage.initial_epoch:
            text = f"{path_text(path)}.initial_epoch can be given in the first stage alone; epochs count on."
            yield written.problem((*path, "initial_epoch"), text)
        if stage.overfit_batches is not None:
            text = f"{path_text(path)}.overfit_batches can be given in the first stage alone: all stages share the data."
            yield written.problem((*path, "overfit_batches"), text)
        if stage.warmup_epochs:
            text = f"{path_text(path)}.warmup_epochs can be given in the first stage alone: training warms up once."
            yield written.problem((*path, "warmup_epochs"), text)
        if stage.validation_split not in (0, first.validation_split):
            text = f"{path_text(path)}.validation_split must be that of the first stage, {first.validation_split:g}: all stages"
            yield written.problem((*path, "validation_split"), f"{text} share one validation part.")
    for stage in (first, *later):
        rate = stage.learning_rate if isinstance(stage, Stage) else None
        if rate is not None and isinstance(written.experiment.compile.optimizer.learning_rate, Schedule):
            path = written.experiment.path_of(stage)
            where = written.said("compile", "optimizer")
            text = f"{path_text(path)}.learning_rate cannot be set, as the optimizer's ({where}) is a schedule."
            yield written.problem((*path, "learning_rate"), f"{text} Use one of the two.")


def _learning_rates(written: Written) -> Iterator[Placed]:
    """Callbacks and stages that set the learning rate, where a schedule decides it."""
    experiment = written.experiment
    if not isinstance(experiment.compile.optimizer.learning_rate, Schedule):
        return
    from fittool.callbacks import LearningRateScheduler, ReduceLROnPlateau  # with a constant rate there is nothing to ask them

    where = written.said("compile", "optimizer")
    if experiment.fine_tune is not None and experiment.fine_tune.epochs:
        text = f"fine_tune sets a learning rate of its own, but the optimizer's ({where}) is a schedule."
        yield written.problem(("fine_tune",), f"{text} Give the optimizer a number, for the head.")
    for path, callbacks in _callback_lists(written):
        for index, callback in enumerate(callbacks):
            if isinstance(callback, LearningRateScheduler | ReduceLROnPlateau):
                text = f"{callback.public_name()} cannot set the learning rate, as the optimizer's ({where}) is a schedule."
                yield written.problem((*path, index), f"{text} Use one of the two.")


def _callback_lists(written: Written) -> list[tuple[KeyPath, list[CallbackSetting]]]:
    """The callbacks of the experiment and of its stages, with their places."""
    experiment = written.experiment
    lists: list[tuple[KeyPath, list[CallbackSetting]]] = [(("callbacks",), experiment.callbacks)]
    return lists + [((*experiment.path_of(stage), "callbacks"), experiment.callbacks_of(stage)) for stage in experiment.stages]


def _outputs(written: Written) -> Iterator[Placed]:
    """The outputs' names, in the network and where losses and metrics go by them."""
    model = written.experiment.model
    known = layer_names(model.layers or ())
    for index, name in enumerate(model.outputs or ()):
        if model.layers is not None and name not in known:
            near = nearest_name(name, known)
            mend = f" Did you mean {near}?" if near else f" Layers are {', '.join(known)}."
            yield written.problem(("model", "outputs", index), f"model.outputs names {name}, but no layer is called that.{mend}")
            return
    try:
        written.experiment.compile.objectives(output_names(written.experiment))
    except ExperimentError as error:
        yield written.problem(("compile",), f"compile.{error}")


def _class_mode(written: Written) -> Iterator[Placed]:
    """The form of the labels, where it is written, against what the loss takes."""
    mode, loss = written.experiment.data.class_mode, written.experiment.compile.main_loss
    if mode is None:
        yield written.problem(("data", "class_mode"), "data.class_mode is null, so there are no labels to train on. Remove it.")
    elif (loss.expects, mode) in _WRONG_FORMS:
        wanted, given, mend = _WRONG_FORMS[loss.expects, mode]
        text = f"{loss.public_name()} expects {wanted}, but data.class_mode ({written.said('data', 'class_mode')}) gives {given}."
        yield written.problem(("compile", "loss"), f"{text} Use {mend}.")


def _monitors(written: Written) -> Iterator[Placed]:
    lists = _callback_lists(written)
    may_grow = any(callback.adds_to_logs for _, callbacks in lists for callback in callbacks)
    for path, callbacks in lists:
        for index, callback in enumerate(callbacks):
            yield from _monitor(written, (*path, index), callback, may_grow)
            yield from _own_file(written, (*path, index), callback, may_grow)


def _monitor(written: Written, at: KeyPath, callback: CallbackSetting, may_grow: bool) -> Iterator[Placed]:
    monitor = getattr(callback, "monitor", None)
    if not isinstance(monitor, str):
        return
    name = callback.public_name()
    path = (*at, _name_in_file(written, at, name), "monitor")
    known = value_names(written.experiment)
    if monitor.startswith("val_") and not written.validates:
        mend = "Give data.validation or train.validation_split, or watch loss."
        yield written.problem(path, f"{name} watches {monitor}, but there are no validation data. {mend}")
    elif monitor not in known and not may_grow and written.is_known("compile"):
        near = nearest_name(monitor, list(known))
        mend = f" Did you mean {near}?" if near else ""
        yield written.problem(path, f"{name} watches {monitor}, which is not computed. There are {', '.join(known)}.{mend}")


def _own_file(written: Written, at: KeyPath, callback: CallbackSetting, may_grow: bool) -> Iterator[Placed]:
    """The file that a callback writes: none of the run's own, and its name can be made."""
    path = (*at, _name_in_file(written, at, callback.public_name()))
    # Asked by what they have, as their classes are not imported where a file does not name them.
    if getattr(callback, "is_file_of_a_run", False):
        text = f"CSVLogger.filename {getattr(callback, 'filename', '')} is a file that the run keeps itself. Choose another name."
        yield written.problem((*path, "filename"), text)
    if (asked := getattr(callback, "asked_values", None)) is not None:
        known = value_names(written.experiment)
        unknown = [name for name in asked if name not in known and not may_grow]
        if getattr(callback, "is_checkpoint_of_a_run", False):
            name = getattr(callback, "filepath", "")
            text = f"ModelCheckpoint.filepath {name} is one of the run's own checkpoints. Choose another name."
            yield written.problem((*path, "filepath"), text)
        elif unknown and written.is_known("compile"):
            near = nearest_name(unknown[0], list(known))
            mend = f" Did you mean {near}?" if near else ""
            text = f"ModelCheckpoint.filepath asks for {unknown[0]}, which is not computed. There are epoch, batch,"
            yield written.problem((*path, "filepath"), f"{text} {', '.join(known)}.{mend}")


def _name_in_file(written: Written, at: KeyPath, name: str) -> str:
    """The callback's name as the file has it, in whatever case."""
    node = written.node(*at)
    return next(iter(node.value), name) if node is not None and isinstance(node.value, dict) else name


def output_names(experiment: Experiment) -> list[str]:
    """The names of the network's outputs, as far as they are known without data."""
    model = experiment.model
    return model.outputs or (layer_names(model.layers)[-1:] if model.layers is not None else ["output"])


def objectives_without_data(experiment: Experiment) -> dict[str, Objective]:
    """What is asked of each output, with the names of several numbers to predict where the labels of a table give them."""
    outputs, train = output_names(experiment), experiment.data.train
    objectives = experiment.compile.objectives(outputs)
    if len(outputs) > 1 or experiment.compile.main_loss.expects != "numbers" or not train.has_columns:
        return objectives
    from fittool.data.formats.csv_table import bare_name  # which reads tables

    labels = tuple(map(bare_name, getattr(train, "label", None) or ()))
    if not 1 < len(labels) <= MOST_NAMED:
        return objectives
    return with_output_targets(objectives, {outputs[0]: OutputTargets(labels)})


def value_names(experiment: Experiment) -> tuple[str, ...]:
    """The names of the values that each epoch computes."""
    objectives = objectives_without_data(experiment)
    names = ("loss", *loss_names(objectives), *metrics_by_name(objectives))
    validation = tuple(f"val_{name}" for name in names) if validates(experiment) else ()
    return (*names, *validation, "learning_rate")


def without_effect(written: Written) -> Iterator[Placed]:
    """Settings that differ from their default and yet change nothing."""
    for stage in written.experiment.stages:
        yield from _train_without_effect(written, stage)
    yield from _whole_without_effect(written)
    yield from _data_without_effect(written)
    yield from augmentation_without_effect(written)


def _train_without_effect(written: Written, train: Train) -> Iterator[Placed]:
    path = written.experiment.path_of(train)
    name = path_text(path)
    if train.mode == "fit" and written.knows_mode(train):
        for field in ("workers", "max_queue_size", "use_multiprocessing"):
            if getattr(train, field) != _default(Train, field):
                yield written.problem((*path, field), f"{name}.{field} has no effect in mode fit.")
    elif train.use_multiprocessing and not train.workers:
        yield written.problem((*path, "use_multiprocessing"), f"{name}.use_multiprocessing has no effect with workers: 0.")
    if train.loop is not None and train.mode != "train_on_batch" and written.knows_mode(train):
        yield written.problem((*path, "loop"), f"{name}.loop has no effect in mode {train.mode}, but in train_on_batch.")
    if train.validation_steps != _default(Train, "validation_steps") and not written.validates:
        yield written.problem((*path, "validation_steps"), f"{name}.validation_steps has no effect without validation data.")
    if not train.shuffle and written.experiment.data.train.public_name() == "python":
        yield written.problem((*path, "shuffle"), f"{name}.shuffle has no effect on a python source, which gives its own order.")
    if train.class_weight == "balanced" and written.experiment.data.oversample == "balanced":
        where = written.said("data", "oversample")
        text = f"{name}.class_weight has no effect, as data.oversample ({where}) makes all classes equally frequent."
        yield written.problem((*path, "class_weight"), text)
    loss = written.experiment.compile.main_loss
    if train.class_weight is not None and not isinstance(loss, LogitsOrProbabilities):
        where = written.said("compile", "loss")
        text = f"{name}.class_weight has no effect with the loss {loss.public_name()} ({where}), which knows no classes."
        yield written.problem((*path, "class_weight"), text)


def _whole_without_effect(written: Written) -> Iterator[Placed]:
    """Settings that are taken from the first stage, or are no part of a callback's work here."""
    first, *later = written.experiment.stages
    for stage in later:
        path = written.experiment.path_of(stage)
        for field in ("verbose", "view_metrics"):
            if getattr(stage, field) not in ("auto", getattr(first, field)):
                text = f"{path_text(path)}.{field} has no effect: the first stage's holds for all."
                yield written.problem((*path, field), text)
    for index, callback in enumerate(written.experiment.callbacks):
        if not getattr(callback, "functions", True):
            yield written.problem(("callbacks", index), "LambdaCallback has no effect without a function.")


def _default(cls: type, name: str) -> object:
    """The default of a setting."""
    return fields_of(cls)[name].get_default(call_default_factory=True)


def _has_workers(train: Train) -> bool:
    """True where batches are made ahead."""
    return train.mode != "fit" and train.workers > 0


def _data_without_effect(written: Written) -> Iterator[Placed]:
    data = written.experiment.data
    part = data.validation
    if isinstance(part, SplitSetting):
        yield from _split_without_effect(written, part)
    sources = [source for source in (data.train, data.validation) if isinstance(source, Source)]
    kinds = " and ".join(dict.fromkeys(source.public_name() for source in sources))
    if (
        data.cache not in ("none", "device", "features")
        and written.knows_modes
        and all(stage.mode == "fit" for stage in written.experiment.stages)
    ):
        yield written.problem(("data", "cache"), "data.cache has no effect in mode fit, which keeps all data in memory.")
    elif data.cache == "disk" and not any(source.reads_images for source in sources):
        yield written.problem(("data", "cache"), f"data.cache: disk has no effect on {kinds}, which hold no image files.")
    if data.timeout != _default(Data, "timeout") and not any(map(_has_workers, written.experiment.stages)):
        yield written.problem(("data", "timeout"), "data.timeout has no effect without workers, which mode fit never has.")
    if data.image.fit != "stretch" and data.image.size is None:
        yield written.problem(("data", "image", "fit"), "data.image.fit has no effect without data.image.size.")
    if not any(source.has_columns for source in sources):
        for field in ("columns", "column_defaults", "on_missing_label"):
            if getattr(data, field) != _default(Data, field):
                yield written.problem(("data", field), f"data.{field} has no effect on {kinds}, which hold no table.")
    if not any(source.reads_images for source in sources):
        if data.image != type(data.image)():
            yield written.problem(("data", "image"), f"data.image has no effect on {kinds}, which hold no image files.")
        if data.on_bad_file != "error":
            yield written.problem(
                ("data", "on_bad_file"), f"data.on_bad_file has no effect on {kinds}, which hold no image files."
            )


_USED_BY_SPLITS = {"kfold": ("folds", "fold", "by", "shuffle"), "column": ("column", "value"), "time": ("column", "fraction")}


def _split_without_effect(written: Written, part: SplitSetting) -> Iterator[Placed]:
    """Settings of a split that its kind does not look at."""
    used = _USED_BY_SPLITS.get(part.kind, ("fraction",))
    for field in ("fraction", "folds", "fold", "by", "shuffle", "group", "column", "value", "seed"):
        is_random = field == "seed" and part.kind not in ("last", "first", "column", "time")
        if field in used or is_random or (field == "group" and part.needs_groups):
            continue
        if getattr(part, field) != getattr(SplitSetting(), field):
            path = ("data", "validation", "split", field)
            yield written.problem(path, f"{path_text(path)} has no effect on a split of kind {part.kind}.")


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
