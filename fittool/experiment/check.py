"""Everything about an experiment that can be known before training, without training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset, Subset
from fittool.data.loader import in_order
from fittool.data.user_batches import UserBatches
from fittool.data.user_code import load_function
from fittool.engines.numpy_engine.threads import available_threads
from fittool.errors import DataError, Problem
from fittool.experiment.blame import blaming
from fittool.experiment.data import OpenedData, open_data
from fittool.experiment.prepare import Prepared, fit_together
from fittool.experiment.stages import stages_of
from fittool.nn.shapes import size_of
from fittool.spec.experiment_file import LoadedExperiment
from fittool.training.callbacks import started
from fittool.training.callbacks.base import Surroundings

if TYPE_CHECKING:
    from fittool.data.image_files import ImageFiles

_CHUNK = 64
_FLOAT_BYTES = 4
_MOST_TOLD = 20


@dataclass(frozen=True)
class Report:
    """What a check found that is no error.

    Attributes:
        summary: The experiment in a line: samples, parameters, memory.
        warnings: What a user should know.
        counts: The samples of each class, in each part of the data.
    """

    summary: str
    warnings: tuple[Problem, ...]
    counts: tuple[str, ...] = ()


def check_experiment(loaded: LoadedExperiment, *, decode: bool = False) -> Report:
    """Open the data, build the network and all that works beside it, and train nothing.

    Args:
        loaded: The experiment.
        decode: Also decode every sample.

    Raises:
        FittoolError: Something is wrong; holds all that could be found.
    """
    found: tuple[Problem, ...] = ()
    if decode:
        data = open_data(loaded)
        decode_all(data)
        found = leaks(data)
    prepared = fit_together(loaded)
    surroundings = Surroundings(Path(), lambda reference: load_function(reference, Path()))
    stages_of(prepared, surroundings)
    with blaming(loaded, "callbacks"):
        started(loaded.experiment.callbacks, surroundings)
    return Report(_summary(prepared), (*prepared.warnings, *found), class_counts(prepared))


def decode_all(data: OpenedData) -> None:
    """Decode every sample of training and validation data, in parallel.

    Raises:
        DataError: Holds every sample that cannot be read.
    """
    parts = [part for part in (data.train, data.validation) if part is not None and not isinstance(part, UserBatches)]
    for find in (_damaged, _problems):  # damaged files first, as one of them may be what all others are compared with
        problems = [problem for part in parts for problem in _found(part, find)]
        if problems:
            raise DataError(problems)


def _found(data: Dataset, find: Callable[[Dataset, NDArray[np.int64]], list[Problem]]) -> Iterator[Problem]:
    chunks = (np.arange(start, min(start + _CHUNK, len(data)), dtype=np.int64) for start in range(0, len(data), _CHUNK))
    workers = available_threads()
    for problems in in_order(lambda indices: find(data, indices), chunks, workers, 2 * workers):
        yield from problems


def _damaged(data: Dataset, indices: NDArray[np.int64]) -> list[Problem]:
    """Image files that cannot be decoded, where images keep their sizes."""
    while isinstance(data, Subset):
        indices = data.indices[indices]
        data = data.dataset
    form = getattr(data, "form", None)
    if form is None or form.size is not None:
        return []
    return list(cast("ImageFiles", data).unreadable(indices.tolist()).values())


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


def leaks(data: OpenedData) -> tuple[Problem, ...]:
    """Samples that are in both parts of the data: the same decoded picture, the same row.

    Only a hash of 16 bytes is kept of each validation sample. The first few are named, and how many there are.
    """
    if data.validation is None or isinstance(data.train, UserBatches) or isinstance(data.validation, UserBatches):
        return ()
    known = {digest: index for index, digest in enumerate(_digests(data.validation))}
    pairs = [(index, known[digest]) for index, digest in enumerate(_digests(data.train)) if digest in known]
    told = [
        Problem(
            f"{data.train.describe(train)} and {data.validation.describe(validation)} are the same, "
            "one in training and one in validation."
        )
        for train, validation in pairs[:_MOST_TOLD]
    ]
    if pairs:
        amount = "1 sample leaks" if len(pairs) == 1 else f"{len(pairs):,} samples leak"
        told.append(Problem(f"{amount} from training into validation."))
    return tuple(told)


def _digests(data: Dataset) -> Iterator[bytes]:
    """16 bytes for the inputs of each sample, in order, computed by threads."""
    chunks = (np.arange(start, min(start + _CHUNK, len(data)), dtype=np.int64) for start in range(0, len(data), _CHUNK))
    workers = available_threads()
    for digests in in_order(lambda indices: _digests_of(data, indices), chunks, workers, 2 * workers):
        yield from digests


def _digests_of(data: Dataset, indices: NDArray[np.int64]) -> list[bytes]:
    inputs = [np.ascontiguousarray(array) for array in data.load(indices)[0]]
    hashes = [hashlib.blake2b(digest_size=16) for _ in indices]
    for array in inputs:
        for row, digest in zip(array, hashes, strict=True):
            digest.update(f"{row.dtype.str}{row.shape}".encode())
            digest.update(row.tobytes())
    return [digest.digest() for digest in hashes]


def class_counts(prepared: Prepared) -> tuple[str, ...]:
    """`to train: cat 412, dog 388`, for each part of the data, where they have classes, and not too many."""
    names = prepared.class_names
    if names is None or len(names) > _MOST_TOLD:
        return ()
    lines = []
    for data, purpose in ((prepared.train, "to train"), (prepared.validation, "to validate")):
        labels = None if data is None or isinstance(data, UserBatches) else data.labels()
        if labels is not None:
            counts = np.bincount(labels, minlength=len(names))
            lines.append(f"{purpose}: {', '.join(f'{name} {count:,}' for name, count in zip(names, counts, strict=True))}")
    return tuple(lines)


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
