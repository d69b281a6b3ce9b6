from __future__ import annotations

import os
import subprocess
import sys

from fittool.cpu import available_threads

HELD_TO_ONE = """
import os
from fittool.cpu import available_threads
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(available_threads())
"""


def test_a_process_has_processors() -> None:
    assert 1 <= available_threads() <= (os.cpu_count() or 1)


def test_only_processors_that_the_process_may_use_count() -> None:
    done = subprocess.run([sys.executable, "-c", HELD_TO_ONE], capture_output=True, text=True, check=True)
    assert int(done.stdout) == (1 if hasattr(os, "sched_setaffinity") else os.cpu_count())
