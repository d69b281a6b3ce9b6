"""Two processes and one run directory."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from .harness import (
    FOREVER,
    TWO_PROCESSES,
    Bench,
    Done,
    alive,
    check_goes_on,
    check_said,
    children,
    digest,
    forked,
    kill,
    reference,
    result,
    sabotaged,
    saving,
    signalled,
    start,
    train,
    train_copy,
    training,
    until,
)  # fmt: skip
from .rows import row
from .tracing import strace


def _at_once(bench: Bench, count: int, *options: object) -> list[Done]:
    """So many trainings of two epochs at the same time, each started in a folder of its own."""
    folders = [Bench(bench.folder / str(number)) for number in range(count)]
    for one in folders:
        one.folder.mkdir(exist_ok=True)
        one.experiment(2)
    with ExitStack() as stack:
        copies = [stack.enter_context(forked(one.folder, "train", "e.yaml", *options)) for one in folders]
        return [result(one.folder, number) for one, number in zip(folders, copies, strict=True)]


@row("L01", "two starts in one run directory")
def l01(bench: Bench) -> str:
    count, arguments = bench.many(5, 200), ("--run-dir", bench.run, "--resume", "--verbose", "0")
    for _ in range(count):
        done = _at_once(bench, 2, *arguments)
        codes = sorted(one.code for one in done)
        assert codes in ([0, 8], [0, 0]), [one.err for one in done]  # the second may come when the first is done
        if codes == [0, 8]:
            told = next(one for one in done if one.code == 8).err
            assert re.search(r"in use by (process \d+ on host .* since|another process)", told), told
        rows = (bench.run / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in rows] == [1, 2], "both wrote"
        shutil.rmtree(bench.run)
    return f"{count} double starts, one winner each"


@row("L02", "many runs that name themselves, in the same second")
def l02(bench: Bench) -> str:
    count = bench.many(8, 50)
    started = _at_once(bench, count, "--verbose", "0", "--set", f"output.dir={bench.folder / 'runs'}")
    directories = {one.out.strip() for one in started}
    assert len(directories) == count
    assert "" not in directories
    return f"{count} starts, {count} directories"


@row("L03", "lock left by kill -9")
def l03(bench: Bench) -> str:
    expected = reference(bench, 12)
    assert train_copy(bench.folder, sabotage=signalled(20)).code == -signal.SIGKILL
    assert (bench.run / ".lock").read_bytes(), "nobody had taken the lock"
    check_goes_on(bench, expected)
    return "starts at once"


@row("L04", "workers that outlive their parent hold no lock")
def l04(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = training(bench.folder, *TWO_PROCESSES)
    workers = children(process.pid)
    until((bench.run / ".lock").exists)
    descriptor = os.open(bench.run, os.O_RDONLY)
    try:
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)  # so that they outlive it for certain
        for worker in workers:
            until(lambda worker=worker: "\nState:\tT" in Path(f"/proc/{worker}/status").read_text())
            held = [os.readlink(f"/proc/{worker}/fd/{name}") for name in os.listdir(f"/proc/{worker}/fd")]
            assert not [path for path in held if path.endswith((".lock", "/run"))], held
        process.kill()
        process.wait()
        assert all(map(alive, workers))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        kill(process)
    return "free while they are still there"


@row("L05", "lock file deleted while it is held")
def l05(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = saving(bench.folder)
    (bench.run / ".lock").unlink()
    done = train_copy(bench.folder)
    kill(process)
    check_said(done, (8,))
    return "exit 8 all the same"


@row("L06", "verify and evaluate while a run is training")
def l06(bench: Bench) -> str:
    bench.experiment(FOREVER)
    process = training(bench.folder)
    until((bench.run / "checkpoints" / "best.safetensors").exists)
    count = bench.many(5, 40)
    for _ in range(count):
        done = sabotaged(bench.folder, "verify", "run")
        assert done.code == 0, done.err
    assert sabotaged(bench.folder, "evaluate", "run").code == 0
    assert process.poll() is None, "it trained no longer"
    kill(process)
    return f"{count} looks, whole files only"


@row("L08", "locking is not supported")
def l08(bench: Bench) -> str:
    bench.experiment(1)
    done = train(bench.folder, wrapped=strace(bench, "flock", "error=ENOLCK"))
    assert "INJECTED" in bench.calls.read_text()
    check_said(done, (7, 8))
    return f"refused with exit {done.code}"


@row("L09", "reading while a checkpoint is being replaced")
def l09(bench: Bench) -> str:
    from fittool.runs.checkpoint import load_checkpoint

    bench.experiment(FOREVER)
    process = saving(bench.folder)
    count, reads, steps = bench.many(500, 10_000), 0, set()
    while reads < count or len(steps) < 6:  # it must have been replaced meanwhile
        steps.add(load_checkpoint(bench.last).facts.step)
        reads += 1
        assert process.poll() is None, "it trained no longer"
    kill(process)
    return f"{reads} reads of {len(steps)} checkpoints, each whole"


@row("L10", "lock file opened and closed elsewhere in the process")
def l10(bench: Bench) -> str:
    expected = reference(bench, 1)
    code = (
        "import sys; from pathlib import Path; from fittool.runs.files.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1])); open(Path(sys.argv[1]) / '.lock').close(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    bench.run.mkdir()
    process = start(bench.folder, [sys.executable, "-c", code, "run"], stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    done = train_copy(bench.folder)
    kill(process)
    check_said(done, (8,))
    check_goes_on(bench, expected)
    assert digest(bench.run) == expected
    return "exit 8: the lock belongs to the open file, not to the process"
