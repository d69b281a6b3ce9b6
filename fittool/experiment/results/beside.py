"""Baselines beside a result: in the last lines of a training, and in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.images.preprocessing import preprocessed
from fittool.data.sources import CsvSource, FolderSource, ShardsSource
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import CheckpointError, FittoolError
from fittool.experiment.building.data import Data
from fittool.experiment.building.prepare import Prepared
from fittool.experiment.building.transforms import preprocessing_of
from fittool.experiment.results.baselines import LEAST_STEPS, Baselines, Kind, Task, baselines
from fittool.model.target_forms import target_forms
from fittool.nn.graph import Graph
from fittool.nn.layers import Embedding
from fittool.nn.losses import BinaryCrossentropy, MeanSquaredError
from fittool.nn.objectives import penalties
from fittool.runs.directory import RunDirectory
from fittool.runs.environment import read_json
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json
from fittool.training.trainer import Trainer

if TYPE_CHECKING:
    from fittool.experiment.evaluate import Measured
    from fittool.experiment.trained_run import TrainedRun

_UNFIT = (FittoolError, MemoryError, ArithmeticError, ValueError)
"""What may go wrong with a line is no reason to lose a result."""
_SQUARES = ("val_mean_squared_error", "val_mse")
_ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")


def tell_baselines(prepared: Prepared, trainer: Trainer, directory: RunDirectory) -> None:
    """Say at the end of a training what needs no network reaches on the validation data, and keep it in the run.

    Args:
        prepared: The experiment with its data.
        trainer: Has trained.
        directory: The run.
    """
    validation, steps = prepared.validation, trainer.position.step
    if validation is None or steps < LEAST_STEPS or prepared.loaded.experiment.first.overfit_batches is not None:
        return
    seen = steps * prepared.loaded.experiment.first.batch_size
    decodes = _decodes(prepared.loaded) and not _is_in_memory(prepared.loaded)
    task = task_of(prepared.loaded, prepared.graph, prepared.train, validation, prepared.class_names, seen if decodes else None)
    found = None
    with suppress(*_UNFIT):
        found = None if task is None else baselines(task)
    if found is None:
        return
    network = None if trainer.best.best is None else _of_row(trainer.best.best.row, found, prepared)
    for line in filter(None, (found.sentence(network), found.verdict(network))):
        trainer.say(line)
    if found.line is not None:
        _keep(directory, found)


def baselines_beside(
    run: TrainedRun, on: str | None, measured: Measured, evaluation: Mapping[str, Any], train: Data | None = None
) -> dict[str, Any] | None:
    """The baselines of an evaluation as plain data; those that the run kept where they are of the same samples.

    Args:
        run: What was measured.
        on: The part of the run's own data, or None for other data.
        measured: What came of it.
        evaluation: The content of evaluation.json so far.
        train: The run's training data, where they are open already.
    """
    network = _of_evaluation(evaluation)
    found = _kept(run) if on == "validation" else None
    if found is None or found.samples != evaluation.get("samples"):
        found = None
        with suppress(*_UNFIT):
            from fittool.experiment.own_data import own_data

            learnt = own_data(run, "train", accept_changes=True)[0] if train is None else train
            decoded = 0 if _decodes(run.loaded) else None
            task = task_of(run.loaded, run.graph, learnt, measured.data, run.class_names, decoded)
            found = None if task is None else baselines(task)
            if found is not None and found.line is not None and on == "validation":
                _keep(run.directory, found)
    return None if found is None else found.plain(network)


def _keep(directory: RunDirectory, found: Baselines) -> None:
    """Keep what was fitted, so that it is not fitted again."""
    atomic_write(directory.paths.baselines, [to_json(found.stored(), indent=2), b"\n"])


def _kept(run: TrainedRun) -> Baselines | None:
    with suppress(CheckpointError):
        kept = read_json(run.directory.paths.baselines)
        return Baselines.restored(kept) if isinstance(kept, dict) else None
    return None


def task_of(
    loaded: LoadedExperiment, graph: Graph, train: Data, measured: Data, class_names: tuple[str, ...] | None, decoded: int | None
) -> Task | None:
    """What baselines are to learn; None where there are none: for several outputs, generators, and other losses."""
    if len(graph.outputs) != 1 or isinstance(train, GeneratorData) or isinstance(measured, GeneratorData):
        return None
    kind = _kind(loaded, graph, train, class_names)
    if kind is None:
        return None
    experiment, preprocess = loaded.experiment, preprocessing_of(loaded)
    parts = preprocessed(train, preprocess), preprocessed(measured, preprocess)
    return Task(kind, *parts, len(class_names or ()), experiment.engine, experiment.seed, _tokens(graph), decoded)


def _kind(loaded: LoadedExperiment, graph: Graph, train: Data, class_names: tuple[str, ...] | None) -> Kind | None:
    assert not isinstance(train, GeneratorData)
    forms = target_forms(train)
    loss = loaded.experiment.compile.objectives(graph.outputs)[graph.outputs[0]].loss
    if loss is None or len(forms) != 1 or loaded.experiment.data.class_mode == "input":
        return None
    if class_names is not None and train.labels() is not None:
        return "classes"
    if isinstance(loss, BinaryCrossentropy) and len(forms[0].shape) == 1 and forms[0].shape[0] > 1:
        return "labels"
    return "numbers" if loss.expects == "numbers" and len(forms[0].shape) <= 1 else None


def _tokens(graph: Graph) -> int | None:
    """The number of tokens, where the only input holds their numbers."""
    first = next((node for node in graph.nodes if set(node.inputs) & set(graph.inputs)), None)
    return first.layer.input_dim if first is not None and len(graph.inputs) == 1 and isinstance(first.layer, Embedding) else None


def _decodes(loaded: LoadedExperiment) -> bool:
    """True where samples come from files of their own, each to be read when it is asked for."""
    source = loaded.experiment.data.train
    return isinstance(source, FolderSource | ShardsSource) or (isinstance(source, CsvSource) and source.image is not None)


def _is_in_memory(loaded: LoadedExperiment) -> bool:
    experiment = loaded.experiment
    return experiment.data.cache in ("ram", "device") or all(stage.mode == "fit" for stage in experiment.stages)


def _of_row(row: Mapping[str, Any], found: Baselines, prepared: Prepared) -> float | None:
    """What the network reached in an epoch, in the measure of the baselines; None where no value tells it."""
    if found.kind != "numbers":
        return next((float(row[f"val_{name}"]) for name in _ACCURACIES if f"val_{name}" in row), None)
    if "val_r2_score" in row:
        return float(row["val_r2_score"])
    names = [*_SQUARES, *(["val_loss"] if _loss_is_squares(prepared) else [])]
    squares = next((float(row[name]) for name in names if name in row), None)
    return None if squares is None or not found.variance else 1 - squares / found.variance


def _loss_is_squares(prepared: Prepared) -> bool:
    """True where the loss is the mean squared error of the numbers as they are, and nothing is added to it."""
    (objective,) = prepared.objectives.values()
    is_scaled = getattr(prepared.loaded.experiment.data, "target", None) is not None
    return isinstance(objective.loss, MeanSquaredError) and not is_scaled and not penalties(prepared.graph)


def _of_evaluation(evaluation: Mapping[str, Any]) -> float | None:
    if evaluation.get("kind") in ("classes", "labels"):
        return evaluation.get("accuracy")
    figures = [one["r2"] or 0.0 for one in evaluation.get("targets", ())]
    return sum(figures) / len(figures) if figures else None
