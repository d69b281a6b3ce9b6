"""Everything that can be known before training: data, network, and whether they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Train
from fittool.data.available_memory import available_memory, size_in_words
from fittool.data.dataset import Dataset
from fittool.data.formats.reading import Reading
from fittool.data.images.preprocessing import Preprocessing, preprocessed
from fittool.data.input_facts import InputFacts, facts_of, in_words
from fittool.data.loading.batch_loader import BatchLoader, DatasetLoader, ValidationLoader
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.settings import EngineSetting
from fittool.errors import ExperimentError, MachineError, Problem
from fittool.experiment.aids.few_batches import batch_size_of, without_dropout
from fittool.experiment.aids.training_length import training_length
from fittool.experiment.building.compatibility import check_augmentation
from fittool.experiment.building.data import Data, OpenedData, kept, on_the_scale_of, open_data
from fittool.experiment.building.data_warnings import damaged_exif
from fittool.experiment.building.error_location import error_location
from fittool.experiment.building.loading_progress import Loading, silent
from fittool.experiment.building.network import graph_of, layers_of
from fittool.experiment.building.transforms import changes_of, check_mixing, preprocessing_of, standardized
from fittool.experiment.checks.all_checks import check_sense, scaling_remarks
from fittool.experiment.checks.device_cache import check_device_cache
from fittool.experiment.pretrained.fine_tuning import feature_remarks, with_stages
from fittool.experiment.tables.columns import with_embedding
from fittool.experiment.target_scales import check_other_part, output_targets
from fittool.experiment.target_scales import in_words as in_words_of_targets
from fittool.model.target_forms import target_forms
from fittool.nn.graph import Graph
from fittool.nn.layers import Layer
from fittool.nn.objectives import Objective, check_objectives, losses_of_logits, with_output_targets, with_target_shapes
from fittool.nn.optimizers import Optimizer
from fittool.nn.output_targets import OutputTargets, plain_targets
from fittool.nn.schedules.lengths import PartOfTraining, TrainingLength
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets
from fittool.process_group import ALONE, ProcessGroup
from fittool.runs.files.json_text import to_json
from fittool.settings import plain

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder
    from fittool.model.model import Model

_OF_DATA = ("compile", "seed", "table", "targets")
"""Parts of the description of a network that do not tell it from others."""


@dataclass(frozen=True)
class Preparation:
    """What a run has learnt of its training data, and never learns again.

    Attributes:
        encoder: Makes features of a table's columns; None where there is none, or it is to be learnt.
        targets: The scales of the numbers to predict, by the outputs' names; None where they are to be learnt.
        engine: The engine with which it goes on; None: the experiment's.
    """

    encoder: TableEncoder | None = None
    targets: Mapping[str, OutputTargets] | None = None
    engine: EngineSetting | None = None

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of those of several outputs that have any."""
        return {name: one.classes for name, one in (self.targets or {}).items() if one.classes}


