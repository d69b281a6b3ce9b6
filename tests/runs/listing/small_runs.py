"""Runs for tests of lists: directories with the files that a list reads, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fittool.runs.metrics_log import MetricsLog
from fittool.runs.status import Status, encode_status


def make_run(
    path: Path,
    values: Sequence[float] = (),
    *,
    state: str = "completed",
    started: str = "2026-01-01T00:00:00Z",
    metric: str = "val_loss",
    noted: bool = True,
) -> Path:
    """A run directory whose epochs had these values, one second each; the least is the best."""
    path.mkdir(parents=True)
    (path / "experiment.yaml").write_text("name: small\n")
    (path / "environment.json").write_text('{"run": "x"}')
    log = MetricsLog(path / "metrics.jsonl")
    for number, value in enumerate(values, start=1):
        log.append({"epoch": number, metric: value, "other": 10 - value, "seconds": 1.0})
    best = None if not values else {"epoch": list(values).index(min(values)) + 1, "monitor": metric, "value": min(values)}
    seconds = float(len(values)) if noted else None
    status = Status(state, "", len(values), 0, best, 0, 1, started, started, seconds=seconds)  # type: ignore[arg-type]
    (path / "status.json").write_bytes(encode_status(status))
    return path
