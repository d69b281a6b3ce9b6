"""A run in one line of a list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.errors import CheckpointError
from fittool.runs.files.json_text import from_json
from fittool.runs.files.lock import is_held
from fittool.runs.listing.curve import curve_of, seconds_of
from fittool.runs.listing.find import FoundRun, find_runs
from fittool.runs.metrics_log import MetricsLog
from fittool.runs.paths import RunPaths
from fittool.runs.status import Status, load_status

_EXPERIMENT, _METRICS, _STATUS = "experiment.yaml", "metrics.jsonl", "status.json"


@dataclass(frozen=True)
class RunSummary:
    """A run in one line of a list.

    Attributes:
        name: From the folder on that was asked for.
        path: The directory.
        size: Bytes in its files.
        status: What its status.json says; None where that is missing or damaged.
        at_work: Whether a live process has it.
    """

    name: str
    path: str
    size: int
    status: Status | None
    at_work: bool

    @classmethod
    def of(cls, found: FoundRun) -> RunSummary:
        """Read a run's status; its lock is asked where it says that it is running."""
        status = None
        with suppress(CheckpointError):
            status = load_status(Path(found.path, _STATUS))
        return cls(
            found.name, found.path, found.size, status, (status is None or status.state == "running") and _held(found.path)
        )

    @property
    def state(self) -> str:
        """As in status.json; `killed` where it says running and nobody is at work, `unknown` where it says nothing."""
        if self.status is None:
            return "running" if self.at_work else "unknown"
        return "killed" if self.status.state == "running" and not self.at_work else self.status.state

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return 0 if self.status is None else self.status.epoch

    @property
    def started(self) -> str:
        """When it began, as in `2026-11-22T23:15:01Z`; "" where nobody knows."""
        return "" if self.status is None else self.status.started

    @property
    def began(self) -> tuple[str, int]:
        """When it began, as an order; runs of one second are told apart by the time of their experiment's file."""
        with suppress(OSError):
            return self.started, os.stat(os.path.join(self.path, _EXPERIMENT)).st_mtime_ns
        return self.started, 0

    @property
    def monitor(self) -> str | None:
        """The name of the value that decides which epoch is the best; None before there is one."""
        best = self._best
        return None if best is None else str(best["monitor"])

    @property
    def best(self) -> float | None:
        """That value in the best epoch."""
        best = self._best
        return None if best is None else float(best["value"])

    @property
    def best_epoch(self) -> int | None:
        """The number of the best epoch, from 1."""
        best = self._best
        return None if best is None else int(best["epoch"])

    @property
    def _best(self) -> Mapping[str, Any] | None:
        best = None if self.status is None else self.status.best
        whole = best is not None and isinstance(best.get("value"), int | float) and isinstance(best.get("epoch"), int)
        return best if whole and best is not None and "monitor" in best else None

    @property
    def seconds(self) -> float | None:
        """The time that its finished epochs took."""
        if self.status is not None and self.status.seconds is not None:
            return self.status.seconds
        return seconds_of(os.path.join(self.path, _METRICS))

    @property
    def curve(self) -> list[float]:
        """A few values of the course of `monitor`."""
        return [] if self.monitor is None else curve_of(os.path.join(self.path, _METRICS), self.monitor)

    def value(self, metric: str) -> float | None:
        """A value of the best epoch; None where it is not known there.

        Args:
            metric: Its name in the rows, such as `val_accuracy`.
        """
        if metric == self.monitor:
            return self.best
        found = self.best_row().get(metric)
        return float(found) if isinstance(found, int | float) else None

    def best_row(self) -> dict[str, Any]:
        """All values of the best epoch; none where there is no such epoch, or its row cannot be read."""
        with suppress(CheckpointError):
            rows = MetricsLog(RunPaths(Path(self.path)).metrics).rows()
            return next((dict(row) for row in rows if row.get("epoch") == self.best_epoch), {})
        return {}

    def evaluation(self) -> dict[str, Any] | None:
        """What `evaluate` kept of the run; None where it kept nothing that can be read."""
        with suppress(OSError, ValueError):
            kept = from_json(Path(self.path, "evaluation.json").read_bytes())
            return kept if isinstance(kept, dict) else None
        return None

    def plain(self) -> dict[str, Any]:
        """The summary as plain data."""
        best = None if self.best is None else {"epoch": self.best_epoch, "monitor": self.monitor, "value": self.best}
        known = self.status
        return {
            "name": self.name,
            "path": self.path,
            "state": self.state,
            "best": best,
            "epochs": self.epochs,
            "seconds": self.seconds,
            "size": self.size,
            "started": self.started,
            "updated": "" if known is None else known.updated,
            "reason": "" if known is None else known.reason,
            "exit_code": None if known is None else known.exit_code,
            "curve": self.curve,
        }


def summaries_below(folder: str | os.PathLike[str]) -> list[RunSummary]:
    """All runs anywhere below a folder, in no order."""
    return [RunSummary.of(found) for found in find_runs(folder)]


def _held(path: str) -> bool:
    try:
        return is_held(Path(path))
    except OSError:
        return False