@dataclass(frozen=True)
class Prepared:
    """An experiment whose data are open and whose network fits them.

    Attributes:
        loaded: The experiment.
        train, validation: The data.
        class_names: The name of each class, or None.
        targets: The form of the training targets, one for each output.
        layers: The network's layers, a preset expanded, behind those that `augmentation:` stands for.
        graph: The network.
        warnings: Of the data, beside the file's own.
        skipped: The files that were left out.
        written: The layers that the experiment writes, or its preset.
        preprocess: The user's function of an image, or None.
        inputs: What each input of the training data is like.
        reading: How the table of the training data was read, or None.
        numbers: Names and scales of the numbers to predict, by the outputs' names.
        encoder: What the training part of a table has fixed of its columns, or None.
        group: The processes that share the batches.
        going_on: The engine with which a run goes on, where that is not just the experiment's.
    """

    loaded: LoadedExperiment
    train: Data
    validation: Data | None
    class_names: tuple[str, ...] | None
    targets: tuple[Targets, ...]
    layers: list[Layer]
    graph: Graph
    warnings: tuple[Problem, ...]
    skipped: tuple[Problem, ...] = ()
    written: Sequence[Layer] = ()
    preprocess: Preprocessing | None = None
    inputs: tuple[InputFacts, ...] = ()
    reading: Reading | None = None
    numbers: Mapping[str, OutputTargets] = field(default_factory=dict)
    encoder: TableEncoder | None = None
    group: ProcessGroup = ALONE
    going_on: EngineSetting | None = None

    @property
    def engine(self) -> EngineSetting:
        """The engine that trains."""
        return self.loaded.experiment.engine if self.going_on is None else self.going_on

    @property
    def architecture(self) -> dict[str, Any]:
        """The network as plain data."""
        from fittool.model.compiled import Compiled
        from fittool.model.saving import describe
        from fittool.runs.columns_file import digest_of_columns

        features = None if isinstance(self.train, GeneratorData) else self.train.feature_names
        compile_ = self.loaded.experiment.compile
        table = {} if self.reading is None else self.reading.plain()
        targets = plain_targets(self.numbers)
        if self.encoder is not None and not self.encoder.is_plain:
            table |= {"columns": digest_of_columns(self.encoder.plain())}
        return (
            describe(self.layers, self.graph)
            | {
                "loss": plain(compile_.main_loss, defaults=False),
                "features": features,
                "compile": Compiled(self._optimizer_without_warmup, self.objectives).plain(),
                "seed": self.loaded.experiment.seed,
            }
            | ({"table": table} if table else {})
            | ({"targets": targets} if targets else {})
        )

    @property
    def objectives(self) -> dict[str, Objective]:
        """Losses and metrics of each output, for the targets that the data give."""
        objectives = self.loaded.experiment.compile.objectives(self.graph.outputs)
        return with_output_targets(with_target_shapes(objectives, self.target_shapes), self.numbers)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer, its schedule as long as the training where that is asked for, behind the warmup if there is one.

        Raises:
            ExperimentError: Nobody knows how long the training is.
        """
        optimizer, warmup = self._optimizer_without_warmup, self.loaded.experiment.first.warmup_epochs
        return optimizer.warmed_up(self._length().steps_of(PartOfTraining(epochs=warmup))) if warmup else optimizer

    @property
    def _optimizer_without_warmup(self) -> Optimizer:
        optimizer, warmup = self.loaded.experiment.compile.optimizer, self.loaded.experiment.first.warmup_epochs
        if not optimizer.lasts_as_training:
            return optimizer
        length = self._length()
        return optimizer.lasting(length.after(PartOfTraining(epochs=warmup)) if warmup else length)

    def _length(self) -> TrainingLength:
        return training_length(self.loaded, lambda stage: self.train_loader(stage).steps_per_pass)

    @property
    def is_from_logits(self) -> bool:
        """True where a loss is computed from the logits behind the activation of an output."""
        return bool(losses_of_logits(self.graph, self.objectives))

    @property
    def identity(self) -> str:
        """A hash of the network's description, which tells it from others."""
        network = {name: value for name, value in self.architecture.items() if name not in _OF_DATA}
        return hashlib.sha256(to_json(network)).hexdigest()

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each part of the data that has one."""
        parts = {"train": self.train, "validation": self.validation}
        return {
            name: data.fingerprint() for name, data in parts.items() if data is not None and not isinstance(data, GeneratorData)
        }

    def train_loader(self, stage: Train | None = None, features: Dataset | None = None) -> BatchLoader:
        """Batches to train on, in the first stage unless another is asked for; of features where they stand for the samples.

        Raises:
            ExperimentError: A class weight does not fit the data.
        """
        experiment = self.loaded.experiment
        train = experiment.first if stage is None else stage
        workers, timeout = _workers(train), experiment.data.timeout_seconds
        with error_location(self.loaded, *experiment.path_of(train), "class_weight"):
            if isinstance(self.train, GeneratorData):
                from fittool.data.loading.generator_loader import GeneratorLoader

                return GeneratorLoader(
                    self.train, class_weight=train.class_weight, class_names=self.class_names, workers=workers,
                    max_queue_size=train.max_queue_size, use_multiprocessing=train.use_multiprocessing, timeout=timeout,
                    steps=_steps(train, self.train) if len(experiment.stages) == 1 else None, group=self.group,
                )  # fmt: skip
            data = self._sample(self.train if features is None else features)
            size = batch_size_of(experiment, train.batch_size, len(self.train))
            steps = -(-len(data) // size)
            return DatasetLoader(
                data, size, experiment.seed, shuffle=train.shuffle and experiment.first.overfit_batches is None,
                augment=changes_of(experiment, train, self.preprocess, steps) if features is None else None,
                class_weight=train.class_weight, workers=workers, max_queue_size=train.max_queue_size,
                use_multiprocessing=train.use_multiprocessing, timeout=timeout, group=self.group,
            )  # fmt: skip

    def _sample(self, train: Dataset) -> Dataset:
        """The training samples of a pass: all once, or rare classes more often."""
        experiment = self.loaded.experiment
        if experiment.data.oversample is None or experiment.first.overfit_batches is not None:
            return train
        from fittool.data.splits.partition import balanced

        with error_location(self.loaded, "data", "oversample"):
            return balanced(train, self.loaded.experiment.seed)

    def validation_loader(self, stage: Train | None = None, features: Dataset | None = None) -> BatchLoader | None:
        """Batches to validate on, or None."""
        if features is not None:
            return self.loader_of(features, stage, ready=True)
        return None if self.validation is None else self.loader_of(self.validation, stage)

    def loader_of(self, data: Data, stage: Train | None = None, *, ready: bool = False) -> BatchLoader:
        """Batches of some data as they stand; `ready` where the user's function has changed them already."""
        train = self.loaded.experiment.first if stage is None else stage
        options: Any = {
            "workers": _workers(train),
            "max_queue_size": train.max_queue_size,
            "timeout": self.loaded.experiment.data.timeout_seconds,
            "group": self.group,
        }
        if isinstance(data, GeneratorData):
            from fittool.data.loading.generator_loader import GeneratorLoader

            return GeneratorLoader(data, **options)
        return ValidationLoader(preprocessed(data, None if ready else self.preprocess), train.batch_size, **options)

    def model(self) -> Model:
        """The model that is trained, with starting weights drawn from the seed."""
        # With the trainer and all loaders, which a check needs not.
        from fittool.model.compiled import Compiled
        from fittool.model.model import Model
        from fittool.model.network import Network

        experiment = self.loaded.experiment
        compiled = Compiled(self.optimizer, self.objectives)
        # A step whose loss is not finite ends the run; the weights before it are worth keeping.
        network = Network(
            self.graph, self.engine, experiment.seed, compiled, skips_bad_steps=True, group=self.group, targets=self.numbers
        )
        return Model.of(self.layers, network, experiment.seed, self.class_names)

    @property
    def target_shapes(self) -> list[Shape]:
        """Shape of the targets of each output, without the batch axis."""
        return [targets.shape for targets in self.targets]


