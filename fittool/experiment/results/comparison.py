"""Runs side by side: where their experiments differ, and what came of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.config.leaves import leaves_of
from fittool.config.yaml.reader import read_file
from fittool.errors import CheckpointError, path_text, shown
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary
from fittool.runs.metrics_log import MetricsLog
from fittool.runs.paths import RunPaths

_NO_RESULTS = ("epoch", "stage", "learning_rate", "seconds", "examples_per_second", "data_seconds")


@dataclass(frozen=True)
class ComparedRun:
    """A run that is held beside others.

    Attributes:
        label: What it is called among them.
        summary: State, epochs, size.
        settings: Each scalar of its resolved experiment by its dotted key.
        rows: Those of its finished epochs.
    """

    label: str
    summary: RunSummary
    settings: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @property
    def best_row(self) -> Mapping[str, Any]:
        """The values of its best epoch; nothing before there is one."""
        return next((row for row in self.rows if row.get("epoch") == self.summary.best_epoch), {})


@dataclass(frozen=True)
class Comparison:
    """Several runs.

    Attributes:
        runs: In the order in which they were given.
    """

    runs: tuple[ComparedRun, ...]

    @property
    def differences(self) -> dict[str, list[Any]]:
        """By dotted key the value of each run, None where it has none, for all keys in which they are not the same."""
        keys = dict.fromkeys(key for run in self.runs for key in run.settings)
        values = {key: [run.settings.get(key) for run in self.runs] for key in keys}
        return {key: found for key, found in values.items() if any(one != found[0] for one in found)}

    @property
    def results(self) -> dict[str, list[float | None]]:
        """By name the value of each run in its best epoch, None where it has none."""
        names = dict.fromkeys(name for run in self.runs for name in run.best_row if name not in _NO_RESULTS)
        return {name: [_number(run.best_row.get(name)) for run in self.runs] for name in names}

    @property
    def evaluations(self) -> dict[str, list[dict[str, Any] | None]]:
        """By name what `evaluate` kept of each run: `value`, and the interval `low` to `high`; None where it kept nothing."""
        kept = [(run.summary.evaluation() or {}).get("metrics", {}) for run in self.runs]
        kept = [one if isinstance(one, dict) else {} for one in kept]
        names = dict.fromkeys(name for one in kept for name in one)
        return {name: [one.get(name) for one in kept] for name in names}

    def plain(self) -> dict[str, Any]:
        """The comparison as plain data."""
        return {
            "runs": [run.summary.plain() for run in self.runs],
            "differences": self.differences,
            "results": self.results,
            "evaluations": self.evaluations,
        }


def compare(paths: Sequence[Path]) -> Comparison:
    """Read runs to hold them side by side; one that is named twice, as `latest` is, is there once.

    Args:
        paths: Run directories.

    Raises:
        CheckpointError: One is no run, or its experiment or rows are damaged.
    """
    real = {os.path.realpath(path): path for path in reversed(paths)}
    labels = _labels(list(real)[::-1])
    return Comparison(tuple(_read(path, label) for path, label in zip(list(real.values())[::-1], labels, strict=True)))


def _read(path: Path, label: str) -> ComparedRun:
    if (found := run_at(path)) is None:
        text = "is not a run directory." if path.is_dir() else "is not a run directory: there is no such directory."
        raise CheckpointError(text, place=shown(path))
    paths = RunPaths(path)
    return ComparedRun(label, RunSummary.of(found), _settings(paths.experiment), MetricsLog(paths.metrics).rows())


def _settings(path: Path) -> dict[str, Any]:
    """The scalars of an experiment.yaml as they stand there: it may be of another release, so nothing is checked."""
    document = read_file(os.fspath(path), shown(path))
    if document.problems:
        raise CheckpointError([placed.problem for placed in document.problems])
    return {path_text(key): value for key, value in leaves_of(document.root.data())}


def _labels(paths: Sequence[str]) -> list[str]:
    """The shortest ends of paths that tell them apart."""
    parts = [path.strip(os.sep).split(os.sep) for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(one[-count:]) for one in parts]
        if len(set(labels)) == len(labels):
            return labels
    return list(paths)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
