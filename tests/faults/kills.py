"""Kills and power cuts."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from .harness import (
    FOREVER,
    TWO_PROCESSES,
    Bench,
    alive,
    check_goes_on,
    check_said,
    check_whole,
    children,
    digest,
    ended,
    finished,
    reference,
    run,
    signalled,
    start,
    stop_over_and_over,
    train_copy,
    training,
    training_copy,
    until,
)  # fmt: skip
from .rows import Unavailable, need, need_root, row
from .tracing import systematic, traced

_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN of ext4: 1 flushes the journal and drops file data, 2 drops both


@row("K01", "kill -9 at a random instant of a run")
def k01(bench: Bench) -> str:
    count = bench.many(15, 300)
    through, _ = stop_over_and_over(bench, 30, count, signal.SIGKILL)
    return f"{count} kills, {through} runs to their end, 0 unreadable, all final weights identical"


@row("K02", "kill -9 at each file-system call of a start, a save and a finish", long=True)
def k02(bench: Bench) -> str:
    return systematic(bench, "signal=KILL", (-signal.SIGKILL,))


@row("K03", "kill between weights and bookkeeping")
def k03(bench: Bench) -> str:
    reference(bench, 2)
    from fittool.runs.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(bench.folder / "reference" / "checkpoints" / "last.safetensors")
    assert int(checkpoint.tensors["optimizer/iterations"]) == checkpoint.facts.step == 6
    assert checkpoint.facts.callbacks
    return "weights, optimizer, position and callbacks are one file"


@row("K04", "kill while a run is being resumed, before it saves")
def k04(bench: Bench) -> str:
    expected = reference(bench, 30)
    _half(bench)
    last = bench.last
    before, count = last.read_bytes(), bench.many(10, 50)
    for _ in range(count):
        with training_copy(bench.folder) as number:
            time.sleep(bench.chance.uniform(0, 0.02))
            os.kill(number, signal.SIGKILL)
            assert ended(number) == -signal.SIGKILL
        if last.read_bytes() != before:  # it came so far as to save
            check_whole(bench.run)
            before = last.read_bytes()
    check_goes_on(bench, expected)
    return f"{count} kills"


def _half(bench: Bench) -> None:
    """A run of thirty epochs that is stopped in its middle."""
    assert train_copy(bench.folder, sabotage=signalled(40, signal.SIGTERM)).code == -signal.SIGTERM


@row("K05", "kill while a row of metrics is being written")
def k05(bench: Bench) -> str:
    expected = reference(bench, 30)
    for torn in (b'{"epoch": 9, "lo', b"\0" * 187, b'{"epoch"'):
        _half(bench)
        with open(bench.run / "metrics.jsonl", "ab") as log:
            log.write(torn)
        check_goes_on(bench, expected)
        shutil.rmtree(bench.run)
    return "half a line and zeros at the end of the log are dropped"


@row("K06", "kill while an old checkpoint is being removed")
def k06(bench: Bench) -> str:
    expected = reference(bench, 1)
    fired = 0
    for call in ("unlinkat", "linkat"):
        for number in range(1, 30) if bench.level else (2,):
            done, there = traced(bench, "signal=KILL", call, number)
            if there:
                fired += 1
                assert done.code == -signal.SIGKILL
                saved = list((bench.run / "checkpoints").glob("*.safetensors"))
                check_whole(bench.run)
                assert saved or number < 6
            check_goes_on(bench, expected)
            shutil.rmtree(bench.run)
    assert fired, "the fault never fired"
    return f"{fired} kills"


@row("K08", "kill of a worker process")
def k08(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = training(bench.folder, *TWO_PROCESSES)
    workers = children(process.pid)
    os.kill(workers[0], signal.SIGKILL)
    done = finished(process)
    check_said(done, (10,))
    assert str(workers[0]) in done.err and "SIGKILL" in done.err, done.err
    assert not [worker for worker in workers if alive(worker)], "workers are left"
    check_whole(bench.run)
    return "named, no process left"


@row("K09", "kill of the parent alone")
def k09(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = training(bench.folder, *TWO_PROCESSES)
    workers = children(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(map(alive, workers)))
    done = run(bench.folder, "train", "e.yaml", "--run-dir", "run", "--resume", "--timeout", "0.1s", "--verbose", "0")
    assert done.code == 75, done.err
    process.communicate()
    return "workers die with it, the lock is free"


@row("K10", "killed for want of memory: the next start says so")
def k10(bench: Bench) -> str:
    expected = reference(bench, 30)
    assert train_copy(bench.folder, sabotage=signalled(7)).code == -signal.SIGKILL
    done = train_copy(bench.folder)
    assert "was killed (signal 9; out of memory?)" in (bench.run / "run.log").read_text(), done.err
    assert digest(bench.run) == expected
    return "said in the log and on the terminal"


class _Disk:
    """An ext4 file system in a file, whose power can be cut."""

    def __init__(self, folder: Path) -> None:
        need_root()
        need("mkfs.ext4", "mount", "umount")
        self._image, self.path = folder / "disk.img", folder / "disk"
        self.path.mkdir()
        with open(self._image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True, capture_output=True)
        self.mount()

    def mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", str(self._image), str(self.path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"no loop device: {done.stderr.strip()[:80]}")

    def cut(self, flag: int) -> None:
        """Whatever is not on the disk is gone."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", flag))
        except OSError as error:
            raise Unavailable(f"the file system cannot be shut down: {error}") from error
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.path)], check=False, capture_output=True)


