"""One experiment at work, for train, resume and replay alike: data, model, stages, callbacks, recorder, display."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from fittool.callbacks.base import Callback, CallbackContext, Trial
from fittool.callbacks.progbar_logger import ProgbarLoggerCallback
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.leaves import leaves_of
from fittool.data.images.preprocessing import preprocessed
from fittool.data.user_code.functions import load_function
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.base import Engine
from fittool.errors import ExperimentError, FittoolError
from fittool.experiment.aids.overfit import OverfitCheck
from fittool.experiment.aids.profile import TrainingProfile
from fittool.experiment.aids.stuck_loss import StuckLoss
from fittool.experiment.building.callbacks import build_callbacks_of
from fittool.experiment.building.loading_progress import Loading, silent
from fittool.experiment.building.prepare import Preparation, Prepared, prepare
from fittool.experiment.building.stages import stages_of
from fittool.experiment.building.trial import Smoke, rules_of
from fittool.experiment.options import TrainOptions, view_metrics
from fittool.experiment.pretrained.initial_weights import start_from
from fittool.experiment.resuming.next_command import next_commands
from fittool.experiment.run_metadata import identity_of
from fittool.model.adaptation import adapt, adapting
from fittool.model.model import Model
from fittool.nn.layers import Normalization
from fittool.nn.objectives import directions, value_names
from fittool.process_group import ALONE, ProcessGroup
from fittool.report.live_page import live_page
from fittool.runs.directory import RunDirectory
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.requests import Requests
from fittool.training.display.progress import Progress
from fittool.training.history import Row
from fittool.training.recording.run_recorder import RunRecorder
from fittool.training.recording.stop_request import StopRequestCallback
from fittool.training.trainer import Trainer


@dataclass(frozen=True)
class Session:
    """An experiment at work: its data, its model, and the trainer that train, resume and replay each let run in their way.

    Attributes:
        prepared: Data and network.
        model: The model that is trained, which callbacks and loops see.
    """

    prepared: Prepared
    model: Model

    @classmethod
    def of(
        cls,
        loaded: LoadedExperiment,
        loading: Loading = silent,
        known: Preparation | None = None,
        group: ProcessGroup = ALONE,
    ) -> Session:
        """Open the data and build the model.

        Args:
            loaded: The experiment.
            loading: Shows how far reading into memory is.
            known: What the run has learnt of its data already.
            group: The processes that train it together.

        Raises:
            DataError, ExperimentError: Data, network and loss are wrong, or do not fit.
        """
        prepared = replace(prepare(loaded, loading, known), group=group)
        return cls(prepared, prepared.model())

    @property
    def engine(self) -> Engine:
        """The engine behind the model."""
        return self.model.network.for_targets(self.prepared.target_shapes)

    def close(self) -> None:
        """Give back what the engine holds."""
        self.model.network.close()

    def begin(self) -> list[str]:
        """Give the network the weights that a training begins with: statistics of the data, then initial weights.

        Returns:
            What there is to say about initial weights.

        Raises:
            ExperimentError: A layer wants statistics of data that have no end.
            CheckpointError: There are no such initial weights.
        """
        prepared, network = self.prepared, self.model.network
        if isinstance(prepared.train, GeneratorData):
            _refuse_adapting(prepared)
        else:
            adapt(network, preprocessed(prepared.train, prepared.preprocess))
        # Initial weights come after, so that those of an adapted layer win over this data's statistics.
        return start_from(prepared.loaded, network, prepared.class_names)

    def trainer(
        self,
        directory: RunDirectory,
        progress: Progress,
        interruption: Callable[[], FittoolError | None],
        options: TrainOptions,
        *,
        rows: Sequence[Row] = (),
        kept: KeptWeights | None = None,
        replay: bool = False,
        requests: Requests | None = None,
        profile: TrainingProfile | None = None,
    ) -> Trainer:
        """The trainer of the experiment in a run directory.

        Args:
            directory: The run.
            progress: Shows it.
            interruption: Asked after each step; the error that it gives ends the training.
            options: What a command line adds.
            rows: The rows of the epochs that are finished, when a run goes on.
            kept: The weights that its callbacks kept, when it goes on.
            replay: Whether steps are only done again, so that nothing but what steers takes part.
            requests: What other processes may ask of the run.
            profile: Learns where the time goes; None: nobody asked.

        Raises:
            ExperimentError: A callback, a loop or a pattern of layers does not fit.
        """
        prepared, engine = self.prepared, self.engine
        follows = options.group.rank > 0
        trial = rules_of(directory.paths, smoke=options.smoke, replay=replay, follows=follows)
        context = _context(prepared, directory, trial)
        stages = stages_of(prepared, context, engine, smoke=options.smoke)
        epochs = sum(stage.plan.epochs for stage in stages)
        callbacks, validates = _callbacks(prepared, context, options), prepared.validation is not None
        if prepared.loaded.experiment.first.overfit_batches is not None:
            callbacks.append(OverfitCheck())
        if not replay and not follows:
            callbacks += options.callbacks
            callbacks += [*_page(prepared, directory, epochs), *([StopRequestCallback(requests)] if requests is not None else [])]
            callbacks.append(StuckLoss(prepared.loaded.root.place.source.name))
        recorder = _recorder(prepared, directory, epochs, rows, kept, requests, profile)
        if profile is not None:
            engine.watch_steps(profile.steps)
            callbacks.insert(0, profile)
            progress = profile.shown_by(progress)
        for line in trial.told if isinstance(trial, Smoke) else ():
            progress.say(line)
        return Trainer(
            engine,
            stages[0].train,
            stages[0].validation,
            callbacks,
            stages[0].plan,
            names=value_names(prepared.objectives),
            directions=directions(prepared.objectives),
            recorder=recorder,
            progress=progress,
            stop_on_divergence=True,
            interruption=interruption,
            model=self.model,
            header=_header(prepared, engine),
            stages=stages,
            group=prepared.group,
            identity=lambda: identity_of(prepared),
            next_command=partial(next_commands, directory, prepared.loaded, validates=validates, kept=trial is None),
        )


def _context(prepared: Prepared, directory: RunDirectory, trial: Trial | None) -> CallbackContext:
    """What callbacks know of the run that they belong to."""
    loaded = prepared.loaded

    def settings() -> dict[str, Any]:
        return {
            ".".join(map(str, key)): value
            for key, value in leaves_of(loaded.with_references(loaded.resolved_with(prepared.written)))
        }

    name = cast("str", loaded.experiment.name)
    return CallbackContext(directory.paths.root, _function, trial, directory.id, name, settings)


def _refuse_adapting(prepared: Prepared) -> None:
    for node in adapting(prepared.graph):
        mend = "Give it mean and variance." if isinstance(node.layer, Normalization) else "Give data that can be counted."
        text = f"A {node.layer.public_name()} layer cannot adapt to a generator. {mend}"
        raise ExperimentError(prepared.loaded.problem(text, "model", "layers", node.index))


def _recorder(
    prepared: Prepared,
    directory: RunDirectory,
    epochs: int,
    rows: Sequence[Row],
    kept: KeptWeights | None,
    requests: Requests | None,
    profile: TrainingProfile | None,
) -> RunRecorder:
    checkpoint = prepared.loaded.experiment.output.checkpoint
    make = RunRecorder if profile is None else profile.recorder
    return make(
        directory,
        epochs,
        every_seconds=checkpoint.seconds,
        every_steps=checkpoint.steps,
        model=prepared.identity,
        class_names=prepared.class_names,
        architecture=prepared.architecture,
        rows=rows,
        kept=kept,
        requests=requests,
    )


def _callbacks(prepared: Prepared, context: CallbackContext, options: TrainOptions) -> list[Callback]:
    """The experiment's callbacks."""
    callbacks = build_callbacks_of(prepared.loaded, prepared.loaded.experiment.callbacks, ("callbacks",), context)
    if options.quiet:
        callbacks = [callback for callback in callbacks if not isinstance(callback, ProgbarLoggerCallback)]
    return callbacks


