"""Workers that print, die or hang in a run from the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import LIMIT, environment, wait_for

EXPERIMENT = """
name: small
data:
  train: {python: {function: "my_data:batches", samples: 40}}
  timeout: TIMEOUT
model: {layers: [{Dense: {units: 1}}]}
compile: {loss: mean_squared_error}
train: {mode: fit_generator, epochs: 3, workers: 1, use_multiprocessing: PROCESSES, verbose: 2, view_metrics: false}
"""
MODULE = """
import ctypes, os, time
import numpy as np

def batches():
    for number in range(5):
        if number == 2:
            pass
            PART
        print("at", number, flush=True)
        yield np.ones((8, 3), "f4"), np.ones(8)
"""
LINE = 9


def training(folder: Path, part: str, processes: bool, timeout: str = "100s") -> subprocess.Popen[str]:
    (folder / "my_data.py").write_text(MODULE.replace("PART", part))
    (folder / "e.yaml").write_text(EXPERIMENT.replace("PROCESSES", str(processes).lower()).replace("TIMEOUT", timeout))
    command = [sys.executable, "-m", "fittool", "train", "e.yaml", "--run-dir", "run"]
    return subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("processes", [False, True])
def test_a_hang_ends_the_run_and_says_where(tmp_path: Path, processes: bool) -> None:
    with training(tmp_path, "time.sleep(1000)", processes, "2s") as run:
        out, err = run.communicate(timeout=LIMIT)
    assert (run.returncode, out) == (10, "")
    assert "within 2 s" in err and "my_data.py" in err and f"{LINE}" in err and "raise data.timeout" in err


@pytest.mark.parametrize(
    ("part", "how"),
    [
        ("os._exit(5)", "ended by itself with exit code 5"),
        ("ctypes.string_at(0)", "was killed by signal 11 (SIGSEGV)"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9 (SIGKILL; out of memory?)"),
    ],
)
def test_a_dead_worker_ends_the_run(tmp_path: Path, part: str, how: str) -> None:
    with training(tmp_path, part, True) as run:
        out, err = run.communicate(timeout=LIMIT)
    assert (run.returncode, out) == (10, "")
    assert "Worker 0 (process " in err and f"{how} while it made batch 3 of pass 1 of my_data.py:batches" in err


@pytest.mark.parametrize("processes", [False, True])
def test_what_workers_print_stands_in_the_log_alone(tmp_path: Path, processes: bool) -> None:
    with training(tmp_path, "pass", processes) as run:
        out, err = run.communicate(timeout=LIMIT)
    assert (run.returncode, out) == (0, "run\n")
    assert "at 3" not in err
    assert (tmp_path / "run" / "run.log").read_text().count("worker 0: at 3\n") == 3


@pytest.mark.parametrize("processes", [False, True])
def test_an_interrupt_of_the_whole_group_stops_with_a_checkpoint(tmp_path: Path, processes: bool) -> None:
    (tmp_path / "my_data.py").write_text(MODULE.replace("PART", "pass").replace("range(5)", "range(10**9)"))
    endless = EXPERIMENT.replace("samples: 40", "samples: 8000000").replace("TIMEOUT", "100s")
    (tmp_path / "e.yaml").write_text(endless.replace("PROCESSES", str(processes).lower()))
    command = [sys.executable, "-m", "fittool", "train", "e.yaml", "--run-dir", "run"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        log = tmp_path / "run" / "run.log"
        wait_for(lambda: log.exists() and "worker 0" in log.read_text())
        os.killpg(run.pid, signal.SIGINT)
        err = run.communicate(timeout=LIMIT)[1]
    assert run.returncode == -signal.SIGINT
    assert "Traceback" not in err and "Worker" not in err
    assert (tmp_path / "run" / "checkpoints" / "last.safetensors").exists()


@pytest.mark.long
def test_both_kinds_of_workers_give_the_same_weights(tmp_path: Path) -> None:
    states = []
    for processes in (False, True):
        folder = tmp_path / str(processes)
        folder.mkdir()
        with training(folder, "pass", processes) as run:
            assert run.communicate(timeout=LIMIT)[0] == "run\n"
        states.append((folder / "run" / "metrics.jsonl").read_text().split('"loss":')[1].split(",")[0])
    assert states[0] == states[1]