_SAVER = """
import sys, numpy as np
from pathlib import Path
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.directory import RunDirectory
with RunDirectory.at(Path(sys.argv[1]), resume=True) as run:
    run.write_experiment("name: cut\\n")
    run.write_environment({})
    step = 0 if run.checkpoints.is_empty else run.checkpoints.load_newest()[0].facts.step
    while True:
        step += 1
        run.metrics.append({"epoch": step})
        warning = run.save_checkpoint({"weights/a": np.full(20_000, step, np.float32)}, CheckpointFacts(epoch=step, step=step))
        if warning is None:  # else it was called uncertain
            print(step, flush=True)
"""


def cuts(bench: Bench, count: int, saver: str = _SAVER) -> int:
    """Cut the power at random instants of a process that saves without pause; every step that it called saved must be there."""
    from fittool.runs.directory import RunDirectory

    disk = _Disk(bench.folder)
    try:
        for turn in range(count):
            process = start(bench.folder, [sys.executable, "-c", saver, str(disk.path / "run")])
            assert process.stdout is not None
            said = [process.stdout.readline()]
            time.sleep(bench.chance.uniform(0, 0.1))
            disk.cut(1 + turn % 2)
            process.kill()
            said += (process.communicate()[0] or "").splitlines()
            saved = max(int(line) for line in said if line.strip().isdigit())
            disk.unmount()
            disk.mount()
            with RunDirectory.at(disk.path / "run", resume=True) as again:
                newest = again.checkpoints.load_newest()[0]
                assert newest.facts.step >= saved, f"step {saved} was called saved, but {newest.facts.step} is there"
                assert (newest.tensors["weights/a"] == newest.facts.step).all()
                again.metrics.cut(newest.facts.metrics_bytes)
    finally:
        disk.unmount()
    return count


@row("K11", "power cut after a save has returned, with and without its journal")
def k11(bench: Bench) -> str:
    return f"{cuts(bench, bench.many(6, 50))} cuts, 0 saved checkpoints lost"


@row("K12", "power cut while a checkpoint is being saved")
def k12(bench: Bench) -> str:
    return f"{cuts(bench, bench.many(4, 20))} cuts at random instants, old or new, never zeros"


@row("K13", "power cut while the log is being written")
def k13(bench: Bench) -> str:
    return f"{cuts(bench, bench.many(2, 10))} cuts, the log is cut back to the checkpoint's length"


