"""Opens what an experiment trains and validates on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from fittool.config.experiment import Experiment
from fittool.config.experiment_file import LoadedExperiment
from fittool.cpu import available_threads
from fittool.data.dataset import ArrayDataset, Dataset, Progress, Subset
from fittool.data.formats.reading import Reading
from fittool.data.input_facts import InputFacts
from fittool.data.loading import FOREVER
from fittool.data.sources import Source, SourceContext
from fittool.data.sources.base import OutputLabels
from fittool.data.splits.split_setting import SplitSetting
from fittool.data.splits.validation_split import Split, split
from fittool.data.targets import ClassMode, Targets, classes_of_outputs
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, KeyPath, Problem, shown
from fittool.experiment.aids.few_batches import few_batches
from fittool.experiment.building.data_warnings import doubts, remarks, remarks_of_source
from fittool.experiment.building.error_location import error_location
from fittool.experiment.tables.columns import plan_of, with_features
from fittool.model.labels import CLASS_MODES
from fittool.nn.losses import Loss

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder

Data = Dataset | GeneratorData


@dataclass(frozen=True)
class OpenedData:
    """The samples of an experiment.

    Attributes:
        train, validation: Datasets, or the user's batches; validation None where there is none.
        class_names: The name of each class, or None.
        warnings: What a user should know about the files and the split.
        skipped: The files that cannot be read and are left out (`on_bad_file: skip`), with the reason.
        reading: How the table of the training data was read, or None.
        encoder: What the training part of a table has fixed of its columns, or None.
    """

    train: Data
    validation: Data | None
    class_names: tuple[str, ...] | None
    warnings: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()
    reading: Reading | None = None
    encoder: TableEncoder | None = None


def class_mode_for(loss: Loss, asked: ClassMode) -> ClassMode:
    """The form of targets: what the experiment asks for, else what the loss needs."""
    if asked != "auto":
        return asked
    return CLASS_MODES.get(loss.expects, "auto")


Classes = Mapping[str, tuple[str, ...]]
"""The names of the classes that a run has learnt, by those of several outputs that tell classes apart."""


def source_context(
    loaded: LoadedExperiment,
    class_names: tuple[str, ...] | None = None,
    class_mode: Any = ...,
    classes: Classes | None = None,
) -> SourceContext:
    """The knowledge that sources need beside their own settings.

    Args:
        loaded: The experiment.
        class_names: The classes of the training data, once they are known.
        class_mode: Instead of the experiment's.
        classes: Those of each output, once they are known.
    """
    experiment = loaded.experiment
    data = experiment.data
    outputs = () if class_mode is None else _output_labels(experiment, classes or {})
    return SourceContext(
        size=data.image.size,
        color_mode=data.image.color_mode,
        interpolation=data.image.interpolation,
        fit=data.image.fit,
        white_level=data.image.white_level,
        class_mode=class_mode_for(experiment.compile.main_loss, data.class_mode) if class_mode is ... else class_mode,
        outputs=outputs,
        seed=experiment.seed,
        on_bad_file=data.on_bad_file,
        workers=available_threads(),
        class_names=class_names,
        not_features=_dividing_column(data.validation),
        numbered_labels=_ignores_a_label(experiment.compile.main_loss),
        timeout=data.timeout_seconds if experiment.first.workers else FOREVER,
        columns=plan_of(loaded),
        on_missing_label=data.on_missing_label,
    )


def _dividing_column(part: object) -> tuple[str, ...]:
    """The column that says of each row what it is for, which is nothing to learn from."""
    return (part.column,) if isinstance(part, SplitSetting) and part.kind == "column" and part.column else ()


def _output_labels(experiment: Experiment, classes: Classes) -> tuple[OutputLabels, ...]:
    """The outputs of a network of several, each of which has a column of labels of its own; none where that is not so."""
    outputs, data = experiment.model.outputs or [], experiment.data
    labels = getattr(data.train, "label", None) if data.train.has_columns else None
    if len(outputs) < 2 or len(labels or ()) != len(outputs) or data.class_mode != "auto":
        return ()
    objectives = experiment.compile.objectives(outputs)
    modes = {name: "auto" if one.loss is None else class_mode_for(one.loss, "auto") for name, one in objectives.items()}
    return tuple(OutputLabels(name, mode, classes.get(name)) for name, mode in modes.items())


def _ignores_a_label(loss: Loss) -> bool:
    """True where one class number does not count in the loss, so that labels are class numbers and nothing else."""
    return loss.ignored() is not None


def open_source(loaded: LoadedExperiment, source: Source, part: Literal["train", "validation"], context: SourceContext) -> Data:
    """Open one source; what is wrong with it is told with the place of its setting."""
    own = {shown(value): key for key, value in vars(source).items() if isinstance(value, str)}
    with error_location(loaded, "data", part, source.public_name(), own=own):
        return source.open(context)


def open_data(loaded: LoadedExperiment, encoder: TableEncoder | None = None, classes: Classes | None = None) -> OpenedData:
    """Open the training data, and the validation data or the part that is split off.

    Args:
        loaded: The experiment.
        encoder: What is fixed already of a table's columns, as in a run; else the training part fixes it.
        classes: The classes of several outputs that are fixed already.

    Raises:
        DataError: They are wrong, missing or unreadable.
        ExperimentError: They cannot be split.
    """
    opened = _open_all(loaded, encoder, classes)
    if loaded.experiment.first.overfit_batches is None:
        return opened
    few = few_batches(loaded.experiment, opened.train)
    return replace(opened, train=few, validation=few)


def _open_all(loaded: LoadedExperiment, encoder: TableEncoder | None, classes: Classes | None) -> OpenedData:
    context = replace(source_context(loaded, classes=classes), waits_for_split=True, encoder=encoder)
    train = open_source(loaded, loaded.experiment.data.train, "train", context)
    skipped = left_out(train)
    if isinstance(loaded.experiment.data.validation, Source):
        return _with_validation_source(loaded, train, skipped, encoder)
    parts, path = _split(loaded, train), _split_path(loaded.experiment)
    chosen = _part_of(loaded, train if parts is None else parts.train)
    beside = None if parts is None else parts.validation
    part, whole, validation, encoder = _featured(loaded, chosen, train, beside, encoder)
    told = (*_skip_warning(loaded, skipped), *remarks(loaded, whole), *_say_unused_column(loaded))
    names = None if isinstance(whole, GeneratorData) else whole.class_names
    warnings = () if parts is None else tuple(loaded.problem(text, *path) for text in parts.warnings)
    return OpenedData(part, validation, names, (*told, *warnings), skipped, reading_of(whole), encoder)


def _with_validation_source(
    loaded: LoadedExperiment, train: Data, skipped: tuple[Problem, ...], encoder: TableEncoder | None
) -> OpenedData:
    """The training data, and validation data that have a source of their own."""
    part, whole, _, encoder = _featured(loaded, _part_of(loaded, train), train, None, encoder)
    names = None if isinstance(whole, GeneratorData) else whole.class_names
    features = None if isinstance(whole, GeneratorData) else whole.feature_names
    known = dict(zip(loaded.experiment.model.outputs or (), classes_of(whole), strict=False))
    classes = {name: one for name, one in known.items() if one is not None}
    context = source_context(loaded, names, classes=classes)
    context = replace(context, feature_names=features, reading=reading_of(whole), encoder=encoder)
    source = loaded.experiment.data.validation
    assert isinstance(source, Source)
    validation = open_source(loaded, source, "validation", context)
    skipped = (*skipped, *left_out(validation))
    odd = (*remarks_of_source(loaded, validation, "validation"), *doubts(loaded, validation, "validation"))
    told = (*_skip_warning(loaded, skipped), *remarks(loaded, whole), *odd)
    return OpenedData(part, validation, names, told, skipped, reading_of(whole), encoder)


def _featured(
    loaded: LoadedExperiment, part: Data, whole: Data, validation: Data | None, encoder: TableEncoder | None
) -> tuple[Data, Data, Data | None, TableEncoder | None]:
    """The part to train on, the whole that it is of and the part to validate on, with features in place of a table's columns."""
    if isinstance(part, GeneratorData) or isinstance(whole, GeneratorData) or isinstance(validation, GeneratorData):
        return part, whole, validation, None
    others = [whole] if validation is None else [whole, validation]
    (part, whole, *rest), encoder = with_features(loaded, part, others, encoder)
    return part, whole, rest[0] if rest else None, encoder


