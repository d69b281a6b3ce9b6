from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.training import evaluation
from fittool.training.display.choose import live_walk, make_progress
from fittool.training.display.progress import NullProgress, PlainProgress, View, plain_view
from fittool.training.display.terminal import Terminal
from fittool.training.outcome import Best, Outcome
from fittool.training.plan import Plan

CHILD = """
import sys, time
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer
from fittool.training.plan import Plan
from fittool.training.display.choose import make_progress
seconds = 0.0
time.monotonic = time.perf_counter = lambda: seconds
class Slow(FakeEngine):
    def train_step(self, batch):
        global seconds
        seconds += 0.015
        super().train_step(batch)
progress = make_progress({verbose!r})
engine = Slow([0.5], [0.25, 0.5], 10)
FakeTrainer(engine, FakeLoader(10), FakeLoader(2), [], Plan(2), progress=progress, header="digits   seed 7").run()
print("rich" in sys.modules)
"""


def train(stream, verbose, epochs=2, header="digits   seed 7"):
    engine = FakeEngine([0.5], [0.25, 0.5])
    FakeTrainer(
        engine, FakeLoader(3), FakeLoader(2), [], Plan(epochs), progress=make_progress(verbose, stream), header=header
    ).run()
    return engine


def without_time(text):
    return re.sub(r"\d+(\.\d s| ms)", "T", text)


@pytest.mark.parametrize("verbose", [2, 1, "auto"])
def test_off_a_terminal_there_is_one_plain_line_an_epoch(verbose):
    stream = io.StringIO()
    train(stream, verbose)
    assert without_time(stream.getvalue()) == (
        "digits   seed 7\n"
        "1/2  loss 0.5000  accuracy 0.5000  val_loss 0.2500  val_accuracy 0.7500 ↑  T\n"
        "2/2  loss 0.5000  accuracy 0.5000  val_loss 0.5000  val_accuracy 0.5000  T\n"
        "Finished 2 epochs. Best: epoch 1, val_loss 0.2500, val_accuracy 0.7500.\n"
    )


def test_zero_shows_nothing():
    stream = io.StringIO()
    train(stream, 0)
    assert stream.getvalue() == ""


def test_a_stream_that_knows_only_ascii_gets_ascii():
    raw = io.BytesIO()
    train(io.TextIOWrapper(raw, encoding="ascii"), 2, header="größe")
    assert raw.getvalue().splitlines()[0] == b"gr??e"
    assert b"val_accuracy 0.7500 ^" in raw.getvalue()


def test_control_characters_in_names_are_escaped():
    stream = io.StringIO()
    train(stream, 2, header="a\x1b[31m\rb")
    assert stream.getvalue().splitlines()[0] == r"a\x1b[31m\rb"


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError("gone")


def test_training_goes_on_when_nobody_reads():
    assert len(train(Broken(), 2).trained) == 6


def test_training_goes_on_when_the_stream_is_closed():
    stream = io.StringIO()
    stream.close()
    assert len(train(stream, "auto").trained) == 6


def test_a_process_without_standard_error_shows_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(make_progress("auto"), NullProgress)


def test_a_long_epoch_has_a_line_now_and_then():
    stream = io.StringIO()
    progress = PlainProgress(Terminal(stream), interval=0)
    FakeTrainer(FakeEngine([0.5]), FakeLoader(2), None, [], Plan(1), progress=progress).run()
    assert [re.split(r"  +", line)[:2] for line in stream.getvalue().splitlines()[:2]] == [
        ["1/1", "step 1/2"],
        ["1/1", "step 2/2"],
    ]


@pytest.mark.parametrize(
    ("view", "line"),
    [
        (View(3, 100, 27, 44, 5.4, 27000, {"loss": 0.3622}), "  3/100  step 27/44  0:00:03 left  5,000 examples/s  loss 0.3622"),
        (View(3, 9, 27, None, 0.0, 0, {"loss": 1.0}, validating=True), "3/9  validation step 27  0 examples/s  loss 1.0000"),
    ],
)
def test_a_plain_line_in_the_middle_of_an_epoch(view, line):
    assert plain_view(view) == line


def test_an_error_is_left_to_whoever_handles_it():
    stream = io.StringIO()
    PlainProgress(Terminal(stream)).finished(Outcome("diverged", "loss became NaN", 1, 3, Best(1, "loss", 0.5, {}), exit_code=9))
    assert stream.getvalue() == ""


