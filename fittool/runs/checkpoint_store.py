"""The checkpoints of a run: `last`, `previous` (the last before it) and `best`, replaced so that one is always whole; `final`."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fittool.errors import CheckpointError
from fittool.runs.checkpoint import Checkpoint, CheckpointFacts, encode_checkpoint, load_checkpoint, save_checkpoint
from fittool.runs.files.atomic import Chunk, Staging
from fittool.runs.files.storage_errors import storing
from fittool.runs.paths import BEST, FINAL, LAST, PREVIOUS

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)


State = tuple[Mapping[str, NDArray[Any]], CheckpointFacts]
"""Arrays by name, with the facts about them."""


class CheckpointStore:
    """Saves and finds the checkpoints of one run.

    Args:
        folder: The directory `checkpoints` of the run.
        run: The run's id: written into each checkpoint, and expected of each that is read.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self.run = run

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to resume from."""
        return not any((self.folder / name).exists() for name in (LAST, PREVIOUS))

    @property
    def has_best(self) -> bool:
        """True where a best checkpoint was saved."""
        return (self.folder / BEST).exists()

    def save_last(
        self,
        tensors: Mapping[str, NDArray[Any]],
        facts: CheckpointFacts,
        *,
        beside: Mapping[str, State | None] | None = None,
        keeps_previous: bool = True,
    ) -> str | None:
        """Make this state the last one and the last one the previous; after the return it is on disk.

        At each instant `last` is whole, and `previous` is another whole one.

        Args:
            tensors: Arrays by name.
            facts: The facts about them.
            beside: Further files, by name, that the state counts on: on disk before it is the last one. None for a file
                with the state's own content.
            keeps_previous: Keep the last one as the previous.

        Returns:
            A warning where a power cut may still undo it, else None.

        Raises:
            StorageError: The last good checkpoints are intact.
        """
        chunks = self._encode(tensors, facts)
        with storing(self.folder / LAST, sum(map(len, chunks))), Staging(self.folder) as staging:
            new = staging.write(chunks)
            for name, content in (beside or {}).items():
                staging.move(_another(staging, new, chunks) if content is None else staging.write(self._encode(*content)), name)
            if beside:
                staging.sync()  # a power cut must not take them away and leave the state that counts on them
            old = _second_name(staging, LAST) if keeps_previous else None
            staging.move(new, LAST)
            if old is not None:
                staging.move(old, PREVIOUS)
            return staging.sync()

    def _encode(self, tensors: Mapping[str, NDArray[Any]], facts: CheckpointFacts) -> list[Chunk]:
        return encode_checkpoint(tensors, dataclasses.replace(facts, run=self.run))

    def keep_last_as_best(self) -> str | None:
        """Make the last checkpoint the best one too, without writing it again; returns and raises as `save_last`."""
        return self._keep(LAST, BEST)

    def save_final(self, weights: Mapping[str, NDArray[Any]], facts: CheckpointFacts) -> str | None:
        """Keep the weights that training ended with, where `last` has others; returns and raises as `save_last`."""
        return save_checkpoint(self.folder / FINAL, weights, dataclasses.replace(facts, run=self.run))

    def remove_final(self) -> None:
        """Forget what an earlier end of the training has left, as it goes on."""
        with suppress(OSError):  # status.json says that they count no more
            (self.folder / FINAL).unlink()

    def go_back(self) -> str | None:
        """Make the previous checkpoint the last one again, because the last is damaged; returns and raises as `save_last`."""
        return self._keep(PREVIOUS, LAST)

    def _keep(self, source: str, target: str) -> str | None:
        with storing(self.folder / target), Staging(self.folder) as staging:
            try:
                staging.move(staging.link(source), target)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                staging.move(staging.write([(self.folder / source).read_bytes()]), target)
            return staging.sync()

    def load(self, name: str) -> Checkpoint:
        """Read one of `LAST`, `PREVIOUS`, `BEST`, `FINAL`.

        Raises:
            CheckpointError: It is missing, damaged or of another run.
        """
        checkpoint = load_checkpoint(self.folder / name)
        checkpoint.check_fits(run=self.run)
        return checkpoint

    def load_newest(self) -> tuple[Checkpoint, str | None]:
        """The newest whole checkpoint to resume from.

        Returns:
            The checkpoint, and a warning where it is not the last one.

        Raises:
            CheckpointError: None is whole; the text says why of each.
        """
        try:
            return self.load(LAST), None
        except CheckpointError as error:
            first = error
        try:
            checkpoint = self.load(PREVIOUS)
        except CheckpointError as second:
            raise CheckpointError([*first.problems, *second.problems]) from first
        facts = checkpoint.facts
        return checkpoint, f"{first} Going on from {PREVIOUS}, epoch {facts.epoch}, step {facts.step}."

    def load_best(self) -> tuple[Checkpoint, str | None]:
        """The checkpoint to evaluate, predict and export with: the best one, or the newest where no best was saved.

        Returns:
            The checkpoint, and a warning where it is neither.

        Raises:
            CheckpointError: The best one is damaged (another one would answer a question that nobody asked), or none is whole.
        """
        return (self.load(BEST), None) if self.has_best else self.load_newest()


def _another(staging: Staging, name: str, chunks: list[Chunk]) -> str:
    """A second file of the same content: the same bytes on disk where the file system has links."""
    try:
        return staging.link(name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    return staging.write(chunks)


def _second_name(staging: Staging, name: str) -> str | None:
    """A second name for a file that is about to be replaced; None where there is no such file."""
    try:
        return staging.link(name)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    # Without hard links `last` is missing for an instant, while `previous` is whole and the new one is on disk.
    staging.move(name, PREVIOUS)
    return None
