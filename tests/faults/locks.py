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
import time

from .harness import Bench, check_goes_on, check_said, command, digest, finished, need, reference, row, run, start, train
from .kills import TWO_PROCESSES, _children


@row("L01", "two starts in one run directory")
def l01(bench: Bench) -> str:
    bench.experiment(2)
    count = bench.many(8, 200)
    for _ in range(count):
        both = [
            start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--resume", "--verbose", "0")) for _ in range(2)
        ]
        done = [finished(process) for process in both]
        codes = sorted(one.code for one in done)
        assert codes in ([0, 8], [0, 0]), [one.err for one in done]  # the second may come when the first is done
        if codes == [0, 8]:
            told = next(one for one in done if one.code == 8).err
            assert re.search(r"in use by (process \d+ on host .* since|another process)", told), told
        rows = (bench.folder / "run" / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in rows] == [1, 2], "both wrote"
        shutil.rmtree(bench.folder / "run")
    return f"{count} double starts, one winner each"


@row("L02", "many runs that name themselves, in the same second")
def l02(bench: Bench) -> str:
    bench.experiment(1)
    count = bench.many(8, 50)
    many = [start(bench.folder, command("train", "e.yaml", "--verbose", "0")) for _ in range(count)]
    directories = {finished(process, 120).out.strip() for process in many}
    assert len(directories) == count
    assert "" not in directories
    return f"{count} starts, {count} directories"


@row("L03", "lock left by kill -9")
def l03(bench: Bench) -> str:
    expected = reference(bench, 300)
    process = start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--verbose", "0"))
    while not (bench.folder / "run" / "checkpoints" / "last.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    check_goes_on(bench, expected)
    return "starts at once"


@row("L04", "workers that outlive their parent hold no lock")
def l04(bench: Bench) -> str:
    bench.experiment(400)
    process = start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--verbose", "0", *TWO_PROCESSES))
    workers = _children(process.pid)
    for worker in workers:
        held = [os.readlink(f"/proc/{worker}/fd/{name}") for name in os.listdir(f"/proc/{worker}/fd")]
        assert not [path for path in held if path.endswith((".lock", "/run"))], held
    process.kill()
    process.communicate()
    descriptor = os.open(bench.folder / "run", os.O_RDONLY)
    try:
        deadline = time.monotonic() + 2
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline, "the lock is held after 2 s"
                time.sleep(0.01)
    finally:
        os.close(descriptor)
    return "free within 2 s"


@row("L05", "lock file deleted while it is held")
def l05(bench: Bench) -> str:
    bench.experiment(2000)
    process = start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--verbose", "0"))
    while not (bench.folder / "run" / "checkpoints" / "last.safetensors").exists():
        time.sleep(0.01)
    (bench.folder / "run" / ".lock").unlink()
    done = train(bench.folder)
    process.kill()
    process.communicate()
    check_said(done, (8,))
    return "exit 8 all the same"


@row("L06", "verify and evaluate while a run is training")
def l06(bench: Bench) -> str:
    bench.experiment(4000)
    process = start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--verbose", "0"))
    while not (bench.folder / "run" / "checkpoints" / "best.safetensors").exists():
        time.sleep(0.01)
    count = bench.many(5, 40)
    for _ in range(count):
        done = run(bench.folder, "verify", "run")
        assert done.code == 0, done.err
    assert run(bench.folder, "evaluate", "run").code == 0
    process.kill()
    process.communicate()
    return f"{count} looks, whole files only"


@row("L08", "locking is not supported")
def l08(bench: Bench) -> str:
    need("strace")
    bench.experiment(1)
    log = bench.folder / "strace.txt"
    wrapped = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]
    done = train(bench.folder, wrapped=wrapped)
    assert "INJECTED" in log.read_text()
    check_said(done, (7, 8))
    return f"refused with exit {done.code}"


@row("L09", "reading while a checkpoint is being replaced")
def l09(bench: Bench) -> str:
    from fittool.runs.checkpoint import load_checkpoint

    bench.experiment(20_000)
    process = start(bench.folder, command("train", "e.yaml", "--run-dir", "run", "--verbose", "0"))
    last, steps = bench.folder / "run" / "checkpoints" / "last.safetensors", set()
    while not last.exists():
        time.sleep(0.01)
    count = bench.many(500, 10_000)
    for _ in range(count):
        steps.add(load_checkpoint(last).facts.step)
    process.kill()
    process.communicate()
    assert len(steps) > 5, "it was not replaced meanwhile"
    return f"{count} reads of {len(steps)} checkpoints, each whole"


@row("L10", "lock file opened and closed elsewhere in the process")
def l10(bench: Bench) -> str:
    expected = reference(bench, 1)
    code = (
        "import sys; from pathlib import Path; from fittool.runs.files.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1])); open(Path(sys.argv[1]) / '.lock').close(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    (bench.folder / "run").mkdir()
    process = start(bench.folder, [sys.executable, "-c", code, "run"], stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    done = train(bench.folder)
    process.kill()
    process.communicate()
    check_said(done, (8,))
    check_goes_on(bench, expected)
    assert digest(bench.folder / "run") == expected
    return "exit 8: the lock belongs to the open file, not to the process"
