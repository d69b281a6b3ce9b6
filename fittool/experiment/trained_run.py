"""A run that was trained, opened again to be measured or used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fittool.config.experiment_file import LoadedExperiment, engine_override
from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.formats.reading import Reading
from fittool.data.images.pixel_scale import brought_to
from fittool.data.input_facts import InputFacts, facts_from
from fittool.data.loading.batch_loader import BatchLoader, ValidationLoader
from fittool.data.loading.generator_loader import GeneratorLoader
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.registry import with_kernels_of
from fittool.engines.settings import EngineSetting
from fittool.engines.state import HasForm, check_whole_state, weights_in
from fittool.errors import CheckpointError, shown
from fittool.experiment.building.consent import experiment_to_read
from fittool.experiment.building.data import Data
from fittool.experiment.building.network import user_module
from fittool.experiment.run_metadata import kernels_of
from fittool.experiment.tables.kept_columns import encoder_of
from fittool.model.compiled import Compiled
from fittool.model.model import Model
from fittool.model.network import Network
from fittool.model.saving import layers_of, rebuild, targets_in
from fittool.nn.graph import Graph
from fittool.nn.losses import LOSSES, Loss
from fittool.nn.objectives import Objectives
from fittool.nn.output_targets import OutputTargets, TargetsError
from fittool.runs.checkpoint import Checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.paths import FINAL, LAST

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder

_COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}


@dataclass(frozen=True)
class TrainedRun:
    """A run with one of its checkpoints.

    Attributes:
        directory: The run.
        loaded: Its experiment.
        checkpoint: The state that is used.
        graph: The network, as the checkpoint describes it.
        warnings: What to say about the checkpoint.
        trusted: Whether the user named the experiment's file, so that addresses in it may be asked.
        is_member: Whether it stands for several runs together: what was chosen for it alone, as thresholds are, does not count.
    """

    directory: RunDirectory
    loaded: LoadedExperiment
    checkpoint: Checkpoint
    graph: Graph
    warnings: tuple[str, ...]
    trusted: bool = True
    is_member: bool = False

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class in the order of the outputs, or None."""
        return self.checkpoint.facts.class_names

    @property
    def loss(self) -> Loss:
        """The loss that the run was trained with."""
        return LOSSES.parse(self._architecture["loss"])

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of a table's features, or None."""
        features = self._architecture.get("features")
        return None if features is None else tuple(features)

    @property
    def reading(self) -> Reading | None:
        """The way the table was read that the run has learnt from, or None where it was no table."""
        return None if self.feature_names is None else Reading.of(self._architecture.get("table", {}))

    @cached_property
    def encoder(self) -> TableEncoder | None:
        """What makes features of a table's columns; None where the run has not learnt from a table.

        Raises:
            CheckpointError: The file of the columns is missing, damaged or another one.
        """
        return encoder_of(self.directory, self._architecture)

    @property
    def numbers(self) -> dict[str, OutputTargets]:
        """The names and scales of the numbers to predict, by the outputs' names, as they were learnt.

        Raises:
            CheckpointError: The checkpoint holds something else.
        """
        return targets_of(self.checkpoint)

    @property
    def output_classes(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes of those of several outputs that tell classes apart."""
        return {name: one.classes for name, one in self.numbers.items() if one.classes}

    @property
    def _architecture(self) -> Mapping[str, Any]:
        return self.checkpoint.facts.architecture or {}

    def model(self, objectives: Objectives | None = None) -> Model:
        """The model with its trained weights.

        Args:
            objectives: Losses and metrics of each output; None for a model that only predicts.
        """
        experiment = self.loaded.experiment
        compiled = None if objectives is None else Compiled(experiment.compile.optimizer, objectives)
        network = Network(self.graph, self._engine, experiment.seed, compiled, targets=self.numbers)
        check_weights(self.checkpoint, network.describe())
        network.load(weights_in(self.checkpoint.tensors))
        return Model.of(layers_of(self._architecture), network, experiment.seed, self.class_names)

    @property
    def _engine(self) -> EngineSetting:
        """The engine of the experiment, with the kernels that the run was trained with."""
        engine = self.loaded.experiment.engine
        if not self.directory.paths.environment.exists():
            return engine
        return with_kernels_of(engine, kernels_of(self.directory.read_environment()))

    def loader(self, data: Data) -> BatchLoader:
        """Batches of some data as they stand, decoded by the workers of the run's experiment."""
        train, timeout = self.loaded.experiment.first, self.loaded.experiment.data.timeout_seconds
        if isinstance(data, GeneratorData):
            return GeneratorLoader(data, max_queue_size=train.max_queue_size, timeout=timeout)
        workers = 0 if isinstance(data, ArrayDataset) else train.workers
        return ValidationLoader(data, train.batch_size, workers=workers, max_queue_size=train.max_queue_size, timeout=timeout)

    @property
    def inputs(self) -> tuple[InputFacts, ...] | None:
        """The facts about each input that was learnt from; None where the run does not say it.

        Raises:
            CheckpointError: Its file is damaged.
        """
        plain = self.directory.read_inputs()
        try:
            return None if plain is None else facts_from(plain)
        except ValueError as error:
            raise CheckpointError(f"is damaged: {error}.", place=shown(self.directory.paths.inputs)) from error

    @property
    def image_form(self) -> dict[str, Any]:
        """Size and colours of image files as the network takes images, even where it was trained on arrays.

        They are arguments of a `SourceContext`; none where the network takes no images.
        """
        shape = next(iter(self.graph.inputs.values()))
        if len(shape) != 3 or shape[2] not in _COLOR_MODES:
            return {}
        return {"size": shape[:2], "color_mode": _COLOR_MODES[shape[2]]}

    def on_its_scale(self, data: Dataset, warn: Callable[[str], object]) -> Dataset:
        """Data with inputs on the scale of those that the run learnt from.

        Args:
            data: The samples.
            warn: Given a sentence about what was done, or may be wrong.

        Raises:
            DataError: They are on another scale, and how to bring them to it is not certain.
        """
        learnt = self.inputs
        if learnt is None:
            return data
        brought = brought_to(learnt, data)
        for text in brought.told:
            warn(text)
        return brought.data


def targets_of(checkpoint: Checkpoint, loaded: LoadedExperiment | None = None) -> dict[str, OutputTargets]:
    """The names and scales of the numbers to predict that a checkpoint holds, by the outputs' names.

    Args:
        checkpoint: It.
        loaded: Its experiment, which the user trusts; needed where a network of the user's was not made in this process yet.

    Raises:
        CheckpointError: It is damaged there.
    """
    if loaded is not None:
        _make_user_module(loaded, checkpoint)
    try:
        return targets_in(checkpoint.facts.architecture or {}, _network(checkpoint))
    except TargetsError as error:
        raise CheckpointError(f"is damaged: {error}.", place=shown(checkpoint.path)) from error


def check_weights(checkpoint: Checkpoint, form: Mapping[str, HasForm]) -> None:
    """Refuse a checkpoint whose weights are not just those of a network, by name, shape and dtype.

    Raises:
        CheckpointError: Names the file and the first five differences.
    """
    check_whole_state(weights_in(checkpoint.tensors), weights_in(form), shown(checkpoint.path))


Which = Literal["best", "last", "final"]
"""The best epoch's state, that from which training goes on, or the weights that it ended with."""


def open_trained(
    path: Path, *, checkpoint: Which = "best", experiment: Path | None = None, engine: str | None = None
) -> TrainedRun:
    """Open a run to use it.

    Args:
        path: The run directory.
        checkpoint: Which of its states.
        experiment: The experiment file that the user names, as consent to the code in it; else the run's own is read.
        engine: The name of the engine that computes; None: the experiment's.

    Raises:
        CheckpointError: The run or its checkpoint is missing or damaged, or names code without the user's consent.
    """
    directory = RunDirectory.open(path)
    loaded = experiment_to_read(directory, experiment, engine_override(engine))
    store = directory.checkpoints
    name = _ended_with(directory) if checkpoint == "final" else LAST
    found, warning = store.load_best() if checkpoint == "best" else (store.load(name), None)
    warnings = [text for text in (warning, found.not_finite()) if text is not None]
    _make_user_module(loaded, found)
    return TrainedRun(directory, loaded, found, _network(found), tuple(warnings), trusted=experiment is not None)


def _make_user_module(loaded: LoadedExperiment, checkpoint: Checkpoint) -> None:
    """Make the network of the user's that a checkpoint is of, where it is one, as no file holds it."""
    if loaded.experiment.model.python is not None and checkpoint.facts.architecture is not None:
        inputs = checkpoint.facts.architecture["inputs"].values()
        user_module(loaded, loaded.experiment.model.python, [tuple(shape) for shape in inputs])


def just_trained(directory: RunDirectory, loaded: LoadedExperiment) -> TrainedRun:
    """A run that this process has trained, with its best checkpoint; the user's code in it is at work already.

    Args:
        directory: The run.
        loaded: The experiment as it was trained.

    Raises:
        CheckpointError: There is no whole checkpoint.
    """
    found, warning = directory.checkpoints.load_best()
    return TrainedRun(directory, loaded, found, _network(found), () if warning is None else (warning,))


def _ended_with(directory: RunDirectory) -> str:
    """The checkpoint with the weights that training ended with.

    Raises:
        CheckpointError: The run does not say it.
    """
    final = directory.read_status().final
    if final not in (LAST, FINAL):
        text = "does not say which weights it ended with: it is not finished, or of 0.1.0. Use --checkpoint best or last."
        raise CheckpointError(text, place=shown(directory.path))
    return final


def trained_network(path: Path) -> Graph:
    """The network of a run, from its best checkpoint alone; the experiment is not read.

    Raises:
        CheckpointError: The run or its checkpoint is missing or damaged.
    """
    return _network(RunDirectory.open(path).checkpoints.load_best()[0])


def _network(checkpoint: Checkpoint) -> Graph:
    if checkpoint.facts.architecture is None:
        raise CheckpointError("does not describe its network.", place=str(checkpoint.path))
    return rebuild(checkpoint.facts.architecture)
