"""The additions of a command line to an experiment, and what comes of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from fittool.errors import UsageError
from fittool.process_group import ALONE, ProcessGroup

if TYPE_CHECKING:
    from fittool.callbacks.base import Callback
    from fittool.config.experiment_file import LoadedExperiment
    from fittool.runs.directory import RunDirectory
    from fittool.training.display.events import EventProgress
    from fittool.training.display.progress import Progress
    from fittool.training.display.terminal import Verbose
    from fittool.training.history import History
    from fittool.training.outcome import Outcome

_LEVELS: dict[str, Verbose] = {"auto": "auto", "0": 0, "1": 1, "2": 2}


@dataclass(frozen=True)
class TrainOptions:
    """The additions of a command line to an experiment.

    Attributes:
        run_directory: Exactly this directory, instead of a new one below `output.dir`.
        smoke: One epoch of two training batches and one validation batch.
        verbose: Instead of the experiment's: `auto`, `0`, `1` or `2`.
        quiet: Show nothing.
        resume: Go on with the run that is in `run_directory`, if there is one.
        accept_changes: Go on although the experiment or the data changed since.
        timeout: Seconds after which the run stops with a checkpoint.
        command: The command line, for the record.
        group: The processes that train together.
        profile: Measure where time and memory go.
        events: Takes the training as JSON lines instead of a display.
        callbacks: Further ones, which only look on and may ask for the end.
    """

    run_directory: Path | None = None
    smoke: bool = False
    verbose: str | None = None
    quiet: bool = False
    resume: bool = False
    accept_changes: bool = False
    timeout: float | None = None
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))
    group: ProcessGroup = ALONE
    events: EventProgress | None = None
    profile: bool = False
    callbacks: tuple[Callback, ...] = ()

    def display(self, verbose: Verbose, directory: RunDirectory) -> Progress:
        """What shows the training: the events, or the display for a level of verbosity."""
        if self.events is None:
            from fittool.training.display.choose import make_progress

            return make_progress(verbose)
        self.events.run(directory.path)
        return self.events


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


def verbosity(loaded: LoadedExperiment, options: TrainOptions) -> Verbose:
    """The amount that is shown: `--quiet`, then `--verbose`, then the file, then FITTOOL_VERBOSE.

    Raises:
        UsageError: FITTOOL_VERBOSE is none of the levels.
    """
    default = os.environ.get("FITTOOL_VERBOSE") or "auto"
    if default not in _LEVELS:
        raise UsageError(f"FITTOOL_VERBOSE must be auto, 0, 1 or 2, got {default}.")
    if options.quiet:
        return 0
    if options.verbose is not None:
        return _LEVELS[options.verbose]
    written = loaded.experiment.first.verbose
    if written != "auto":
        return cast("Literal[0, 1, 2]", written)
    return _LEVELS[default]


def wants_report(loaded: LoadedExperiment) -> bool | Literal["auto"]:
    """The answer to whether a run ends with its report: the file, then FITTOOL_VIEW_METRICS, which holds for all pages."""
    written = loaded.experiment.output.report
    return _machine_default() if written == "auto" else written


def view_metrics(loaded: LoadedExperiment) -> bool | Literal["auto"]:
    """The answer to whether there is a live page: the file, then FITTOOL_VIEW_METRICS."""
    written = loaded.experiment.first.view_metrics
    return _machine_default() if written == "auto" else written


def _machine_default() -> bool | Literal["auto"]:
    from fittool.report.live_page import machine_default  # which draws pages

    return machine_default()
