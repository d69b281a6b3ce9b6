"""Two kills in one run, each at any of its file operations: what a checkpoint counts on is there after both."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fittool.cli.train
import fittool.experiment.train  # noqa: F401  (copies of this process need not import it)
from fittool.runs.checkpoint import load_checkpoint

from .harness import Bench, check_whole, digest, ended, forked
from .rows import row

OPERATIONS = ("open", "write", "pwrite", "fsync", "ftruncate", "link", "rename", "replace", "unlink", "mkdir", "rmdir")
EXPERIMENT = """\
name: twice
seed: 3
engine: {numpy: {threads: 1}}
data: {train: {synthetic: {samples: 30, shape: [6], classes: 3}}}
model: {layers: [Dense: {units: 8, activation: relu}, Dropout: {rate: 0.4}, Dense: {units: 3, activation: softmax}]}
compile: {optimizer: {Adam: {learning_rate: 0.03}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train:
  - name: first
    epochs: 3
    batch_size: 8
    validation_split: 0.2
    callbacks: [EarlyStopping: {monitor: val_loss, patience: 6, restore_best_weights: true}]
  - {name: second, epochs: 2, batch_size: 8, learning_rate: 0.01}
  - name: third
    epochs: 2
    batch_size: 8
    callbacks: [EarlyStopping: {monitor: val_accuracy, patience: 1, restore_best_weights: true}]
callbacks:
  - ModelCheckpoint: {monitor: loss, save_best_only: true}
  - ModelCheckpoint: {filepath: model.safetensors, monitor: val_accuracy, save_best_only: true}
  - ModelCheckpoint: {filepath: "of-{epoch:02d}.safetensors", save_weights_only: true}
  - CSVLogger: {filename: log.csv}
  - CSVLogger: {filename: ../all.csv, append: true}
  - BackupAndRestore: {backup_dir: backup, save_freq: 4, double_checkpoint: true}
output: {checkpoint: {every: {steps: 2}}}
"""
BEFORE = "epoch,loss\n0,7.0\n"
"""Rows of someone else's, which `append` keeps."""


@dataclass
class Operations:
    """The file operations of a process: counted, or the process killed right before one of them.

    Attributes:
        kill_at: The number, from 1, of the operation before which the process is killed; 0: never.
        count: How many there were so far.
    """

    kill_at: int = 0
    count: int = 0

    def watch(self) -> None:
        """Replace the functions of `os` in this process."""
        for name in OPERATIONS:
            setattr(os, name, self._counted(getattr(os, name), name))

    def _counted(self, function: Callable[..., object], name: str) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            if name != "open" or int(arguments[1]) & os.O_CREAT:  # type: ignore[call-overload]
                self.count += 1
                if self.count == self.kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return counted


def prepare(bench: Bench) -> None:
    (bench.folder / "e.yaml").write_text(EXPERIMENT)
    fresh(bench.folder)


def fresh(folder: Path) -> None:
    """As if nothing had been trained here."""
    for name in ("run", "backup"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "all.csv").write_text(BEFORE)


def attempt(folder: Path, kill_at: int = 0) -> tuple[int, int]:
    """Start the run, or go on with it, and be killed before an operation; the exit code, and the operations that there were."""
    operations, counter = Operations(kill_at), folder / "operations.txt"
    counter.write_text("0")

    def sabotage() -> None:
        write, leave = os.write, os._exit
        descriptor = os.open(counter, os.O_WRONLY)

        def left(code: int) -> None:
            write(descriptor, str(operations.count).encode())
            leave(code)

        os._exit = left  # type: ignore[assignment]
        operations.watch()

    with forked(folder, "train", "e.yaml", "--run-dir", "run", "--resume", "--verbose", "0", sabotage=sabotage) as number:
        code = ended(number)
    return code, int(counter.read_text())


def outcome(folder: Path) -> tuple[str, ...]:
    """Everything that the run leaves: last weights and rows, the best ones, the files and tables of callbacks."""
    checkpoints = folder / "run" / "checkpoints"
    assert not list((folder / "run").rglob("*.tmp")), "temporary files are left"
    assert not (folder / "backup").exists(), "the backup is left"
    weights = []
    for path in sorted(checkpoints.glob("*.safetensors")):
        if path.name.startswith(("best", "final", "model", "of-", "kept")):
            tensors = load_checkpoint(path).tensors
            summed = hashlib.sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors) if name.startswith("weights/")))
            weights.append(f"{path.name} {summed.hexdigest()[:12]}")
    tables = [(folder / name).read_text() for name in ("run/log.csv", "all.csv")]
    end = (folder / "run" / "status.json").read_text().partition('"pid"')[0]
    return (digest(folder / "run"), *weights, *tables, end)


def undisturbed(bench: Bench) -> tuple[tuple[str, ...], int]:
    prepare(bench)
    code, count = attempt(bench.folder)
    assert code == 0, (bench.folder / "err.txt").read_text()
    return outcome(bench.folder), count


def play(folder: Path, first: int, second: int) -> tuple[int, tuple[str, ...]]:
    """Two kills, a look after each, and the rest of the run; how many kills came, and what is left."""
    fresh(folder)
    killed = 0
    for at in (first, second, 0):
        code, _ = attempt(folder, at)
        if code == -signal.SIGKILL:
            killed += 1
        else:
            assert code == 0, f"kills at {first} and {second}: exit code {code}: {(folder / 'err.txt').read_text()[-800:]}"
        if (folder / "run").exists():
            check_whole(folder / "run")
    return killed, outcome(folder)


def sweep(bench: Bench, pairs: Iterator[tuple[int, int]] | None = None) -> str:
    """Some pairs of operations, by default every one."""
    expected, count = undisturbed(bench)
    chosen = ((i, j) for i in range(1, count + 1) for j in range(1, count + 1)) if pairs is None else pairs
    played, kills = 0, 0
    for first, second in chosen:
        killed, left = play(bench.folder, first, second)
        played, kills = played + 1, kills + killed
        wrong = [(one, other) for one, other in zip(left, expected, strict=True) if one != other] if left != expected else []
        assert left == expected, f"kills at {first} and {second}: {wrong[:2]}"
    assert kills > played, "hardly a kill came"
    return f"{played} pairs of {count} operations, {kills} kills: 0 different, 0 unreadable"


def drawn(bench: Bench, number: int, count: int = 240) -> Iterator[tuple[int, int]]:
    """Random pairs."""
    for _ in range(number):
        yield bench.chance.randint(1, count), bench.chance.randint(1, count)


@row("K16", "two kills, each at any file operation, with every callback that writes")
def k16(bench: Bench) -> str:
    return sweep(bench, drawn(bench, bench.many(3, 500)) if bench.level < 2 else None)
