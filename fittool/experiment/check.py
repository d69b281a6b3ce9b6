"""Everything about an experiment that can be known before training, without training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.data.loader import in_order
from fittool.data.user_batches import UserBatches
from fittool.data.user_code import load_function
from fittool.engines.numpy_engine.threads import available_threads
from fittool.errors import DataError, Problem
from fittool.experiment.blame import blaming
from fittool.experiment.data import Data, OpenedData, open_data
from fittool.experiment.prepare import Prepared, fit_together
from fittool.experiment.stages import stages_of
from fittool.nn.shapes import size_of
from fittool.spec.experiment_file import LoadedExperiment
from fittool.training.callbacks import started
from fittool.training.callbacks.base import Surroundings

_CHUNK = 64
_FLOAT_BYTES = 4
_MOST_TOLD = 20


@dataclass(frozen=True)
class Report:
    """What a check found that is no error.

    Attributes:
        summary: The experiment in a line: samples, parameters, memory.
        warnings: What a user should know.
    """

    summary: str
    warnings: tuple[Problem, ...]


def check_experiment(loaded: LoadedExperiment, *, decode: bool = False) -> Report:
    """Open the data, build the network and all that works beside it, and train nothing.

    Args:
        loaded: The experiment.
        decode: Also decode every sample.

    Raises:
        FittoolError: Something is wrong; holds all that could be found.
    """
    if decode:
        decode_all(open_data(loaded))
    prepared = fit_together(loaded)
    surroundings = Surroundings(Path(), lambda reference: load_function(reference, Path()))
    stages_of(prepared, surroundings)
    with blaming(loaded, "callbacks"):
        started(loaded.experiment.callbacks, surroundings)
    return Report(_summary(prepared), prepared.warnings)


def decode_all(data: OpenedData) -> None:
    """Decode every sample of training and validation data, in parallel.

    Raises:
        DataError: Holds every sample that cannot be read, up to a limit.
    """
    problems = [problem for part in (data.train, data.validation) for problem in _unreadable(part)]
    if problems:
        more = len(problems) - _MOST_TOLD
        told = problems[:_MOST_TOLD] + ([Problem(f"… and {more} more samples that cannot be read.")] if more > 0 else [])
        raise DataError(told)


def _unreadable(data: Data | None) -> Iterator[Problem]:
    if data is None or isinstance(data, UserBatches):
        return
    chunks = (np.arange(start, min(start + _CHUNK, len(data)), dtype=np.int64) for start in range(0, len(data), _CHUNK))
    workers = available_threads()
    for problems in in_order(lambda indices: _problems(data, indices), chunks, workers, 2 * workers):
        yield from problems


def _problems(data: Dataset, indices: NDArray[np.int64]) -> list[Problem]:
    """What is wrong with some samples, one by one if together they cannot be read."""
    try:
        data.load(indices)
    except DataError as error:
        if len(indices) == 1:
            return [
                problem if problem.place else replace(problem, place=data.describe(int(indices[0]))) for problem in error.problems
            ]
        return [problem for index in indices for problem in _problems(data, index[None])]
    return []


def _summary(prepared: Prepared) -> str:
    """What is trained in one line: samples, classes, parameters, and about how much memory that takes."""
    parts = []
    for data, purpose in ((prepared.train, "to train on"), (prepared.validation, "to validate on")):
        if data is not None:
            amount = "batches of a function" if isinstance(data, UserBatches) else f"{len(data):,} samples"
            parts.append(f"{amount} {purpose}")
    if prepared.class_names is not None:
        parts.append(f"{len(prepared.class_names)} classes")
    memory = memory_needed(prepared) / 2**20
    return f"{', '.join(parts)}; {prepared.graph.parameter_count:,} parameters; about {max(1, round(memory)):,} MiB of memory."


def memory_needed(prepared: Prepared) -> int:
    """Bytes that training needs, about: the data in memory, weights with optimizer, and a batch's activations with gradients."""
    stages = prepared.loaded.experiment.stages
    activations = 2 * max(stage.batch_size for stage in stages) * sum(size_of(node.output_shape) for node in prepared.graph.nodes)
    weights = 4 * prepared.graph.parameter_count
    return _FLOAT_BYTES * (activations + weights) + (_data_bytes(prepared) if any(stage.mode == "fit" for stage in stages) else 0)


def _data_bytes(prepared: Prepared) -> int:
    total = 0
    for data in (prepared.train, prepared.validation):
        if data is not None and not isinstance(data, UserBatches):
            inputs = data.load(np.zeros(1, np.int64))[0]
            total += len(data) * sum(array.nbytes for array in inputs)
    return total