def classes_of(data: Data) -> tuple[tuple[str, ...] | None, ...]:
    """The names of the classes of each of several outputs, None where it has none; nothing of data for one output."""
    whole: Any = data
    while isinstance(whole, Subset):
        whole = whole.dataset
    targets = getattr(whole, "targets", None)
    found: tuple[tuple[str, ...] | None, ...] = getattr(whole, "output_classes", ())
    return classes_of_outputs(targets) if isinstance(targets, Targets) else found


def reading_of(data: Data) -> Reading | None:
    """The way the table was read that the data come from, as a source opens it; None for other data."""
    return getattr(data, "reading", None)


def on_the_scale_of(
    loaded: LoadedExperiment, learnt: Sequence[InputFacts], validation: Data | None
) -> tuple[Data | None, tuple[Problem, ...]]:
    """The validation data on the scale of the training data, and what a user should know of that.

    Raises:
        DataError: They are on another scale, and how to bring them to it is not certain.
    """
    if validation is None or isinstance(validation, GeneratorData) or not isinstance(loaded.experiment.data.validation, Source):
        return validation, ()
    from fittool.data.images.pixel_scale import brought_to

    with error_location(loaded, "data", "validation"):
        brought = brought_to(learnt, validation)
    return brought.data, tuple(loaded.problem(text, "data", "validation") for text in brought.told)


