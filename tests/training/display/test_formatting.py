from __future__ import annotations

import pytest

from fittool.training.display.formatting import duration, epoch_line, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.36221, "0.3622"),
        (3.62e-05, "3.62e-05"),
        (-0.25, "-0.2500"),
        (-3.62e-05, "-3.62e-05"),
        (0.0, "0.0000"),
        (0.001, "0.0010"),
        (8.4e11, "8.40e+11"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "12 ms"), (0.44, "0.4 s"), (59.94, "59.9 s"), (60, "0:01:00"), (3725, "1:02:05")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_an_epoch_line_marks_an_improvement():
    row = {"epoch": 3, "loss": 0.5, "learning_rate": 0.1, "seconds": 2.0, "examples_per_second": 9.0}
    assert epoch_line(row, 100, True) == "  3/100  loss 0.5000 ↑  2.0 s"
