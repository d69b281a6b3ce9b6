"""Opens what an experiment trains and validates on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.yaml.source_map import KeyPath
from fittool.cpu import available_threads
from fittool.data.available_memory import size_in_words
from fittool.data.cache import kept_on_disk, place_of
from fittool.data.dataset import ArrayDataset, Dataset, Progress
from fittool.data.loading.timeouts import FOREVER
from fittool.data.memory import CachedDataset, in_memory
from fittool.data.sources import Source, SourceContext
from fittool.data.splits.partition import split_off
from fittool.data.splits.split_setting import SplitSetting
from fittool.data.splits.subsampling import fraction_of
from fittool.data.splits.validation_split import Split, split
from fittool.data.targets import ClassMode
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, Problem, shown
from fittool.experiment.building.data_warnings import remarks
from fittool.experiment.building.error_location import error_location
from fittool.nn.losses import Loss
from fittool.nn.targets import Targets

Data = Dataset | GeneratorData


@dataclass(frozen=True)
class OpenedData:
    """The samples of an experiment.

    Attributes:
        train, validation: Datasets, or the user's batches; validation None where there is none.
        class_names: The name of each class, or None.
        warnings: What a user should know about the files and the split.
        skipped: The files that cannot be read and are left out (`on_bad_file: skip`), with the reason.
    """

    train: Data
    validation: Data | None
    class_names: tuple[str, ...] | None
    warnings: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()


def class_mode_for(loss: Loss, asked: ClassMode) -> ClassMode:
    """The form of targets: what the experiment asks for, else what the loss needs."""
    if asked != "auto":
        return asked
    needed: dict[str, ClassMode] = {"class numbers": "sparse", "one-hot": "categorical", "probabilities": "binary"}
    return needed.get(loss.expects, "auto")


def source_context(loaded: LoadedExperiment, class_names: tuple[str, ...] | None = None, class_mode: Any = ...) -> SourceContext:
    """The knowledge that sources need beside their own settings.

    Args:
        loaded: The experiment.
        class_names: The classes of the training data, once they are known.
        class_mode: Instead of the experiment's.
    """
    experiment = loaded.experiment
    data = experiment.data
    return SourceContext(
        size=data.image.size,
        color_mode=data.image.color_mode,
        interpolation=data.image.interpolation,
        class_mode=class_mode_for(experiment.compile.main_loss, data.class_mode) if class_mode is ... else class_mode,
        seed=experiment.seed,
        on_bad_file=data.on_bad_file,
        workers=available_threads(),
        class_names=class_names,
        timeout=data.timeout_seconds if experiment.first.workers else FOREVER,
    )


def open_source(loaded: LoadedExperiment, source: Source, part: Literal["train", "validation"], context: SourceContext) -> Data:
    """Open one source; what is wrong with it is told with the place of its setting."""
    own = {shown(value): key for key, value in vars(source).items() if isinstance(value, str)}
    with error_location(loaded, "data", part, source.public_name(), own=own):
        return source.open(context)


def open_data(loaded: LoadedExperiment) -> OpenedData:
    """Open the training data, and the validation data or the part that is split off.

    Raises:
        DataError: They are wrong, missing or unreadable.
        ExperimentError: They cannot be split.
    """
    experiment = loaded.experiment
    train = open_source(loaded, experiment.data.train, "train", source_context(loaded))
    names = None if isinstance(train, GeneratorData) else train.class_names
    if isinstance(experiment.data.validation, Source):
        features = None if isinstance(train, GeneratorData) else train.feature_names
        context = replace(source_context(loaded, names), feature_names=features)
        validation = open_source(loaded, experiment.data.validation, "validation", context)
        skipped = (*left_out(train), *left_out(validation))
        told = (*_skip_warning(loaded, skipped), *remarks(loaded, train))
        return OpenedData(_part_of(loaded, train), validation, names, told, skipped)
    skipped = left_out(train)
    told = (*_skip_warning(loaded, skipped), *remarks(loaded, train))
    parts, path = _split(loaded, train), _split_path(experiment)
    if parts is None:
        return OpenedData(_part_of(loaded, train), None, names, told, skipped)
    warnings = tuple(loaded.problem(text, *path) for text in parts.warnings)
    return OpenedData(_part_of(loaded, parts.train), parts.validation, names, (*told, *warnings), skipped)


def _split_path(experiment: Experiment) -> KeyPath:
    """Which setting takes the validation data out of the training data."""
    return ("train", "validation_split") if experiment.data.validation is None else ("data", "validation", "split")


def _split(loaded: LoadedExperiment, train: Data) -> Split | None:
    """The training data in two parts, or None where validation data are not asked for."""
    experiment = loaded.experiment
    part, path = experiment.data.validation, _split_path(experiment)
    if part is None and not experiment.first.validation_split:
        return None
    if isinstance(train, GeneratorData):
        text = f"{path[-1]} needs samples that can be counted, which a generator cannot offer. Give data.validation a source."
        raise ExperimentError(loaded.problem(text, *path))
    with error_location(loaded, *path):
        if not isinstance(part, SplitSetting):
            return split(train, experiment.first.validation_split)
        groups = None
        if part.needs_groups:
            groups = experiment.data.train.groups(cast("str", part.group), train, source_context(loaded))
        return split_off(train, part, experiment.seed, groups)


def _part_of(loaded: LoadedExperiment, train: Data) -> Data:
    """The share of the training data that is wanted."""
    share = loaded.experiment.data.fraction
    if share == 1:
        return train
    if isinstance(train, GeneratorData):
        text = "data.fraction needs samples that can be counted, which a generator cannot offer. Remove it."
        raise ExperimentError(loaded.problem(text, "data", "fraction"))
    return fraction_of(train, share, loaded.experiment.seed)


def left_out(data: Data) -> tuple[Problem, ...]:
    """The files that a source has left out; only image files can be."""
    return getattr(data, "bad_files", ())


def _skip_warning(loaded: LoadedExperiment, skipped: Sequence[Problem]) -> tuple[Problem, ...]:
    return (loaded.problem(skipped_in_words(skipped), "data", "on_bad_file"),) if skipped else ()


def skipped_in_words(skipped: Sequence[Problem]) -> str:
    """The number of files that are left out, and the first of them."""
    amount = "1 file is" if len(skipped) == 1 else f"{len(skipped):,} files are"
    return f"{amount} left out. {skipped[0]}"


def kept(loaded: LoadedExperiment, data: Data, progress: Progress | None) -> tuple[Data, tuple[Problem, ...]]:
    """The data as the experiment's mode wants them, and warnings: all in memory, remembered once read, or as they are."""
    if isinstance(data, GeneratorData):
        return data, ()
    if any(stage.mode == "fit" for stage in loaded.experiment.stages):
        return in_memory(data, progress), ()
    cache = loaded.experiment.data.cache
    if cache == "disk":
        cached, trouble = kept_on_disk(data)
        return cached, (loaded.problem(trouble, "data", "cache"),) if trouble else ()
    return CachedDataset(data) if cache == "ram" and not isinstance(data, ArrayDataset) else data, ()