def on_terminal(columns, verbose="auto", **variables):
    """What a training writes to a terminal of so many columns."""
    here, there = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "rows", "24"], stdin=there, check=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color", **variables}
    written = bytearray()
    reader = threading.Thread(target=lambda: written.extend(_read_all(here)))
    reader.start()
    code = CHILD.format(verbose=verbose)
    child = subprocess.run(
        [sys.executable, "-c", code], stdin=there, stdout=subprocess.PIPE, stderr=there, env=environment, check=True
    )
    os.close(there)
    reader.join()
    os.close(here)
    return written.decode(), child.stdout.decode().strip()


def _read_all(descriptor):
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # Linux's way to say that nobody writes any more
            return
        if not data:
            return
        yield from data


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def settled(text):
    """The lines that stay: what is written after the last carriage return of each."""
    return [line.rstrip("\r").rsplit("\r", 1)[-1] for line in plain(text).split("\n") if line]


def test_a_terminal_has_one_live_line_and_settled_ones():
    written, _ = on_terminal(120)
    assert [without_time(line) for line in settled(written)] == [
        "digits   seed 7",
        "epoch  val_loss      loss  accuracy  val_accuracy   time",
        "    1    0.2500 ↑  0.5000    0.5000        0.7500  T",
        "    2    0.5000    0.5000    0.5000        0.5000  T",
        "Finished 2 epochs. Best: epoch 1, val_loss 0.2500, val_accuracy 0.7500.",
    ]
    live = [line for line in re.split(r"[\r\n]+", plain(written)) if "examples/s" in line]
    assert len(live) == 4  # twenty steps of 15 ms, a line each 0.1 s: of each epoch the first step and the eighth
    assert all(
        re.match(
            r"[12]/2 (validation )?━*╸?━* \d+/\d+  0:00:0\d(  run 0:00:0\d)?  [\d,]+ examples/s  loss 0\.\d{4}  accuracy", line
        )
        for line in live
    )


@pytest.mark.parametrize("columns", [1, 20])
def test_no_line_is_wider_than_the_terminal(columns):
    written, _ = on_terminal(columns)
    assert max(len(line) for line in re.split(r"[\r\n]+", plain(written))) == columns


def test_no_color_has_no_escape_sequence_but_stays_live():
    written, _ = on_terminal(100, NO_COLOR="1")
    assert "\x1b" not in written
    assert "examples/s" in written


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "1"}])
def test_dumb_terminals_and_ci_get_plain_lines(variables):
    written, rich = on_terminal(100, **variables)
    assert "\x1b" not in written
    assert "examples/s" not in written
    assert rich == "False"


def test_a_terminal_that_knows_only_ascii_gets_ascii():
    written, _ = on_terminal(100, PYTHONIOENCODING="ascii")
    assert written.isascii()
    assert "->-" in plain(written)


class Screen(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("walk", ["evaluate", "predict"])
def test_a_walk_over_data_has_a_live_line_and_leaves_nothing(monkeypatch, walk):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CI", raising=False)
    screen, engine = Screen(), FakeEngine([0.5], [0.25, 0.5])
    with live_walk(screen) as progress:
        if walk == "evaluate":
            evaluation.evaluate(engine, FakeLoader(3), None, (), None, progress)
        else:
            step = (np.zeros((1, 2), np.float32),)
            evaluation.predict(engine, FakeLoader(3), outputs_of=lambda batch: step, progress=progress)
    line, blanks = screen.getvalue().strip("\r").split("\r")[-2:]
    assert line.startswith("evaluating " if walk == "evaluate" else "predicting ")
    assert "1/3" in line
    assert not blanks.strip()
    assert "\n" not in screen.getvalue()


def test_a_walk_over_data_says_nothing_elsewhere(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    with live_walk(stream) as progress:
        evaluation.evaluate(FakeEngine([0.5], [0.25, 0.5]), FakeLoader(3), None, (), None, progress)
    assert stream.getvalue() == ""


def test_a_title_stands_for_the_epoch():
    view = View(1, 1, 3, 5, 1.0, 30, {}, title="predicting")
    assert plain_view(view).startswith("predicting  step 3/5")
