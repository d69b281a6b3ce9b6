"""`fittool sweep`: ordinary runs, each tried once, whatever kills the sweep or its workers."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from cli.commands import LIMIT, Done, Fittool, Write, wait_for, weights

from fittool.runs.directory import RunDirectory
from fittool.runs.listing.find import run_at

GRID = """\
sweep:
  method: grid
  metric: val_loss
  parameters:
    compile.optimizer: [sgd, {adam: {learning_rate: 0.01}}]
    train.epochs: [1, 2]
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def sweep(write: Write) -> Callable[..., Path]:
    """Write the small experiment with a section, by default a grid of four trials."""

    def make(section: str = GRID, *changes: tuple[str, str]) -> Path:
        path = write(*changes)
        path.write_text(path.read_text() + section)
        return path

    return make


def rows(folder: str | Path = "out") -> list[dict[str, str]]:
    with Path(folder, "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def lines(folder: str | Path) -> list[dict[str, object]]:
    """The whole lines of the record."""
    path = Path(folder, "trials.jsonl")
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a sweep has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == process.pid:
                found.append(int(path.parent.name))
    return found


def test_every_trial_is_an_ordinary_run(fittool: Fittool, sweep: Callable[..., Path]):
    done = fittool("sweep", sweep(), "--dir", "out", "--workers", 2)
    assert (done.code, done.out) == (0, "out\n")
    found = rows()
    assert [(row["compile.optimizer"], row["train.epochs"], row["state"]) for row in found] == [
        ("sgd", "1", "finished"), ("sgd", "2", "finished"),
        ("{adam: {learning_rate: 0.01}}", "1", "finished"), ("{adam: {learning_rate: 0.01}}", "2", "finished"),
    ]  # fmt: skip
    alone = fittool("train", "e.yaml", "--set", "compile.optimizer={adam: {learning_rate: 0.01}}", "--verbose", 0)
    assert weights(RunDirectory.open(Path("out/trial-0003"))) == weights(alone.run)
    assert fittool("evaluate", "out/trial-0003").code == 0
    # The best one is told, and an experiment that train takes.
    best = min(found, key=lambda row: float(row["value"]))
    assert f"Best: {best['run']}, val_loss" in done.err
    again = fittool("train", "out/best.yaml", "--verbose", 0)
    assert weights(again.run) == weights(RunDirectory.open(Path("out", best["run"])))
    assert run_at("out") is None
    # Nothing is left to do, and the values stay.
    before = Path("out/trials.jsonl").read_bytes()
    assert fittool("sweep", "e.yaml", "--dir", "out").code == 0
    assert Path("out/trials.jsonl").read_bytes() == before


def test_more_trials_may_follow(fittool: Fittool, sweep: Callable[..., Path]):
    section = "sweep: {trials: 1, parameters: {seed: {low: 1, high: 9}, train.epochs: [1]}}\n"
    assert fittool("sweep", sweep(section)).code == 0
    first = rows("runs/small/sweep")
    assert fittool("sweep", "e.yaml", "--trials", 2).code == 0
    assert rows("runs/small/sweep")[:1] == first
    assert len(rows("runs/small/sweep")) == 2


def test_finished_pruned_and_failed_trials_are_told_apart(fittool: Fittool, sweep: Callable[..., Path]):
    section = """\
sweep:
  method: grid
  pruner: {median: {startup_trials: 1}}
  parameters:
    compile.optimizer.SGD.learning_rate: [0.05, 0.0, 1.0e+30]
"""
    path = sweep(section, ("adam", "{SGD: {learning_rate: 0.05}}"), ("epochs: 2", "epochs: 6"), (", activation: relu", ""))
    done = fittool("sweep", path, "--dir", "out")
    assert done.code == 0
    assert [row["state"] for row in rows()] == ["finished", "pruned", "failed"]
    assert "3 trials: 1 finished, 1 pruned, 1 failed." in done.err
    assert "Best: trial-0000" in done.err
    assert int(rows()[1]["epochs"]) < 6
    found = [RunDirectory.open(Path("out", row["run"])).read_status() for row in rows()]
    assert [status.state for status in found] == ["completed", "stopped", "diverged"]
    assert "the sweep has ended this trial early" in found[1].reason
    before = Path("out/trials.jsonl").read_bytes()
    assert fittool("sweep", path, "--dir", "out").code == 0
    assert Path("out/trials.jsonl").read_bytes() == before


def test_settings_that_do_not_hold_together_fail_one_trial(fittool: Fittool, sweep: Callable[..., Path]):
    section = "sweep: {method: grid, parameters: {model.layers.4.Dense.units: [3, 2], train.epochs: [1]}}\n"
    done = fittool("sweep", sweep(section), "--dir", "out")
    assert done.code == 0
    assert [row["state"] for row in rows()] == ["finished", "failed"]
    assert "3 classes" in rows()[1]["reason"] or "units" in rows()[1]["reason"]


def test_what_would_end_every_trial_ends_the_sweep(fittool: Fittool, sweep: Callable[..., Path]):
    path = sweep()
    Path("small.npz").unlink()
    done = fittool("sweep", path, "--dir", "out")
    assert done.code == 4
    assert "small.npz" in done.err
    assert "Go on with: fittool sweep e.yaml --dir out" in done.err


@pytest.mark.parametrize(
    ("section", "arguments", "code", "message"),
    [
        ("", (), 3, "There is no section sweep: in this experiment"),
        (GRID, ("--storage", "sqlite:///a.db"), 2, "--storage is for method tpe"),
        (GRID, ("--workers", 0), 2, "is not in the range"),
        (GRID.replace("[1, 2]", "[1, 0]"), (), 3, "e.yaml:25:23: train.epochs must be at least 1, got 0"),
        (GRID, ("--dir", "e.yaml"), 2, "is a file; --dir names a directory"),
        (GRID, ("--dir", "."), 2, "holds files that are of no sweep"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(
    fittool: Fittool, sweep: Callable[..., Path], section: str, arguments: tuple[object, ...], code: int, message: str
):
    done = fittool("sweep", sweep(section), *arguments)
    assert (done.code, message in done.err) == (code, True), done.err


def test_another_sweep_in_the_same_directory_is_refused(fittool: Fittool, sweep: Callable[..., Path]):
    path = sweep("sweep: {trials: 1, parameters: {train.epochs: [1, 2]}}\n")
    assert fittool("sweep", path, "--dir", "out").code == 0
    done = fittool("sweep", path, "--dir", "out", "--set", "compile.loss=categorical_crossentropy")
    assert done.code == 3
    assert "experiment.compile.loss.SparseCategoricalCrossentropy.(all by default) was true when the sweep began" in done.err


def test_tpe_without_optuna_says_the_pip_command(fittool: Fittool, sweep: Callable[..., Path]):
    if find_spec("optuna") is not None:
        pytest.skip("optuna is installed")
    done = fittool("sweep", sweep(GRID.replace("grid", "tpe")), "--dir", "out")
    assert done.code == 6
    assert "pip install 'fittool[sweep]'" in done.err


@pytest.mark.skipif(find_spec("optuna") is None, reason="needs the extra sweep")
def test_tpe_goes_on_with_its_study(fittool: Fittool, sweep: Callable[..., Path]):
    path = sweep("sweep: {method: tpe, trials: 2, parameters: {seed: {low: 1, high: 99}, train.epochs: [1]}}\n")
    assert fittool("sweep", path, "--dir", "out").code == 0
    assert fittool("sweep", path, "--dir", "out", "--trials", 3).code == 0
    assert [row["state"] for row in rows()] == ["finished"] * 3
    assert len({row["seed"] for row in rows()}) == 3


def test_a_trial_that_was_killed_goes_on_to_the_bit(fittool: Fittool, start: Start, sweep: Callable[..., Path]):
    section = "sweep: {method: grid, parameters: {seed: [1, 2]}}\n"
    path = sweep(section, ("epochs: 2", "epochs: 40"))
    assert fittool("sweep", path, "--dir", "whole", "--workers", 2).code == 0
    process = start("sweep", path, "--dir", "torn")
    wait_for(lambda: Path("torn/trial-0000/checkpoints/last.safetensors").exists(), process)
    for pid in (process.pid, *workers_of(process)):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    done = fittool("sweep", path, "--dir", "torn")
    assert done.code == 0, done.err
    assert "0 have ended, 1 go on" in done.err or "1 have ended" in done.err
    for name in ("trial-0000", "trial-0001"):
        assert weights(RunDirectory.open(Path("whole", name))) == weights(RunDirectory.open(Path("torn", name)))
    assert [row["value"] for row in rows("whole")] == [row["value"] for row in rows("torn")]


def test_a_signal_saves_the_trials_at_work(fittool: Fittool, start: Start, sweep: Callable[..., Path]):
    path = sweep("sweep: {method: grid, parameters: {seed: [1, 2, 3]}}\n", ("epochs: 2", "epochs: 100000"))
    process = start("sweep", path, "--dir", "out", "--workers", 2)
    saved = [Path(f"out/trial-000{number}/checkpoints/last.safetensors") for number in range(2)]
    wait_for(lambda: all(one.exists() for one in saved), process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == -signal.SIGTERM
    assert [RunDirectory.open(Path(f"out/trial-000{number}")).read_status().state for number in range(2)] == ["interrupted"] * 2
    assert "Go on with: fittool sweep e.yaml --dir out --workers 2" in err
    assert not Path("out/trial-0002").exists()


def test_two_sweeps_do_not_share_a_directory(fittool: Fittool, start: Start, sweep: Callable[..., Path]):
    path = sweep("sweep: {method: grid, parameters: {seed: [1]}}\n", ("epochs: 2", "epochs: 100000"))
    process = start("sweep", path, "--dir", "out")
    wait_for(lambda: Path("out/trial-0000/metrics.jsonl").exists(), process)
    assert fittool("sweep", path, "--dir", "out").code == 8


def test_a_trial_whose_process_is_killed_twice_has_failed(start: Start, sweep: Callable[..., Path]):
    path = sweep("sweep: {method: grid, parameters: {seed: [1]}}\n", ("epochs: 2", "epochs: 100000"))
    process = start("sweep", path, "--dir", "out")
    metrics = Path("out/trial-0000/metrics.jsonl")
    wait_for(metrics.exists, process)
    for _ in range(2):
        (worker,) = workers_of(process)
        length = metrics.stat().st_size
        wait_for(lambda length=length: metrics.stat().st_size > length, process)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda worker=worker: worker not in workers_of(process))
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    assert rows()[0]["state"] == "failed"
    assert RunDirectory.open(Path("out/trial-0000")).read_status().state == "failed"


def killed_and_called_again(
    start: Start, command: Sequence[object], kills: int, chance: random.Random, until: Callable[[], int]
) -> tuple[str, Done]:
    """Kill a sweep at random moments: the whole, its workers, or both; then let it end.

    Args:
        start: Starts a command.
        command: The sweep.
        kills: How many times.
        chance: Decides when and what.
        until: Counts what has happened, so that each kill finds the sweep a little further on.
    """
    for _ in range(kills):
        process = start(*command)
        seen = until()
        end = time.monotonic() + chance.uniform(0.2, 4)
        while time.monotonic() < end or (until() == seen and process.poll() is None and chance.random() < 0.9):
            time.sleep(0.02)
        whom = chance.choice(["sweep", "worker", "all"])
        workers = workers_of(process)
        if whom == "worker" and workers:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
            time.sleep(chance.uniform(0, 0.3))
        process.kill()
        for worker in workers if whom == "all" else ():
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        process.communicate()
    process = start(*command)
    out, err = process.communicate()
    return err, Done(process.returncode, out, err)


def once_each(folder: str, count: int) -> None:
    found = lines(folder)
    begun, ended = (Counter(line["trial"] for line in found if kind in line) for kind in ("begins", "ends"))
    assert begun == ended == dict.fromkeys(range(count), 1)
    assert Counter(line["ends"] for line in found if "ends" in line) == {"finished": count}
    states = [json.loads(path.read_text())["state"] for path in Path(folder).glob("trial-*/status.json")]
    assert Counter(states) == {"completed": count}


def test_a_sweep_that_is_killed_again_and_again_tries_each_once(start: Start, sweep: Callable[..., Path]):
    path = sweep("sweep: {trials: 5, parameters: {seed: {low: 1, high: 99}}}\n", ("epochs: 2", "epochs: 20"))
    command = ("sweep", path, "--dir", "out", "--workers", 2)
    _, done = killed_and_called_again(start, command, 3, random.Random(1), lambda: len(lines("out")))
    assert done.code == 0, done.err
    once_each("out", 5)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["random", "tpe"])
def test_forty_trials_killed_twenty_times(start: Start, sweep: Callable[..., Path], method: str):
    if method == "tpe":
        pytest.importorskip("optuna")
    section = f"""\
sweep:
  method: {method}
  trials: 40
  parameters:
    seed: {{low: 1, high: 1000}}
    compile.optimizer.Adam.learning_rate: {{low: 0.0001, high: 0.1, log: true}}
"""
    path = sweep(section, ("epochs: 2", "epochs: 30"), ("optimizer: adam", "optimizer: {Adam: {learning_rate: 0.01}}"))
    command = ("sweep", path, "--dir", "out", "--workers", 2)
    _, done = killed_and_called_again(start, command, 20, random.Random(2), lambda: len(lines("out")))
    assert done.code == 0, done.err
    once_each("out", 40)
    if method == "tpe":
        import optuna

        study = optuna.load_study(study_name="small", storage="sqlite:///out/optuna.db")
        assert Counter(trial.state.name for trial in study.trials) == {"COMPLETE": 40}
