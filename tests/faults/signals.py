"""Signals, cron, closed streams, terminals, limits."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

from .harness import (
    Bench,
    check_goes_on,
    check_said,
    check_whole,
    command,
    digest,
    ended,
    environment,
    finished,
    reference,
    run,
    saving,
    signalled,
    start,
    stop_over_and_over,
    train,
    train_copy,
    training,
    training_copy,
    until,
)  # fmt: skip
from .rows import Unavailable, need, need_root, row
from .tracing import strace


def _stops(bench: Bench, number: signal.Signals) -> str:
    count = bench.many(6, 100)
    _, longest = stop_over_and_over(bench, 60, count, number)
    return f"{count} stops, each saved, by the signal, in {longest:.2f} s at most; exact"


@row("P01", "SIGTERM at a random instant")
def p01(bench: Bench) -> str:
    return _stops(bench, signal.SIGTERM)


@row("P02", "SIGINT at a random instant")
def p02(bench: Bench) -> str:
    return _stops(bench, signal.SIGINT)


@row("P03", "a second signal")
def p03(bench: Bench) -> str:
    expected = reference(bench, 60)
    for _ in range(bench.many(2, 30)):
        with training_copy(bench.folder) as process:
            time.sleep(bench.chance.uniform(0.05, 0.2))
            for pause in (0.2, 0.0):
                try:
                    os.kill(process, signal.SIGINT)
                except ProcessLookupError:
                    break
                time.sleep(pause)
            assert ended(process) in (-signal.SIGINT, 0)
        if bench.run.exists():
            check_whole(bench.run)
    check_goes_on(bench, expected)
    return "leaves at once, nothing torn"


def _imports(process: int) -> bool:
    """Whether fittool has begun to import what the command needs; before that, a signal meets Python alone."""
    return "numpy" in Path(f"/proc/{process}/maps").read_text()


@row("P04", "signal while the program starts, reads arguments or imports")
def p04(bench: Bench) -> str:
    bench.experiment(2)
    count, seen = bench.many(4, 60), set()
    for turn in range(count):
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        process = training(bench.folder, "--resume")
        until(lambda process=process: _imports(process.pid))
        time.sleep(bench.chance.uniform(0, 0.4))
        process.send_signal(number)
        done = finished(process)
        assert done.code in (-number, 0), done.err
        assert "Traceback" not in done.err, done.err
        seen.add(done.code)
        shutil.rmtree(bench.run, ignore_errors=True)
    return f"{count} signals, no trace"


@row("P05", "SIGHUP, and SIGHUP and SIGINT that were ignored before")
def p05(bench: Bench) -> str:
    stop_over_and_over(bench, 60, bench.many(1, 20), signal.SIGHUP)
    shutil.rmtree(bench.folder / "reference")
    expected = reference(bench, 30)
    for number in (signal.SIGHUP, signal.SIGINT):
        shutil.rmtree(bench.run, ignore_errors=True)
        process = saving(bench.folder, preexec_fn=lambda number=number: signal.signal(number, signal.SIG_IGN))
        process.send_signal(number)
        assert finished(process).code == 0
        assert digest(bench.run) == expected
    return "saved and stopped; what was ignored stays ignored"


@row("P07", "SIGSTOP, a pause, SIGCONT")
def p07(bench: Bench) -> str:
    expected = reference(bench, 12)
    with training_copy(bench.folder, "--set", "data.timeout=1s", sabotage=signalled(20, signal.SIGSTOP)) as process:
        os.waitpid(process, os.WUNTRACED)
        time.sleep(2.5)
        os.kill(process, signal.SIGCONT)
        assert ended(process) == 0, (bench.folder / "err.txt").read_text()
    assert digest(bench.run) == expected
    return "no worker is called hung"


@row("P08", "SIGTERM, then SIGKILL while a slow disk is still saving")
def p08(bench: Bench) -> str:
    expected = reference(bench, 6)
    wrapped = strace(bench, "fsync", "delay_enter=300000")
    process = start(
        bench.folder, [*wrapped, *command("train", "e.yaml", "--run-dir", "run", "--verbose", "0")], start_new_session=True
    )
    until(bench.last.exists)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    check_whole(bench.run)
    check_goes_on(bench, expected)
    return "the last checkpoint is usable"


@row("P09", "the reader of stdout or stderr is gone")
def p09(bench: Bench) -> str:
    expected = reference(bench, 2)
    for stream in ("stdout", "stderr"):
        reading, writing = os.pipe()
        os.close(reading)
        done = train(bench.folder, **{stream: writing})
        os.close(writing)
        assert done.code == 0, (stream, done.code, done.err)
        assert digest(bench.run) == expected
        shutil.rmtree(bench.run)
    return "training goes on"


@row("P10", "stdout and stderr full", long=True)
def p10(bench: Bench) -> str:
    expected = reference(bench, 2)
    for stream in ("stdout", "stderr"):
        with open("/dev/full", "w") as full:
            done = finished(training(bench.folder, "--verbose", "2", **{stream: full}))
        assert done.code == 0, (stream, done.code, done.err)
        assert digest(bench.run) == expected
        shutil.rmtree(bench.run)
    return "training unaffected"


@row("P11", "stdin, stdout and stderr closed, all eight mixes", long=True)
def p11(bench: Bench) -> str:
    expected = reference(bench, 1)
    for mix in product((False, True), repeat=3):
        closing = "".join(f" {number}{'<' if number == 0 else '>'}&-" for number, closed in enumerate(mix) if closed)
        line = " ".join(command("train", "e.yaml", "--run-dir", "run", "--verbose", "2"))
        done = finished(start(bench.folder, ["sh", "-c", f"exec {line}{closing}"]))
        assert done.code == 0, (closing, done.code, done.err)
        assert digest(bench.run) == expected
        shutil.rmtree(bench.run)
    return "8 mixes"


@row("P12", "no terminal, as under cron")
def p12(bench: Bench) -> str:
    bench.experiment(2)
    bare = {key: value for key, value in environment(bench.folder).items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = run(bench.folder, "train", "e.yaml", "--run-dir", "run", "--quiet", env=bare, start_new_session=True)
    assert (done.code, done.out, done.err) == (0, "", ""), done
    done = run(bench.folder, "train", "e.yaml", "--run-dir", "run2", env=bare, start_new_session=True)
    check_said(done, (0,))
    return "--quiet prints nothing, no control characters"


def on_terminal(bench: Bench, columns: int, rows: int, **more: str) -> tuple[int, bytes]:
    """Train on a terminal of some size; the code and the bytes."""
    leader, follower = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    plain = {"TERM": "xterm-256color"} | more
    process = subprocess.Popen(
        command("train", "e.yaml", "--run-dir", "run"), cwd=bench.folder, stdin=follower, stdout=follower, stderr=follower,
        env=environment(bench.folder, **plain), start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    shown, sent = b"", False
    while True:
        if select.select([leader], [], [], 0.05)[0]:
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
        elif not sent:
            process.send_signal(signal.SIGWINCH)
            sent = True
    code = process.wait()
    os.close(leader)
    shutil.rmtree(bench.run, ignore_errors=True)
    return code, shown


@row("P13", "NO_COLOR, TERM=dumb, CI", long=True)
def p13(bench: Bench) -> str:
    bench.experiment(3)
    for name, value, pattern in (
        ("NO_COLOR", "1", rb"\x1b\[[0-9;]*3[0-9]m"),
        ("TERM", "dumb", rb"\x1b"),
        ("CI", "true", rb"\x1b"),
    ):
        code, shown = on_terminal(bench, 80, 24, **{name: value})
        assert code == 0
        assert not re.search(pattern, shown), (name, shown[:300])
    return "plain text"


@row("P14", "terminal of one column, of twenty, and resized", long=True)
def p14(bench: Bench) -> str:
    bench.experiment(3)
    for columns, rows in ((1, 1), (20, 3), (80, 24)):
        code, shown = on_terminal(bench, columns, rows)
        assert code == 0, shown[-300:]
        assert b"Traceback" not in shown
    return "3 sizes"


@row("P15", "LANG=C and ASCII output")
def p15(bench: Bench) -> str:
    bench.experiment(3)
    done = run(
        bench.folder, "train", "e.yaml", "--run-dir", "run", env=environment(bench.folder, LANG="C", PYTHONIOENCODING="ascii")
    )
    check_said(done, (0,))
    done = run(bench.folder, "train", "é.yaml", env=environment(bench.folder, LANG="C", PYTHONIOENCODING="ascii"))
    check_said(done, (2,))
    return "works"


@row("P16", "HOME unset, working directory deleted")
def p16(bench: Bench) -> str:
    expected = reference(bench, 1)
    without = environment(bench.folder)
    del without["HOME"]
    assert train(bench.folder, env=without).code == 0
    gone = bench.folder / "gone"
    gone.mkdir()
    line = " ".join(command("train", bench.folder / "e.yaml", "--run-dir", bench.folder / "run2", "--verbose", "0"))
    done = finished(start(gone, ["sh", "-c", f"rmdir {gone}; exec {line}"]))
    check_said(done, (0, 2, 4, 7))
    if done.code == 0:
        assert digest(bench.folder / "run2") == expected
    return f"exit {done.code}"


@row("P17", "the clock jumps")
def p17(bench: Bench) -> str:
    need_root()
    need("unshare")
    expected = reference(bench, 3)
    code = (
        "import sys, time, itertools; real = time.time; jumps = itertools.cycle([0, 86400, -86400, -1.7e9])\n"
        "time.time = lambda: max(real() + next(jumps), 1.0)\n"
        "sys.argv = ['fittool', 'train', 'e.yaml', '--run-dir', 'run', '--verbose', '0']\n"
        "from fittool.cli import main; main()"
    )
    done = finished(start(bench.folder, [sys.executable, "-c", code]))
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (bench.run / "metrics.jsonl").read_text().splitlines()]
    assert all(row["seconds"] >= 0 for row in rows)
    assert digest(bench.run) == expected
    return "durations never negative"


@row("P18", "a finished run is started again")
def p18(bench: Bench) -> str:
    reference(bench, 2)
    directory = bench.folder / "reference"
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    done = train_copy(bench.folder, "reference")
    assert done.code == 0, done.err
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    done = run(bench.folder, "train", "e.yaml", "--run-dir", "reference", "--resume")
    assert "nothing to do" in done.err
    return "exit 0, files unchanged"


@row("P19", "few file handles")
def p19(bench: Bench) -> str:
    need("prlimit")
    bench.experiment(1)
    done = train(bench.folder, wrapped=["prlimit", "--nofile=24"])
    check_said(done, (0, 6))
    return f"exit {done.code} with 24 handles"


@row("P20", "little memory")
def p20(bench: Bench) -> str:
    need("prlimit")
    bench.experiment(1)
    shape = ["--set", "data.train={synthetic: {samples: 4000, shape: [128, 128, 3], classes: 3}}", "--set", "train.mode=fit"]
    shape += ["--set", "~augmentation", "--set", "~train.workers"]
    done = run(bench.folder, "train", "e.yaml", "--verbose", "0", *shape, wrapped=["prlimit", "--as=700000000"])
    check_said(done, (6,))
    assert "memory" in done.err.lower(), done.err
    return "exit 6 with the mend"


@row("P21", "no network")
def p21(bench: Bench) -> str:
    bench.experiment(1)
    done = train(bench.folder, wrapped=strace(bench, "socket,connect,sendto"))
    assert done.code == 0, done.err
    calls = [line for line in bench.calls.read_text().splitlines() if "AF_INET" in line]
    assert not calls, calls[:3]
    return "no socket is opened"


@row("P23", "one thread, then two at the resume")
def p23(bench: Bench) -> str:
    reference(bench, 6)
    expected = digest(bench.folder / "reference")
    text = (bench.folder / "e.yaml").read_text()
    if (os.cpu_count() or 1) < 2:
        raise Unavailable("one processor")
    assert train_copy(bench.folder, "run", "--set", "train.epochs=3").code == 0
    (bench.folder / "e.yaml").write_text(text.replace("threads: 1", "threads: 2"))
    check_goes_on(bench, expected)
    return "the same bytes: results do not depend on threads"