def disk_caches(loaded: LoadedExperiment, *parts: Data | None, planned: bool = False) -> tuple[str, ...]:
    """Where `cache: disk` keeps samples, or where it would, and how much room it takes: `cache: 1.2 GiB in …`, for each file."""
    if loaded.experiment.data.cache != "disk" or any(stage.mode == "fit" for stage in loaded.experiment.stages):
        return ()
    places = [place_of(data, planned=planned) for data in parts if data is not None and not isinstance(data, GeneratorData)]
    return tuple(f"cache: {size_in_words(size)} in {shown(path)}" for path, size in dict(filter(None, places)).items())


def targets_of(data: Data) -> tuple[Targets, ...]:
    """The form of some data's targets, one for each output; looks at all labels, but decodes one sample at most."""
    if isinstance(data, GeneratorData):
        return tuple(_form(array, None) for array in data.first.targets)
    arrays = data.load(np.zeros(1, np.int64))[1]
    held = data.targets if isinstance(data, ArrayDataset) else arrays
    return tuple(_form(array, data.labels() if len(held) == 1 else None) for array in held)


def _form(array: Any, labels: Any) -> Targets:
    """The form of targets (N, …) whose class numbers are `labels`, if they have such."""
    shape = array.shape[1:]
    known = array if labels is None or shape not in ((), (1,)) else labels
    lowest, highest = float(known.min()), float(known.max())
    if len(shape) == 1 and shape[0] > 1 and _is_one_hot(array):
        return Targets("one-hot", shape, lowest, highest)
    whole = np.issubdtype(array.dtype, np.integer) or (labels is not None and shape == ())
    return Targets("class numbers" if whole else "numbers", shape, lowest, highest)


def _is_one_hot(rows: Any) -> bool:
    return bool(np.all((rows == 0) | (rows == 1)) and np.all(rows.sum(axis=-1) == 1))
