"""The files of a run by their paths; the names are part of the public interface."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fittool.errors import shown

LAST = "last.safetensors"
PREVIOUS = "previous.safetensors"
BEST = "best.safetensors"
ENSEMBLE = "ensemble.json"
"""The file that makes a folder one of several runs that belong together."""
FINAL = "final.safetensors"
"""The weights that training ended with, where `LAST` has others."""


def kept_file(callback: str) -> str:
    """The file of the weights that a callback keeps for later."""
    return f"kept_{callback}.safetensors"


DISCARDED = "metrics.discarded.jsonl"
"""The rows behind a checkpoint that a run went back to."""


@dataclass(frozen=True)
class RunPaths:
    """The files of the run in the directory `root`; any may be missing."""

    root: Path

    @property
    def experiment(self) -> Path:
        """The resolved experiment."""
        return self.root / "experiment.yaml"

    @property
    def environment(self) -> Path:
        """Versions, machine, seed, fingerprints of the data, and the run's id."""
        return self.root / "environment.json"

    @property
    def classes(self) -> Path:
        """The names of the classes, a list in the order of the labels."""
        return self.root / "classes.json"

    @property
    def inputs(self) -> Path:
        """The facts about what was learnt from: shape, type and range of each input."""
        return self.root / "inputs.json"

    @property
    def columns(self) -> Path:
        """The columns of a table: kinds, categories with counts, ranges, shares of gaps, and what makes features of them."""
        return self.root / "columns.json"

    @property
    def skipped(self) -> Path:
        """The files that could not be read and were left out, a line each."""
        return self.root / "skipped.txt"

    @property
    def status(self) -> Path:
        """The state of the run."""
        return self.root / "status.json"

    @property
    def diverged(self) -> Path:
        """The state in which a training was given up because its numbers were not finite."""
        return self.root / "diverged.safetensors"

    @property
    def metrics(self) -> Path:
        """One JSON object a finished epoch."""
        return self.root / "metrics.jsonl"

    @property
    def history(self) -> Path:
        """The same as a table."""
        return self.root / "history.csv"

    @property
    def log(self) -> Path:
        """The text that the terminal showed."""
        return self.root / "run.log"

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.root / "report.html"

    @property
    def plots(self) -> Path:
        """The directory of figures."""
        return self.root / "plots"

    @property
    def evaluation(self) -> Path:
        """The figures that `evaluate` kept last."""
        return self.root / "evaluation.json"

    @property
    def threshold(self) -> Path:
        """The decision thresholds and the temperature that were chosen."""
        return self.root / "threshold.json"

    @property
    def baselines(self) -> Path:
        """What the commonest class and a line reach on the validation data."""
        return self.root / "baselines.json"

    @property
    def profile(self) -> Path:
        """Where the time and the memory of the training went, of a run with --profile."""
        return self.root / "profile.json"

    @property
    def validation(self) -> Path:
        """The names of the samples that were validated on, a row each."""
        return self.root / "validation.csv"

    @property
    def checkpoints(self) -> Path:
        """The directory of checkpoints."""
        return self.root / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint of the last save."""
        return self.checkpoints / LAST

    @property
    def previous(self) -> Path:
        """The checkpoint before the last."""
        return self.checkpoints / PREVIOUS

    @property
    def best(self) -> Path:
        """The checkpoint of the best epoch."""
        return self.checkpoints / BEST

    def keeps(self, path: Path) -> bool:
        """True for one of the run's own files, and for files in a directory of its own."""
        files = (
            self.experiment, self.environment, self.classes, self.inputs, self.columns, self.skipped, self.status, self.diverged,
            self.metrics, self.evaluation, self.threshold, self.baselines, self.validation, self.history, self.log, self.report,
            self.profile, self.root / ".lock", self.root / DISCARDED,
        )  # fmt: skip
        folders = (self.checkpoints, self.plots)
        return path in (*files, *folders) or any(folder in path.parents for folder in folders)


def is_kept_file(name: str) -> bool:
    """True for the name of a checkpoint with weights that a callback holds."""
    return name.startswith("kept_") and name.endswith(".safetensors")


def leaves(root: Path, path: str) -> bool:
    """True for a path, absolute or relative to a run, of something outside of it, be it through links.

    Args:
        root: The run.
        path: The path.
    """
    real = os.path.realpath(root)
    target = os.path.realpath(os.path.join(real, path))
    return target != real and not target.startswith(real.rstrip(os.sep) + os.sep)


def run_around(path: Path) -> Path | None:
    """The run directory that a path lies in, or is; None where it lies in none."""
    real = Path(os.path.realpath(path))
    for folder in (real, *real.parents):
        paths = RunPaths(folder)
        if paths.environment.is_file() and paths.experiment.is_file():
            return folder
    return None


def of_the_beginning(paths: RunPaths) -> tuple[Path, ...]:
    """The files that are there before a run has begun."""
    return paths.experiment, paths.classes, paths.inputs, paths.columns, paths.skipped, paths.validation, paths.checkpoints


def sentence_about_no_run(path: Path, missing: Sequence[str]) -> str:
    """The sentence about a folder that is no run; where runs lie in it, one of them is meant."""
    with suppress(OSError):
        inside = sorted(entry.name for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False) and _is_run(entry.path))
        if inside:
            runs = "1 run" if len(inside) == 1 else f"{len(inside):,} runs"
            return f"is not a run directory itself, but holds {runs}. Give one of them, such as {shown(path / inside[-1])}."
    return f"is not a run directory, or its run never began: {' and '.join(missing)} missing."


def _is_run(folder: str) -> bool:
    paths = RunPaths(Path(folder))
    return paths.experiment.exists() and paths.environment.exists()