def inputs_in_words(prepared: Prepared) -> list[str]:
    """A line for each input, with its range of values; of the columns of a table there is none."""
    named = not isinstance(prepared.train, GeneratorData) and prepared.train.feature_names
    return in_words([fact for fact in prepared.inputs if fact.is_image or not named])


def told_of_table(prepared: Prepared) -> list[str]:
    """The columns of a table that are learnt from and those that are not, in a line; and how targets are scaled."""
    told = "" if prepared.reading is None else prepared.reading.told(prepared.class_names)
    columns = [] if prepared.encoder is None else _columns_in_words(prepared.encoder)
    targets = () if prepared.reading is None else prepared.reading.targets
    return [*([told] if told else []), *columns, *in_words_of_targets(prepared.numbers, targets)]


def _columns_in_words(encoder: TableEncoder) -> list[str]:
    from fittool.data.tables.told import columns_in_words  # which knows all kinds of columns

    return columns_in_words(encoder)


def _workers(train: Train) -> int:
    """Threads that make batches; data in memory need none."""
    return 0 if train.mode == "fit" else train.workers


def _steps(train: Train, data: GeneratorData) -> int | None:
    """Batches in the whole of a training that is one stage, so that user code is not asked for more; None: nobody knows."""
    steps = train.steps_per_epoch if isinstance(train.steps_per_epoch, int) else data.batches_per_pass
    return None if steps is None or train.epochs is None else steps * train.epochs


def prepare(loaded: LoadedExperiment, loading: Loading = silent, known: Preparation | None = None) -> Prepared:
    """Open the data, build the network, hold them against each other, and read what the mode wants in memory.

    Args:
        loaded: The experiment.
        loading: Shows how far reading into memory is.
        known: What the run has learnt of its data already.

    Raises:
        DataError: The data are wrong, missing or unreadable.
        ExperimentError: Data, network and loss do not fit.
    """
    known = Preparation() if known is None else known
    prepared = fit_together(loaded, open_data(loaded, known.encoder, known.classes), known.targets)
    told = check_device_cache(loaded, prepared.train)
    with error_location(loaded, "data", "train"):
        train, warnings = kept(loaded, prepared.train, loading("training data"))
    validation = prepared.validation
    if validation is not None:
        with error_location(loaded, "data", "validation"):
            validation, _ = kept(loaded, validation, loading("validation data"))
    told = (*prepared.warnings, *told, *warnings, *damaged_exif(prepared.train, prepared.validation))
    return replace(prepared, train=train, validation=validation, warnings=told, going_on=known.engine)