def _say_unused_column(loaded: LoadedExperiment) -> tuple[Problem, ...]:
    """A warning where a table says what is validated on, and another part is."""
    data = loaded.experiment.data
    if not data.train.has_columns or isinstance(data.validation, Source):
        return ()
    if isinstance(data.validation, SplitSetting) and data.validation.kind == "column":
        return ()
    from fittool.data.sources import CsvSource

    if not isinstance(data.train, CsvSource):
        return ()
    column = data.train.dividing_column(source_context(loaded))
    if column is None:
        return ()
    mend = f"If it does, set data.validation to {{split: {{kind: column, column: {column}}}}}."
    text = f"The column {column} seems to say what each row is for, but does not count. {mend}"
    return (loaded.problem(text, "data", "train"),)


def _split_path(experiment: Experiment) -> KeyPath:
    """The setting that takes the validation data out of the training data."""
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
        from fittool.data.splits.partition import split_off

        groups = None
        if part.divides is not None:
            groups = experiment.data.train.groups(part.divides, train, source_context(loaded))
        return split_off(train, part, experiment.seed, groups)


def _part_of(loaded: LoadedExperiment, train: Data) -> Data:
    """The share of the training data that is wanted."""
    share = loaded.experiment.data.fraction
    if share == 1:
        return train
    if isinstance(train, GeneratorData):
        text = "data.fraction needs samples that can be counted, which a generator cannot offer. Remove it."
        raise ExperimentError(loaded.problem(text, "data", "fraction"))
    from fittool.data.splits.partition import fraction_of

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
    from fittool.data.memory import CachedDataset, in_memory

    cache = loaded.experiment.data.cache
    if any(stage.mode == "fit" for stage in loaded.experiment.stages):
        return in_memory(data, progress), ()
    if cache == "device":  # a run may go on with another cache, so its data are known by the same fingerprint
        return in_memory(data, progress, keeps_fingerprint=True), ()
    if cache == "disk":
        from fittool.data.cache import keep_on_disk

        cached, trouble = keep_on_disk(data)
        return cached, (loaded.problem(trouble, "data", "cache"),) if trouble else ()
    return CachedDataset(data) if cache == "ram" and not isinstance(data, ArrayDataset) else data, ()


def disk_caches(loaded: LoadedExperiment, *parts: Data | None, planned: bool = False) -> tuple[str, ...]:
    """The place where `cache: disk` keeps samples, or would, and the room it takes: `cache: 1.2 GiB in …`, for each file."""
    if loaded.experiment.data.cache != "disk" or any(stage.mode == "fit" for stage in loaded.experiment.stages):
        return ()
    from fittool.data.available_memory import size_in_words
    from fittool.data.cache import place_of

    places = [place_of(data, planned=planned) for data in parts if data is not None and not isinstance(data, GeneratorData)]
    return tuple(f"cache: {size_in_words(size)} in {shown(path)}" for path, size in dict(filter(None, places)).items())
