"""The benchmarks can be run as they say; what they measure is for a quiet machine to tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_figure_is_measured_and_judged() -> None:
    done = run("--turns", "1", "permutation")
    line = done.stdout.splitlines()[1]
    assert line.startswith("permutation") and "fittool" in line and "NumPy" in line
    assert done.returncode == ("MISSED" in line)


def test_an_unknown_subject_is_refused_with_the_known_ones() -> None:
    done = run("nothing")
    assert done.returncode == 2
    assert "unknown: nothing. There are augmentation, checkpoint_cost" in done.stderr


@pytest.mark.long
def test_the_one_call_for_graphics_cards_runs_on_a_processor() -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--device", "cpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 13
