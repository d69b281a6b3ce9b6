"""Several processes that train together: signals to one of them, deaths of one of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import cycle

from .harness import Bench, check_whole, digest, until
from .jobs import STEPS, Ended, Job, ranks
from .rows import Unavailable, row

_TWO = ("--devices", "2")
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_STEPS = 4 * STEPS
_MOMENTS = {  # not of the last epoch: a step takes a moment, and the launcher may hear of its signal when all is done
    "training": lambda bench: f"on_train_batch_end:{bench.chance.randrange(1, _STEPS - STEPS)}",
    "validation": lambda bench: f"on_test_batch_end:{bench.chance.randrange(2 * 6)}",
    "first step": lambda bench: "on_train_batch_begin:0",
    "saving": lambda bench: f"saving:{bench.chance.randrange(2)}",
}


def _job(bench: Bench) -> tuple[Job, str]:
    """The experiment, and the digest of its calm run in two processes."""
    if find_spec("torch") is None:
        raise Unavailable("torch is not installed")
    job = Job.made(bench.folder, hooks=True)
    calm = job.train(*_TWO)
    assert calm.code == 0, calm.err[-600:]
    expected = digest(job.run)
    job.fresh()
    return job, expected


def _check_goes_on(job: Job, expected: str) -> None:
    done = job.train(*_TWO, "--resume")
    assert done.code == 0, done.err[-600:]
    assert digest(job.run) == expected, "the final weights or rows are other ones"


def _check_saved(job: Job, done: Ended, number: signal.Signals) -> None:
    assert done.code == -number, f"ended with {done.code}: {done.err[-600:]}"
    check_whole(job.run)
    status = job.status()
    assert (status["state"], status["step"]) == ("interrupted", job.last().facts.step), status


@row("D01", "a signal to rank 0, rank 1 or the launcher of two processes: in training, validation, first step, saving", long=True)
def d01(bench: Bench) -> str:
    job, expected = _job(bench)
    count, longest, stopped = bench.many(1, 25), 0.0, 0
    numbers: Iterator[signal.Signals] = cycle(_STOPS)
    for who in ("0", "1", "launcher"):
        for moment in _MOMENTS.values():
            for _ in range(count):
                job.fresh()
                number = next(numbers)
                fault = f"{who}:{moment(bench)}:{number.name}"
                done = job.train(*_TWO, fault=fault)
                assert done.code == -number, f"{fault}: ended with {done.code}: {done.err[-600:]}"
                _check_saved(job, done, number)
                stopped, longest = stopped + 1, max(longest, done.since)
        _check_goes_on(job, expected)
    return f"{stopped} stops, all at one saved step and gone in {longest:.1f} s at most; those that went on came to the same end"


def _killed(bench: Bench) -> str:
    return f"{bench.chance.randrange(2)}:on_train_batch_end:{bench.chance.randrange(STEPS, _STEPS - 1)}:SIGKILL"


@row("D02", "kill -9 of one of two processes", long=True)
def d02(bench: Bench) -> str:
    job, expected = _job(bench)
    count, longest = bench.many(2, 50), 0.0
    for number in range(count):
        done = job.train(*_TWO, fault=_killed(bench))
        assert done.code == 137, f"ended with {done.code}: {done.err[-600:]}"
        assert done.err.count("was ended by SIGKILL") == 1 and "Traceback" not in done.err, done.err[-600:]
        check_whole(job.run)
        assert job.last().facts.step == STEPS * len(job.rows()), "a checkpoint is lost"
        longest = max(longest, done.since)
        if number % 10 == 0:
            _check_goes_on(job, expected)
        job.fresh()
    return f"{count} killed, all ended in {longest:.1f} s at most with the last checkpoint whole; every tenth went on, exact"


@row("D03", "the same under --max-restarts 2", long=True)
def d03(bench: Bench) -> str:
    job, expected = _job(bench)
    count = bench.many(1, 10)
    for _ in range(count):
        done = job.train(*_TWO, "--max-restarts", "2", fault=_killed(bench))
        assert done.code == 0, f"ended with {done.code}: {done.err[-600:]}"
        assert digest(job.run) == expected, "the final weights or rows are other ones"
        job.fresh()
    return f"{count} killed, all went on by themselves to the weights of the calm run, bit for bit"


@row("D04", "kill -9 of the launcher of two processes", long=True)
def d04(bench: Bench) -> str:
    job, _ = _job(bench)
    count = bench.many(1, 10)
    for _ in range(count):
        longer = ("--set", "train.epochs=100000")
        with job.started("train", "e.yaml", "--run-dir", "run", *_TWO, *longer) as process:
            until(lambda: (job.run / "checkpoints" / "last.safetensors").exists())
            left = ranks(process.pid)
            process.kill()
            process.communicate(timeout=200)  # ends once no process holds the streams any more
        check_whole(job.run)
        assert len(left) == 2 and job.status()["state"] == "interrupted", job.status()
        job.fresh()
    return f"{count} killed; both processes heard of it, saved their step and ended"
