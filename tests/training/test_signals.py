from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from fittool.errors import Interrupted
from fittool.training.signals import StopSignals

CHILD = """
import sys, time
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer
from fittool.errors import Interrupted
from fittool.training.plan import Plan
from fittool.training.signals import StopSignals
class Slow(FakeEngine):
    def train_step(self, batch):
        print("step", flush=True)
        end = time.monotonic() + {step}
        while time.monotonic() < end:
            time.sleep(0.01)
        super().train_step(batch)
with StopSignals() as signals:
    try:
        FakeTrainer(Slow(), FakeLoader(), None, [], Plan({epochs}), interruption=signals.interruption).run()
    except Interrupted as error:
        sys.exit(error.exit_code)
"""


def child(step=0.02, epochs=10_000, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD.format(step=step, epochs=epochs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **options)
    assert process.stdout.readline() == "step\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_training_after_its_step(number):
    with child() as process:
        process.send_signal(number)
        assert process.wait(10) == 128 + number


def test_a_second_signal_leaves_at_once():
    with child(step=60) as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired, match="timed out"):
            process.wait(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT


def test_the_same_signal_twice_at_one_event_counts_once():
    with child(step=0.5) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        assert process.wait(10) == 128 + signal.SIGHUP


def test_an_ignored_signal_stays_ignored():
    with child(epochs=10, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        assert process.wait(10) == 0


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
