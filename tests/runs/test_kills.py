"""A process that saves without pause is killed at random instants; whatever it called saved must be there, whole."""

from __future__ import annotations

import random
import signal
import time

from fittool.runs.directory import RunDirectory
from fittool.runs.paths import LAST, PREVIOUS

SAVE = """
import sys
from pathlib import Path
import numpy as np
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.directory import RunDirectory
from fittool.runs.status import Status
with RunDirectory.at(Path(sys.argv[1]), resume=True) as run:
    step = 0 if run.checkpoints.is_empty else run.checkpoints.load_newest()[0].facts.step
    run.write_environment({})
    while True:
        step += 1
        run.metrics.append({"epoch": step})
        run.save_checkpoint({"weights/a": np.full(20_000, step, np.float32)}, CheckpointFacts(step=step), best=step % 3 == 0)
        print(step, flush=True)
        run.write_status(Status("running", step=step))
"""


def check_whole(path, saved: int) -> None:
    with RunDirectory.at(path, resume=True) as run:
        last = run.checkpoints.load(LAST)
        assert last.facts.step >= saved
        assert (last.tensors["weights/a"] == last.facts.step).all()
        for file in (run.paths.previous, run.paths.best):
            assert not file.exists() or run.checkpoints.load(file.name).facts.step <= last.facts.step
        run.metrics.cut(last.facts.metrics_bytes)
        assert [row["epoch"] for row in run.metrics.rows()] == list(range(1, last.facts.step + 1))
        if run.paths.status.exists():
            assert run.read_status().step <= last.facts.step
        assert not list(path.rglob("*.tmp"))


def test_kills_lose_nothing_that_was_saved(child, tmp_path):
    seed = random.randrange(2**32)
    print("seed", seed)
    instants = random.Random(seed)
    for _ in range(12):
        process = child(SAVE, tmp_path / "run")
        process.stdout.readline()
        time.sleep(instants.uniform(0, 0.02))
        process.kill()
        rest = process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGKILL
        check_whole(tmp_path / "run", saved=int(rest[-1]) if rest else 1)
    with RunDirectory.at(tmp_path / "run", resume=True) as run:
        assert run.checkpoints.load(PREVIOUS).facts.step >= 1
