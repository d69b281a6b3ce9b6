"""Trainings under strace, which makes chosen calls fail, wait or kill."""

from __future__ import annotations

import re
import shutil

from .harness import Bench, Done, check_goes_on, check_whole, reference, train
from .rows import Unavailable, need

_CALLS = ("write", "fsync", "ftruncate", "linkat", "renameat", "unlinkat", "mkdir")


def strace(bench: Bench, calls: str, fault: str = "", *more: str) -> list[str]:
    """What goes before a command, so that these calls are written to `bench.calls`, and a fault is put into them.

    Args:
        bench: Where the row works.
        calls: As in `-e trace=`.
        fault: As in `-e inject=`, behind the calls.
        more: Options, such as `-P` with a path.
    """
    need("strace")
    quick = [] if fault.startswith("signal") else ["--seccomp-bpf"]  # with it, strace 6.1 injects no signals
    injected = ["-e", f"inject={calls}:{fault}"] if fault else []
    return ["strace", "-f", *quick, "-qq", "-o", str(bench.calls), *more, "-e", f"trace={calls}", *injected]


def traced(bench: Bench, fault: str, call: str, number: int) -> tuple[Done, bool]:
    """Train while the n-th of these calls fails or kills; whether it did."""
    done = train(bench.folder, wrapped=strace(bench, call, f"{fault}:when={number}"))
    text = bench.calls.read_text()
    return done, "INJECTED" in text or "killed by SIGKILL" in text


def calls_of_a_run(bench: Bench) -> dict[str, int]:
    """How often a whole run makes each call."""
    done = train(bench.folder, wrapped=strace(bench, ",".join(_CALLS)))
    if done.code != 0 and "ptrace" in done.err:
        raise Unavailable("strace may not trace here")
    assert done.code == 0, done.err
    shutil.rmtree(bench.run)
    return {call: len(re.findall(rf"\b{call}\(", bench.calls.read_text())) for call in _CALLS}


def systematic(bench: Bench, fault: str, codes: tuple[int, ...]) -> str:
    """The fault at each call of a start, some saves and the finish in turn; in the quick set at some of them."""
    expected = reference(bench, 1)
    fired = 0
    for call, count in calls_of_a_run(bench).items():
        every = 1 if bench.level else count
        for number in range(1, count + 1, every):
            done, there = traced(bench, fault, call, number)
            if not there:
                continue  # threads make some calls in another order
            fired += 1
            where = f"{call} number {number} ({fault})"
            assert done.code in codes, f"{where}: exit code {done.code}: {done.err[-500:]}"
            assert "Traceback" not in done.err, f"{where}: {done.err[-500:]}"
            if bench.run.exists():
                check_whole(bench.run)
            check_goes_on(bench, expected)
            shutil.rmtree(bench.run)
    assert fired, "the fault never fired"
    return f"{fired} calls, each fired"