def _page(prepared: Prepared, directory: RunDirectory, epochs: int) -> list[Callback]:
    """The live page, if there is one; it comes last, as it shows what others add to the logs."""
    name = cast("str", prepared.loaded.experiment.name)
    page = live_page(view_metrics(prepared.loaded), directory.paths.report, name, epochs)
    return [] if page is None else [page]


def _function(reference: str) -> Callable[..., Any]:
    return load_function(reference, Path())


def _header(prepared: Prepared, engine: Engine) -> str:
    """`digits   numpy, 2 threads   seed 7   1,437 to train, 360 to validate   22,346 parameters`."""
    experiment, processes = prepared.loaded.experiment, prepared.group.size
    parts = [
        cast("str", experiment.name),
        engine.label if processes == 1 else f"{processes} processes, each {engine.label}",
        f"seed {experiment.seed}",
        _amounts(prepared),
        f"{prepared.graph.parameter_count:,} parameters",
    ]
    return "   ".join(part for part in parts if part)


def _amounts(prepared: Prepared) -> str:
    amounts = []
    for data, purpose in ((prepared.train, "train"), (prepared.validation, "validate")):
        size = getattr(data, "samples", None) if not hasattr(data, "__len__") else len(cast("Any", data))
        if size is not None:
            amounts.append(f"{size:,} to {purpose}")
    return ", ".join(amounts)
