"""Everything about an experiment that can be known before training, without training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittool.callbacks.base import CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.user_code.functions import load_function
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import Problem
from fittool.experiment.building.callbacks import build_callbacks_of
from fittool.experiment.building.class_counts import class_counts
from fittool.experiment.building.data import OpenedData, disk_caches, open_data
from fittool.experiment.building.prepare import Loading, Prepared, fit_together, inputs_in_words, silent, told_of_table
from fittool.experiment.building.stages import stages_of
from fittool.experiment.checks.device_cache import check_device_cache
from fittool.experiment.data_check import Survey, survey
from fittool.nn.shapes import size_of

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Report:
    """The findings of a check that are no errors.

    Attributes:
        summary: The experiment in a line: samples, parameters, memory.
        warnings: What a user should know.
        counts: What is learnt from; the samples of each class, in each part of the data; the range of the inputs; which were not
            looked at; caches.
    """

    summary: str
    warnings: tuple[Problem, ...]
    counts: tuple[str, ...] = ()


def check_experiment(loaded: LoadedExperiment, *, decode: bool = False, loading: Loading = silent) -> Report:
    """Open the data, build the network and all that works beside it, and train nothing.

    Args:
        loaded: The experiment.
        decode: Also decode every sample.
        loading: Shows how far that is.

    Raises:
        FittoolError: Something is wrong; holds all that could be found.
    """
    data, found = open_data(loaded), Survey([], ())
    if decode:
        found = survey(data, loading)
        found.check((*loaded.warnings, *data.warnings))
    prepared = fit_together(loaded, data)
    told = check_device_cache(loaded, data.train)
    # The place that a run would have: names that callbacks give are relative to it, and nothing is there yet.
    place = Path(loaded.experiment.output.dir).absolute() / str(loaded.experiment.name) / "run"
    surroundings = CallbackContext(place, lambda reference: load_function(reference, Path()))
    stages_of(prepared, surroundings)
    build_callbacks_of(loaded, loaded.experiment.callbacks, ("callbacks",), surroundings)
    notes = (*_unseen(loaded, data), *disk_caches(loaded, data.train, data.validation, planned=True)) if decode else ()
    counts = (*told_of_table(prepared), *_class_counts(prepared), *inputs_in_words(prepared), *notes)
    return Report(_summary(prepared), (*prepared.warnings, *told, *found.warnings), counts)


def _unseen(loaded: LoadedExperiment, data: OpenedData) -> tuple[str, ...]:
    """The parts of the data that were not looked at."""
    share = loaded.experiment.data.fraction
    if share == 1 or isinstance(data.train, GeneratorData):
        return ()
    return (f"looked at the {len(data.train):,} samples to train on that data.fraction: {share:g} keeps, and not at the others",)


def _class_counts(prepared: Prepared) -> tuple[str, ...]:
    """`to train: cat 412, dog 388`, for each part of the data, where they have classes."""
    parts = ((prepared.train, "to train"), (prepared.validation, "to validate"))
    listed = [(purpose, class_counts(data, prepared.class_names)) for data, purpose in parts]
    return tuple(f"{purpose}: {counts}" for purpose, counts in listed if counts)


def _summary(prepared: Prepared) -> str:
    """The training in one line: samples, classes, parameters, and about how much memory that takes."""
    parts = []
    for data, purpose in ((prepared.train, "to train on"), (prepared.validation, "to validate on")):
        if data is not None:
            amount = (
                "batches of a function" if isinstance(data, GeneratorData) else f"{len(data):,} sample{'s' * (len(data) != 1)}"
            )
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
        if data is not None and not isinstance(data, GeneratorData):
            inputs = data.load(np.zeros(1, np.int64))[0]
            total += len(data) * sum(array.nbytes for array in inputs)
    return total