@row("K14", "two kills in a row, the second one in the recovery")
def k14(bench: Bench) -> str:
    expected = reference(bench, 30)
    _half(bench)
    count, files = bench.many(8, 40), set()
    for _ in range(count):
        with training_copy(bench.folder) as number:
            time.sleep(bench.chance.uniform(0, 0.03))
            os.kill(number, signal.SIGKILL)
            ended(number)
        files |= {path.name for path in bench.run.rglob("*") if not path.name.endswith(".tmp")}
    check_goes_on(bench, expected)
    assert len(files) < 20, files
    return f"{count} kills without a finished epoch between, no pile of files"


_BAD_WRITERS = {
    "in place": "open(path, 'wb').write(data)",
    "no fsync": "open(path + '.tmp', 'wb').write(data); os.rename(path + '.tmp', path)",
    "delete, then rename": (
        "f = open(path + '.tmp', 'wb'); f.write(data); f.flush(); os.fsync(f.fileno())\n"
        "    if os.path.exists(path): os.unlink(path); time.sleep(0.002)\n"
        "    os.rename(path + '.tmp', path)"
    ),
    "two files": "open(path, 'wb').write(data[:8]); time.sleep(0.001); open(path + '.2', 'wb').write(data)",
}
_BAD = """
import os, sys, time
path = sys.argv[1]
step = 0
while True:
    step += 1
    data = step.to_bytes(8, 'little') * 60_000
    {writer}
    print(step, flush=True)
"""


@row("K15", "control: writers that are known to be bad must be caught")
def k15(bench: Bench) -> str:
    for name, writer in _BAD_WRITERS.items():
        assert any(_caught(bench, name, writer) for _ in range(bench.many(60, 200))), f"the writer {name!r} was not caught"
    return f"{len(_BAD_WRITERS)} writers, each caught"


def _caught(bench: Bench, name: str, writer: str) -> bool:
    """Whether a kill leaves something that is not whole; for the one without fsync, whether a power cut loses what was saved."""
    disk = _Disk(bench.folder) if name == "no fsync" else None
    folder = bench.folder if disk is None else disk.path
    path = folder / "state"
    try:
        process = start(bench.folder, [sys.executable, "-c", _BAD.format(writer=writer), str(path)])
        assert process.stdout is not None
        said = [process.stdout.readline()]
        time.sleep(bench.chance.uniform(0, 0.02))
        if disk is not None:
            disk.cut(2)
        process.kill()
        said += process.communicate()[0].splitlines()
        if disk is not None:
            disk.unmount()
            disk.mount()
            saved = max(int(line) for line in said if line.strip().isdigit())
            return not path.exists() or int.from_bytes(path.read_bytes()[:8], "little") < saved
        whole = path.exists() and len(set(_pieces(path))) == 1 and path.stat().st_size in (480_000, 8)
        if name == "two files" and whole:
            second = Path(f"{path}.2")
            whole = second.exists() and set(_pieces(second)) == set(_pieces(path))
        return not whole
    finally:
        if disk is not None:
            disk.unmount()
            shutil.rmtree(disk.path, ignore_errors=True)
            with suppress(FileNotFoundError):
                os.unlink(bench.folder / "disk.img")
        for leftover in bench.folder.glob("state*"):
            leftover.unlink()


def _pieces(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[start : start + 8] for start in range(0, len(data), 8)] or [b""]


@row("K07", "kill while the resolved experiment or the table is being written")
def k07(bench: Bench) -> str:
    expected = reference(bench, 1)
    fired = 0
    for number in range(1, 60) if bench.level else (2, 8):
        done, there = traced(bench, "signal=KILL", "renameat", number)
        fired += there and done.code == -signal.SIGKILL
        for name in ("experiment.yaml", "history.csv", "status.json"):
            file = bench.run / name
            assert not file.exists() or file.stat().st_size > 0, f"{name} is empty"
        check_goes_on(bench, expected)
        shutil.rmtree(bench.run)
    assert fired, "the fault never fired"
    return f"{fired} kills, each file whole or absent"