def fit_together(
    loaded: LoadedExperiment, data: OpenedData | None = None, known: Mapping[str, OutputTargets] | None = None
) -> Prepared:
    """Do as `prepare`, but read nothing into memory; `data` where they are open already.

    Raises:
        DataError: The data are wrong, missing or unreadable, as far as can be told without decoding all.
        ExperimentError: Data, network and loss do not fit.
    """
    data = open_data(loaded) if data is None else data
    targets = target_forms(data.train)
    layers = layers_of(loaded, data.train, targets[0] if targets else None, data.class_names, data.encoder)
    front = with_embedding(loaded, layers, data.encoder, data.train.input_shapes)
    network = replace(standardized(loaded, front.layers, data.train.input_shapes), within=front)
    if loaded.experiment.first.overfit_batches is not None:
        network = replace(network, layers=list(map(without_dropout, network.layers)))
    graph = graph_of(loaded, network, data.train.input_shapes)
    loaded = with_stages(loaded, graph)
    _check(loaded, graph, targets, data.validation)
    _check_size(loaded, graph)
    check_augmentation(loaded, data.train.input_shapes)
    check_mixing(loaded, targets, graph.inputs)
    numbers = output_targets(loaded, graph, data.train, known)
    check_other_part(loaded, numbers, graph, data.validation)
    doubts = check_sense(loaded, network, graph, targets, data.train, data.validation, data.class_names, numbers)
    inputs = facts_of(data.train)
    validation, brought = on_the_scale_of(loaded, inputs, data.validation)
    told = (*data.warnings, *doubts, *brought, *feature_remarks(loaded, graph), *scaling_remarks(loaded, network, graph, inputs))
    return Prepared(
        loaded, data.train, validation, data.class_names, targets, network.layers, graph, told, data.skipped,
        written=layers, preprocess=preprocessing_of(loaded), inputs=inputs, reading=data.reading, encoder=data.encoder,
        numbers=numbers,
    )  # fmt: skip


def _check(loaded: LoadedExperiment, graph: Graph, targets: tuple[Targets, ...], validation: Data | None) -> None:
    """Loss and metrics against targets and output; training data against validation data."""
    compile_ = loaded.experiment.compile
    if not targets:
        raise ExperimentError(loaded.problem("Training needs targets, but data.train gives none.", "data", "class_mode"))
    objectives = compile_.objectives(graph.outputs)
    problems: list[Problem] = []
    for kind in ("loss", "metrics", "weighted_metrics"):
        alone = {name: Objective(**{kind: getattr(one, kind)}) for name, one in objectives.items()}
        try:
            with error_location(loaded, "compile", kind):
                check_objectives(alone, targets, graph.output_shapes)
        except ExperimentError as error:
            told = {problem.text for problem in problems}  # what is wrong with the loss is so with metrics like it
            problems += [problem for problem in error.problems if problem.text not in told]
    if problems:
        raise ExperimentError(problems)
    if validation is not None and dict(validation.input_shapes) != dict(graph.inputs):
        shapes = f"{_shapes(validation.input_shapes)}, but data.train gives {_shapes(graph.inputs)}"
        raise ExperimentError(loaded.problem(f"data.validation gives inputs of shape {shapes}.", "data", "validation"))


def _check_size(loaded: LoadedExperiment, graph: Graph) -> None:
    """The weights alone must fit in memory; said before an array of that size is asked for."""
    needed, available = graph.parameter_count * np.dtype(np.float32).itemsize, available_memory()
    if needed > available.bytes:
        weights = f"The network's {graph.parameter_count:,} parameters need {size_in_words(needed)} of memory"
        raise MachineError(loaded.problem(f"{weights}, but {available}. Make layers smaller.", "model"))


def _shapes(shapes: Any) -> str:
    return ", ".join(str(tuple(shape)) for shape in shapes.values())
