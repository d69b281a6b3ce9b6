from __future__ import annotations

import signal
import sys

import pytest
from cli.commands import LIMIT, wait_for

from fittool.runs.directory import RunDirectory
from fittool.runs.requests import Requests, ask

ENDLESS = ("epochs: 2", "epochs: 1000000")
LONG_EPOCH = ("  batch_size: 8", "  mode: fit_generator\n  batch_size: 8\n  steps_per_epoch: 1000000000")


@pytest.fixture
def at_work(start, write, folder):
    """Start a training that does not end by itself, and wait until it is at work."""

    def at_work(*changes, ready="metrics.jsonl"):
        process = start("train", write(*changes), "--run-dir", "run", "--verbose", 2)
        wait_for((folder / "run" / ready).exists, process)
        return process

    return at_work


def saved_step(folder):
    return RunDirectory.open(folder / "run").checkpoints.load("last.safetensors").facts.step


def test_stop_ends_after_the_epoch_as_early_stopping_does(fittool, at_work, folder):
    process = at_work(ENDLESS)
    done = fittool("stop", "run")
    assert (done.code, done.out, done.err) == (0, "", "run is asked to end after this epoch.\n")
    assert process.wait(LIMIT) == 0
    status = RunDirectory.open(folder / "run").read_status()
    assert (status.state, status.exit_code) == ("stopped", 0)
    assert "fittool stop asked for it" in status.reason
    assert not list((folder / "run").glob(".request*"))
    assert fittool("resume", "run", "--epochs", status.epoch + 1).code == 0


@pytest.mark.parametrize("way", ["command", "signal"])
def test_save_saves_in_the_middle_of_an_epoch(fittool, at_work, folder, way):
    process = at_work(LONG_EPOCH, ready="status.json")
    if way == "command":
        assert fittool("save", "run").err == "run is asked for a checkpoint after this step.\n"
    else:
        process.send_signal(signal.SIGUSR1)
    wait_for((folder / "run/checkpoints/last.safetensors").exists, process)
    first = saved_step(folder)
    assert first > 0
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: saved_step(folder) > first, process)
    assert "a checkpoint was asked for" in (folder / "run/run.log").read_text()
    process.terminate()
    assert process.wait(LIMIT) == -signal.SIGTERM


@pytest.mark.parametrize("command", ["stop", "save"])
def test_a_run_that_is_not_at_work_cannot_be_asked(fittool, small, command):
    run = fittool("train", small).run
    done = fittool(command, run.path)
    assert (done.code, "is not at work" in done.err) == (2, True)
    assert fittool(command, "nothing").code == 5
    assert not list(run.path.glob(".request*"))


def test_what_was_asked_of_a_killed_process_is_forgotten(fittool, at_work, folder):
    process = at_work(ENDLESS)
    ask(folder / "run", "save")
    process.kill()
    process.wait(LIMIT)
    (folder / "run/.request-stop").touch()
    epochs = RunDirectory.open(folder / "run").metrics.rows()[-1]["epoch"] + 5
    done = fittool("train", "e.yaml", "--run-dir", "run", "--resume", "--set", f"train.epochs={epochs}", "--accept-changes")
    assert (done.code, done.run.read_status().state) == (0, "completed")


def test_it_is_forgotten_too_where_no_checkpoint_was_saved(fittool, small, folder):
    run = fittool("train", small, "--run-dir", "run").run
    for file in run.paths.checkpoints.iterdir():
        file.unlink()
    (run.path / ".request-stop").touch()
    done = fittool("train", small, "--run-dir", "run", "--resume")
    assert (done.code, done.run.read_status().state) == (0, "completed")


def test_a_request_is_taken_once(tmp_path):
    (tmp_path / ".request-stop").touch()
    requests = Requests(tmp_path)
    assert [requests.takes("stop", at_once=True) for _ in range(2)] == [True, False]


def test_a_signal_that_nobody_waits_for_is_given_back():
    from fittool.training.signals import StopSignals

    before = signal.getsignal(signal.SIGUSR1)
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGUSR1)
        assert [signals.save_asked(), signals.save_asked()] == [True, False]
        assert signals.interruption() is None
    assert signal.getsignal(signal.SIGUSR1) == before
    assert sys.exc_info() == (None, None, None)
