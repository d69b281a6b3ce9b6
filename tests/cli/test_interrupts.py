"""Ctrl-C is never lost, wherever in Python it arrives."""

import signal
import subprocess
import sys

import pytest

COMMAND = """
import gc, os, signal, time
import click
from fittool.cli.exit import run_and_leave
{imports}

class Interrupted:
    def __del__(self):
        os.kill(os.getpid(), signal.{number})
        for _ in range(1000):
            pass

@click.command()
def waits():
    {body}

run_and_leave(waits)
"""
IN_A_RUN = (
    "from fittool.training.signals import StopSignals",
    "with StopSignals(starting=True):\n        Interrupted()\n        time.sleep(30)",
)
BEFORE_IT = ("signal.signal(signal.SIGINT, signal.SIG_DFL)", "Interrupted()\n    time.sleep(30)")


@pytest.mark.parametrize(
    ("parts", "number"),
    [(BEFORE_IT, signal.SIGINT), (IN_A_RUN, signal.SIGINT), (IN_A_RUN, signal.SIGTERM)],
    ids=["early", "run", "term"],
)
def test_an_interrupt_within_a_callback_of_the_garbage_collection_ends_the_command(
    parts: tuple[str, str], number: signal.Signals
) -> None:
    program = COMMAND.format(imports=parts[0], body=parts[1], number=number.name)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=25)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (-number, "", "")  # the line break is click's


def test_other_errors_in_such_callbacks_are_told_as_ever() -> None:
    program = COMMAND.format(imports="", body="Wrong()", number="SIGINT").replace(
        "@click.command()", "class Wrong:\n    def __del__(self):\n        raise ValueError('by the user')\n\n@click.command()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=25)
    assert done.returncode == 0
    assert "ValueError: by the user" in done.stderr
