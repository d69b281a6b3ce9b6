"""Everything about an experiment that can be known before training, without training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fittool.callbacks.base import CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.memory_estimate import MemoryEstimate
from fittool.engines.registry import HOST, host_memory_estimate, memory_estimate
from fittool.errors import Problem
from fittool.experiment.building.callbacks import build_callbacks_of
from fittool.experiment.building.class_counts import class_counts
from fittool.experiment.building.data import Data, OpenedData, disk_caches, open_data
from fittool.experiment.building.loading_progress import Loading, silent
from fittool.experiment.building.prepare import Prepared, fit_together, inputs_in_words, told_of_table
from fittool.experiment.building.stages import stages_of
from fittool.experiment.checks.device_cache import check_device_cache, keeps_on_device
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
    data, found = open_data(loaded), tuple[Problem, ...]()
    if decode:
        from fittool.experiment.data_check import survey

        seen = survey(data, loading)
        seen.check((*loaded.warnings, *data.warnings))
        found = seen.warnings
    prepared = fit_together(loaded, data)
    told = check_device_cache(loaded, data.train)
    # The place that a run would have: names that callbacks give are relative to it, and nothing is there yet.
    place = Path(loaded.experiment.output.dir).absolute() / str(loaded.experiment.name) / "run"
    surroundings = CallbackContext(place, _function)
    stages_of(prepared, surroundings)
    build_callbacks_of(loaded, loaded.experiment.callbacks, ("callbacks",), surroundings)
    notes = (*_unseen(loaded, data), *disk_caches(loaded, data.train, data.validation, planned=True)) if decode else ()
    device = memory_estimated(prepared)
    told = (*told, *_too_much(loaded, device))
    lines = [] if device is None else [str(device)]
    counts = (*told_of_table(prepared), *_class_counts(prepared), *inputs_in_words(prepared), *lines, *notes, *_sweep(loaded))
    return Report(_summary(prepared, device), (*prepared.warnings, *told, *found), counts)


def _function(reference: str) -> Callable[..., Any]:
    from fittool.data.user_code.functions import load_function  # only where a callback names a function

    return load_function(reference, Path())


def _too_much(loaded: LoadedExperiment, needed: MemoryEstimate | None) -> tuple[Problem, ...]:
    """A warning where a training needs more memory of its device, or of the machine, than there is."""
    if needed is None or not needed.is_too_much:
        return ()
    if needed.samples > needed.total // 2 and not keeps_on_device(loaded):
        mend = "Use mode: fit_generator with cache: none, smaller images, or data.fraction."
        return (loaded.problem(f"The data seem too large: training {needed}. {mend}", "data", "train"),)
    largest = max(loaded.experiment.stages, key=lambda stage: stage.batch_size)
    text = f"A batch of {largest.batch_size:,} samples seems too large: it {needed}. Set a smaller train.batch_size"
    of_device = "engine.torch.precision: bf16, engine.torch.recompute: ['*'], or data.cache: ram"
    mends = "or smaller layers" if needed.device == HOST else of_device
    return (loaded.problem(f"{text}, {mends}.", *loaded.experiment.path_of(largest), "batch_size"),)


def _sweep(loaded: LoadedExperiment) -> tuple[str, ...]:
    """What `fittool sweep` would do, where there is a section for it."""
    sweep = loaded.experiment.sweep
    return () if sweep is None else (sweep.in_words(),)


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


def _summary(prepared: Prepared, device: MemoryEstimate | None) -> str:
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
    memory = (memory_needed(prepared) if device is None else device.total) / 2**20
    return f"{', '.join(parts)}; {prepared.graph.parameter_count:,} parameters; about {max(1, round(memory)):,} MiB of memory."


def memory_estimated(prepared: Prepared) -> MemoryEstimate | None:
    """The memory of the engine's device, or of the machine, that training needs, of its largest batch.

    None where the engine is not installed.
    """
    loaded, train = prepared.loaded, prepared.train
    largest = max(stage.batch_size for stage in loaded.experiment.stages)
    size = largest if isinstance(train, GeneratorData) else min(largest, len(train))
    on_host = host_memory_estimate(
        loaded.experiment.engine, prepared.graph, prepared.objectives, prepared.optimizer, size, _bytes_at_a_time(prepared)
    )
    if on_host is not None:
        return on_host
    return memory_estimate(
        loaded.experiment.engine,
        prepared.graph,
        prepared.objectives,
        prepared.optimizer,
        size,
        kept=_data_bytes(prepared) if keeps_on_device(loaded) else 0,
        of_sample=_sample_bytes(train),
    )


def memory_needed(prepared: Prepared) -> int:
    """Bytes that training needs, about: the data in memory, weights with optimizer, and a batch's activations with gradients."""
    stages = prepared.loaded.experiment.stages
    activations = 2 * max(stage.batch_size for stage in stages) * sum(size_of(node.output_shape) for node in prepared.graph.nodes)
    weights = 4 * prepared.graph.parameter_count
    return _FLOAT_BYTES * (activations + weights) + (_data_bytes(prepared) if any(stage.mode == "fit" for stage in stages) else 0)


def _bytes_at_a_time(prepared: Prepared) -> int:
    """Bytes of the inputs that are in memory at a time: all of them, or the batches that are made ahead."""
    experiment = prepared.loaded.experiment
    if experiment.data.cache == "ram" or any(stage.mode == "fit" for stage in experiment.stages):
        return _data_bytes(prepared)
    ahead = max(stage.batch_size * (stage.max_queue_size + 1 if stage.workers else 1) for stage in experiment.stages)
    return min(_data_bytes(prepared), ahead * _sample_bytes(prepared.train))


def _data_bytes(prepared: Prepared) -> int:
    """Bytes of the inputs of all samples."""
    parts = [data for data in (prepared.train, prepared.validation) if data is not None and not isinstance(data, GeneratorData)]
    return sum(len(data) * _sample_bytes(data) for data in parts)


def _sample_bytes(data: Data) -> int:
    """Bytes of the inputs of one sample; nothing is known of a generator's."""
    if isinstance(data, GeneratorData):
        return 0
    return sum(array.nbytes for array in data.load(np.zeros(1, np.int64))[0])
