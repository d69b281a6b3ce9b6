"""Hours of use in minutes: nothing may grow from start to start, nor while one process trains."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from fittool.runs.checkpoint import load_checkpoint

from .harness import FOREVER, Bench, check_whole, finished, training, until
from .rows import row

_EPOCH = 300
"""Steps of an epoch, and how many a process makes before it is measured."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_MEMORY = 4 << 20  # processes differ by one or two MiB from start to start
_FILES = {
    "experiment.yaml", "environment.json", "classes.json", "inputs.json", "status.json", "metrics.jsonl", "history.csv",
    "run.log", "log.csv", "validation.csv", "baselines.json",
    ".lock", "metrics.discarded.jsonl", "last.safetensors", "previous.safetensors", "best.safetensors",
}  # fmt: skip


@row("SOAK", "train, kill, resume, over and over", long=True)
def soak(bench: Bench) -> str:
    bench.experiment(FOREVER)
    starts = _over_and_over(bench, bench.many(5, 150))
    epochs = bench.many(12, 300)
    while_training = _undisturbed(bench, epochs)
    check_whole(bench.run)
    return f"{len(starts)} starts, {_told(starts)}; one process for {epochs} epochs, {_told(while_training)}"


class _Sample:
    """A process while it trains: memory in bytes, open handles, and the files of its run."""

    def __init__(self, process: int, run: Path) -> None:
        self.memory = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
        self.handles = _handles(process)
        self.files = {path.name for path in run.rglob("*") if path.is_file() and not path.name.endswith(".tmp")}
        assert self.files <= _FILES, f"there are more and more files: {sorted(self.files - _FILES)}"


def _handles(process: int) -> int:
    """The fewest of a few looks: a save in between opens some for an instant."""
    looks = []
    for _ in range(5):
        looks.append(len(os.listdir(f"/proc/{process}/fd")))
        time.sleep(0.01)
    return min(looks)


def _over_and_over(bench: Bench, starts: int) -> list[_Sample]:
    """Start, measure, kill or stop at a random instant, look, and again."""
    samples: list[_Sample] = []
    for _ in range(starts):
        process = _warm(bench)
        samples.append(_Sample(process.pid, bench.run))
        time.sleep(bench.chance.uniform(0, 0.3))
        sent = bench.chance.choice((signal.SIGKILL, signal.SIGTERM))
        process.send_signal(sent)
        done = finished(process)
        assert done.code == -sent, f"it ended with {done.code}: {done.err[-400:]}"
        check_whole(bench.run)
    _check_steady(samples)
    return samples


def _undisturbed(bench: Bench, epochs: int) -> list[_Sample]:
    """One process, measured after each epoch."""
    process, samples = _warm(bench), []
    for _ in range(epochs):
        _let_train(bench, process)
        samples.append(_Sample(process.pid, bench.run))
    process.send_signal(signal.SIGTERM)
    assert finished(process).code == -signal.SIGTERM
    _check_steady(samples)
    return samples


def _warm(bench: Bench) -> subprocess.Popen[str]:
    """A process that has trained for an epoch."""
    process = training(bench.folder, "--resume", "--set", f"train.steps_per_epoch={_EPOCH}")
    _let_train(bench, process)
    return process


def _let_train(bench: Bench, process: subprocess.Popen[str]) -> None:
    """Wait until the process has trained and saved for as many steps as an epoch has."""
    goal = _step(bench) + _EPOCH
    until(lambda: _step(bench) >= goal or process.poll() is not None)
    assert process.poll() is None, process.communicate()[1][-400:]


def _step(bench: Bench) -> int:
    """The step of the last checkpoint."""
    return load_checkpoint(bench.last).facts.step if bench.last.exists() else 0


def _thirds(samples: Sequence[_Sample]) -> tuple[Sequence[_Sample], Sequence[_Sample]]:
    third = max(len(samples) // 3, 1)
    return samples[:third], samples[-third:]


def _growth(samples: Sequence[_Sample]) -> float:
    """Bytes by which the last third has more than the first, in the middle."""
    early, late = _thirds(samples)
    return statistics.median(one.memory for one in late) - statistics.median(one.memory for one in early)


def _check_steady(samples: Sequence[_Sample]) -> None:
    early, late = _thirds(samples)
    assert _growth(samples) < _MOST_MEMORY, f"memory grew by {_growth(samples) / 2**20:.1f} MiB"
    before, after = (min(one.handles for one in part) for part in (early, late))
    assert after <= before + 2, f"handles grew from {before} to {after}"  # a slow save has a folder and a file open


def _told(samples: Sequence[_Sample]) -> str:
    last = samples[-1]
    return f"{_growth(samples) / 2**20:+.1f} MiB of {last.memory / 2**20:.0f}, {last.handles} handles, {len(last.files)} files"
