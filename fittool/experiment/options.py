"""What a command line adds to an experiment, and what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fittool.training.history import History
from fittool.training.outcome import Outcome


@dataclass(frozen=True)
class TrainOptions:
    """What a command line adds to an experiment.

    Attributes:
        run_directory: Exactly this directory, instead of a new one below `output.dir`.
        smoke: One epoch of two training batches and one validation batch.
        verbose: Instead of the experiment's: `auto`, `0`, `1` or `2`.
        quiet: Show nothing.
        resume: Go on with the run that is in `run_directory`, if there is one.
        accept_changes: Go on although the experiment or the data changed since.
        timeout: Seconds after which the run stops with a checkpoint.
        command: The command line, for the record.
    """

    run_directory: Path | None = None
    smoke: bool = False
    verbose: str | None = None
    quiet: bool = False
    resume: bool = False
    accept_changes: bool = False
    timeout: float | None = None
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        directory: Where it is; gone again after a smoke run without a directory of its own.
        outcome: How it ended.
        history: The rows of its epochs.
        kept: Whether the directory is there.
        done: Whether this call did anything; a run that was finished before is left as it is.
    """

    directory: Path
    outcome: Outcome
    history: History
    kept: bool = True
    done: bool = True

    @property
    def values(self) -> Mapping[str, float]:
        """Loss and metrics of the best epoch, the one that `best.safetensors` holds."""
        return {} if self.outcome.best is None else self.outcome.best.row
