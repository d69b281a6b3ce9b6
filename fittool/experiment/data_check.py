"""A look at every sample of an experiment: which cannot be read, and which are in training and in validation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from fittool.cpu import available_threads
from fittool.data.dataset import Dataset, Progress, Subset
from fittool.data.loading.prefetch import in_order
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, Problem
from fittool.experiment.building.data import Data, OpenedData
from fittool.experiment.building.data_warnings import damaged_exif
from fittool.experiment.building.loading_progress import Loading

if TYPE_CHECKING:
    from fittool.data.images.image_files import ImageFiles

_CHUNK = 64
_MOST_TOLD = 20

Seen = bytes | list[Problem]
"""16 bytes that stand for the inputs of a sample, or why it cannot be read."""


@dataclass
class Survey:
    """The findings of a look at every sample.

    Attributes:
        problems: Each sample that cannot be read.
        warnings: Samples that are in both parts: the first few, and how many there are; and files with damaged EXIF data.
    """

    problems: list[Problem]
    warnings: tuple[Problem, ...]

    def check(self, beside: tuple[Problem, ...]) -> None:
        """Refuse data of which something cannot be read; `beside` is what else a user should know.

        Raises:
            DamagedDataError: Holds all of it, and the warnings.
        """
        if self.problems:
            raise DamagedDataError(self.problems, (*beside, *self.warnings))


class DamagedDataError(DataError):
    """Samples cannot be read; `warnings` is what was found beside."""

    def __init__(self, problems: list[Problem], warnings: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.warnings = warnings


def survey(data: OpenedData, loading: Loading) -> Survey:
    """Read every sample once, in parallel.

    Args:
        data: Both parts; batches of a generator are passed over.
        loading: Shows how far it is.
    """
    damaged: list[Problem] = []
    known: dict[bytes, int] = {}
    for index, seen in enumerate(_look_at(data.validation, loading("validation data"))):
        if isinstance(seen, bytes):
            known[seen] = index
        else:
            damaged += seen
    pairs, leaking, first = [], 0, []
    for index, seen in enumerate(_look_at(data.train, loading("training data"))):
        if not isinstance(seen, bytes):
            first += seen
        elif seen in known:
            leaking += 1
            pairs += [(index, known[seen])] if leaking <= _MOST_TOLD else []
    return Survey([*first, *damaged], (*_leaks(data, pairs, leaking), *damaged_exif(data.train, data.validation)))


def _leaks(data: OpenedData, pairs: list[tuple[int, int]], leaking: int) -> tuple[Problem, ...]:
    if not leaking:
        return ()
    train, validation = cast("Dataset", data.train), cast("Dataset", data.validation)
    told = [
        Problem(f"{train.describe(one)} and {validation.describe(other)} are the same, one in training and one in validation.")
        for one, other in pairs
    ]
    amount = "1 sample leaks" if leaking == 1 else f"{leaking:,} samples leak"
    more = f": these {len(pairs)} and {leaking - len(pairs):,} more" if leaking > len(pairs) else ""
    return (*told, Problem(f"{amount} from training into validation{more}."))


def _look_at(data: Data | None, progress: Progress | None) -> Iterator[Seen]:
    """Each sample's facts, in order."""
    if data is None or isinstance(data, GeneratorData):
        return
    whole, first = _comparable(data)
    starts = range(0, len(data), _CHUNK)
    chunks = (np.arange(start, min(start + _CHUNK, len(data)), dtype=np.int64) for start in starts)
    workers, done = available_threads(), 0
    for chunk in in_order(partial(_look, whole, first), chunks, workers, 2 * workers):
        yield from chunk
        done += len(chunk)
        if progress is not None:
            progress(done, len(data))


def _comparable(data: Dataset) -> tuple[Dataset, int]:
    """The samples, and the number of the first of them; images that keep their sizes stand behind one that can be read.

    The first of such images is what all others are compared with, and if just that one is damaged, they are no worse for it.
    """
    within = np.arange(len(data))
    whole = data
    while isinstance(whole, Subset):
        within, whole = whole.indices[within], whole.dataset
    form = getattr(whole, "form", None)
    if form is None or form.size is not None:
        return data, 0
    files = cast("ImageFiles", whole)
    readable = next((index for index in range(len(files)) if not files.unreadable([index])), None)
    if readable is not None:
        return files.select(np.concatenate([[readable], within])), 1
    chosen = files.select(within)
    chosen.form = replace(form, size=(1, 1))  # nothing to compare with, so that each tells what is wrong with itself
    return chosen, 0


def _look(data: Dataset, first: int, indices: NDArray[np.int64]) -> list[Seen]:
    """Read some samples: images one by one, others together unless something is wrong with them."""
    if hasattr(data, "unreadable"):
        return [seen for index in indices for seen in _read(data, first + index[None])]
    return _read(data, first + indices)


def _read(data: Dataset, indices: NDArray[np.int64]) -> list[Seen]:
    try:
        return list(_digests(data, indices))
    except DataError as error:
        if len(indices) > 1:
            return [seen for index in indices for seen in _read(data, index[None])]
        return [[_place(problem, data.describe(int(indices[0]))) for problem in error.problems]]


def _place(problem: Problem, sample: str) -> Problem:
    """The problem with the sample's name, unless it names its file by itself."""
    return problem if problem.place or sample.partition("[")[0] in problem.text else replace(problem, place=sample)


def _digests(data: Dataset, indices: NDArray[np.int64]) -> list[bytes]:
    """16 bytes for the inputs of each sample."""
    hashes = [hashlib.blake2b(digest_size=16) for _ in indices]
    for array in data.load(indices)[0]:
        for row, digest in zip(np.ascontiguousarray(array), hashes, strict=True):
            digest.update(f"{row.dtype.str}{row.shape}".encode())
            digest.update(row.tobytes())
    return [digest.digest() for digest in hashes]
