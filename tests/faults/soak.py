"""Hours of use in minutes: nothing may grow from start to start, nor while one process trains."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .harness import Bench, check_whole, command, finished, row, start

_WARM = 1.5  # seconds that a process gets before it is measured
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_MEMORY = 4 << 20  # processes differ by one or two MiB from start to start
_FILES = {
    "experiment.yaml", "environment.json", "classes.json", "status.json", "metrics.jsonl", "history.csv", "run.log", "log.csv",
    ".lock", "metrics.discarded.jsonl", "last.safetensors", "previous.safetensors", "best.safetensors",
}  # fmt: skip
_LINE = ("train", "e.yaml", "--run-dir", "run", "--resume", "--verbose", "0", "--set", "train.steps_per_epoch=300")


@row("SOAK", "train, kill, resume, over and over")
def soak(bench: Bench) -> str:
    seconds = bench.many(16, 600)
    bench.experiment(100_000)
    starts = _over_and_over(bench, seconds / 2)
    while_training = _undisturbed(bench, seconds / 2)
    check_whole(bench.folder / "run")
    half = f"{seconds / 2:.0f} s"
    return f"{len(starts)} starts in {half}, {_told(starts)}; one process for {half}, {_told(while_training)}"


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


def _over_and_over(bench: Bench, seconds: float) -> list[_Sample]:
    """Start, measure, kill or stop at a random instant, look, and again."""
    samples: list[_Sample] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or len(samples) < 3:
        process = _training(bench)
        samples.append(_Sample(process.pid, bench.folder / "run"))
        time.sleep(bench.chance.uniform(0, 0.3))
        sent = bench.chance.choice((signal.SIGKILL, signal.SIGTERM))
        process.send_signal(sent)
        done = finished(process)
        assert done.code == -sent, f"it ended with {done.code}: {done.err[-400:]}"
        check_whole(bench.folder / "run")
    _check_steady(samples)
    return samples


def _undisturbed(bench: Bench, seconds: float) -> list[_Sample]:
    """One process, measured again and again."""
    process, samples = _training(bench), []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(seconds / 60)
        samples.append(_Sample(process.pid, bench.folder / "run"))
    process.send_signal(signal.SIGTERM)
    assert finished(process).code == -signal.SIGTERM
    _check_steady(samples)
    return samples


def _training(bench: Bench) -> subprocess.Popen[str]:
    """A process that has trained for a while."""
    process = start(bench.folder, command(*_LINE))
    time.sleep(_WARM)
    assert process.poll() is None, process.communicate()[1][-400:]
    return process


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
