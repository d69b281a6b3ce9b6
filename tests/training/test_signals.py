from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fittool.errors import Interrupted
from fittool.training.signals import StopSignals

LIMIT = 100  # seconds after which a child hangs for certain
CHILD = """
import sys, threading, time
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer
from fittool.errors import Interrupted
from fittool.training.plan import Plan
from fittool.training.signals import StopSignals
class Slow(FakeEngine):
    def train_step(self, batch):
        print("step", flush=True)
        sys.stdin.readline()
        super().train_step(batch)
def tell(signals):
    while signals.received is None:
        time.sleep(0.01)
    print("heard", flush=True)
with StopSignals() as signals:
    threading.Thread(target=tell, args=(signals,), daemon=True).start()
    try:
        FakeTrainer(Slow(), FakeLoader(), None, [], Plan({epochs}), interruption=signals.interruption).run()
    except Interrupted as error:
        sys.exit(error.exit_code)
"""


def child(epochs=10_000, **options):
    """A training that is within its first step, and stays there until it is sent a line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD.format(epochs=epochs)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, **options)
    assert process.stdout.readline() == "step\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_training_after_its_step(number):
    with child() as process:
        process.send_signal(number)
        assert process.stdout.readline() == "heard\n"
        assert process.communicate("\n" * 10, LIMIT)[0] == ""
        assert process.returncode == 128 + number


def test_a_second_signal_leaves_at_once():
    with child() as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
        time.sleep(0.2)  # longer than signals of one event are apart
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == -signal.SIGINT


@pytest.mark.parametrize(("apart", "left"), [(0.05, []), (0.15, [signal.SIGHUP])])
def test_the_same_signal_twice_at_one_event_counts_once(monkeypatch, apart, left):
    seconds, leaves = iter([0.0, 0.0, apart]), []
    with StopSignals() as signals:
        monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
        monkeypatch.setattr(signals, "_leave", leaves.append)
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        monkeypatch.undo()
        assert signals.interruption().exit_code == 128 + signal.SIGHUP
    assert leaves == left


def test_an_ignored_signal_stays_ignored():
    with child(epochs=10, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        assert process.communicate("\n" * 1000, LIMIT)[0].count("heard") == 0
        assert process.returncode == 0


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals() as signals:
        assert signal.getsignal(signal.SIGTERM) == signals._handle
        assert signals.interruption() is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_flag_becomes_an_error():
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGTERM)
        interruption = signals.interruption()
    assert isinstance(interruption, Interrupted)
    assert interruption.exit_code == 143


def test_other_threads_leave_signals_alone():
    seen = []

    def work():
        with StopSignals():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
