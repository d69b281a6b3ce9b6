"""What only a process of its own can show: signals, streams, terminals, two runs at once."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.commands import FROM_GENERATOR, GENERATOR, LIMIT, environment, wait_for

from fittool.runs.directory import RunDirectory

HANGS = """
def hang():
    import pathlib, signal, time
    pathlib.Path("hanging").touch()
    while True:
        if signal.getsignal(signal.SIGINT).__self__.received:
            pathlib.Path("asked").touch()
        time.sleep(0.01)
"""
LONG = ("--set", "train.epochs=1000000", "--run-dir", "here")


def begun():
    """Whether the run `here` has a checkpoint."""
    return Path("here/checkpoints/last.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_run_with_a_checkpoint_and_its_own_death(start, small, number):
    process = start("train", small, *LONG)
    wait_for(begun)
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (-number, "")
    assert err.splitlines()[-1].endswith("The state is saved in here.")
    run = RunDirectory.open(Path("here"))
    status = run.read_status()
    assert (status.state, status.exit_code) == ("interrupted", 128 + number)
    assert run.checkpoints.load("last.safetensors").facts.step == status.step


def test_signal_ends_workers_too(start, small):
    process = start("train", small, *LONG, "--set", "train.mode=fit_generator", "--set", "train.workers=3")
    wait_for(begun)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    assert process.returncode == -signal.SIGTERM
    assert RunDirectory.open(Path("here")).read_status().state == "interrupted"


def test_second_signal_ends_at_once_and_leaves_the_last_checkpoint(start, folder, write):
    write(text=GENERATOR.replace("        yield", "        hang() if _ == 4 else None\n        yield") + HANGS, name="mine.py")
    steps = ("--set", "output.checkpoint.every={steps: 2}", "--set", "train.workers=0")
    process = start("train", write(*FROM_GENERATOR), "--run-dir", "here", *steps)
    wait_for((folder / "hanging").exists, process)
    process.send_signal(signal.SIGINT)
    wait_for((folder / "asked").exists, process)
    time.sleep(0.2)  # longer than signals of one event are apart
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == -signal.SIGINT
    assert RunDirectory.open(Path("here")).checkpoints.load("last.safetensors").facts.step >= 2


def test_interrupted_run_can_be_used(start, fittool, small):
    process = start("train", small, *LONG)
    wait_for(begun)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert fittool("evaluate", "here").code == 0
    assert len(fittool("predict", "here", "small.npz").out.splitlines()) == 49


def test_second_run_in_a_directory_is_refused(start, fittool, small):
    process = start("train", small, *LONG)
    wait_for(begun)
    done = fittool("train", small, "--run-dir", "here")
    assert done.code == 8
    assert f"here: is in use by process {process.pid} " in done.err
    assert process.poll() is None


def test_interrupted_before_training_it_dies_by_the_signal_and_leaves_nothing(start, folder, write):
    write(text="import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n", name="mine.py")
    process = start("train", write(*FROM_GENERATOR), "--run-dir", "here")
    wait_for((folder / "loading").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err.strip()) == (-signal.SIGINT, "")
    assert not (folder / "here").exists()


def test_no_control_characters_off_a_terminal(start, small):
    process = start("train", small, "--verbose", "1")
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert set(re.findall(r"[^\x20-\x7e]", out + err)) <= {"\n", "↑"}


@pytest.mark.parametrize(
    "redirection", ["2>&-", "<&- >&- 2>&-", *(pytest.param(one, marks=pytest.mark.long) for one in ("<&-", ">&-"))]
)
def test_closed_standard_streams_are_no_error(small, redirection):
    command = f"exec {sys.executable} -m fittool train {small} --run-dir here {redirection}"
    assert subprocess.run(command, shell=True, env=environment(), timeout=LIMIT, check=False).returncode == 0
    assert RunDirectory.open(Path("here")).checkpoints.load("last.safetensors").facts.epoch == 2


def test_pipe_that_closes_early_is_no_error(start, small):
    reader, writer = os.pipe()
    os.close(reader)
    process = start("schema", stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")


def test_output_in_a_plain_locale_has_no_traceback(start, small):
    process = start("train", small, env=environment(LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii"))
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out.startswith("runs/small/")) == (0, True)
    assert "Traceback" not in err


def on_a_terminal(start, *arguments, **variables):
    """What a command shows on a terminal for stderr, with its stdout."""
    ours, theirs = pty.openpty()
    process = start(*arguments, stderr=theirs, env=environment(**{"TERM": "xterm", "COLUMNS": "100", **variables}))
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], LIMIT)[0]:
        try:
            more = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    return process.communicate(timeout=LIMIT)[0], shown.decode()


needs_a_terminal = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="pseudo-terminals")


@needs_a_terminal
def test_terminal_shows_the_live_bar(start, small):
    out, shown = on_a_terminal(start, "train", small, "--set", "train.epochs=30")
    assert out.startswith("runs/small/")
    assert "\x1b[" in shown
    assert "Finished 30 epochs" in shown


@needs_a_terminal
def test_terminal_shows_a_row_an_epoch_alone_at_verbose_2(start, small):
    _, shown = on_a_terminal(start, "train", small, "--verbose", "2", NO_COLOR="1")
    assert "\x1b" not in shown
    heading, first, second = [line.split() for line in shown.splitlines() if line.startswith("epoch ") or line[:4].isspace()][:3]
    assert heading == ["epoch", "val_loss", "loss", "accuracy", "val_accuracy", "time"]
    assert (first[0], first[2], second[0]) == ("1", "↑", "2")


@needs_a_terminal
def test_dumb_terminal_shows_no_control_characters(start, small):
    shown = on_a_terminal(start, "train", small, "--set", "train.verbose=1", TERM="dumb")[1]
    assert "\x1b" not in shown
    assert "Finished 2 epochs" in shown


def test_module_is_the_command(start):
    assert start("--version").communicate(timeout=LIMIT)[0].startswith("fittool ")
