"""Steady growth is told once; anything else is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fittool.training.monitoring.resource_monitor import Amount, ResourceMonitor


def told(*values: int | None) -> list[str]:
    left = iter(values)
    watch = ResourceMonitor([Amount("Memory", lambda: next(left), 10, str)])
    return [text for _ in range(len(values) + 2) for text in watch.look()]


def test_growth_in_five_epochs_is_told_once() -> None:
    assert told(*range(0, 100, 5)) == [
        "Memory grew from 0 to 25 in the last 5 epochs, in each of them. Does a generator or callback keep things?"
    ]


@pytest.mark.parametrize(
    "values",
    [range(9), (0, 50, 50, 100, 100, 150, 150), (0, 50, 10, 60, 20, 70, 30), (0, 100, 200, 300), (None,) * 9],
    ids=["too little", "in steps", "up and down", "too few epochs", "unknown"],
)
def test_what_is_no_leak_is_not_told(values: Sequence[int | None]) -> None:
    assert told(*values) == []


def test_a_stage_that_needs_more_is_no_leak() -> None:
    left = iter(range(0, 100, 5))
    watch = ResourceMonitor([Amount("Memory", lambda: next(left), 10, str)])
    assert [text for epoch in range(14) for text in watch.look(epoch // 7)] == []


def test_a_process_that_leaks_nothing_is_left_alone() -> None:
    watch = ResourceMonitor()
    assert not [text for _ in range(20) for text in watch.look()]


def test_files_that_stay_open_are_told() -> None:
    watch, kept, said = ResourceMonitor(), [], []
    for _ in range(8):
        kept += [open(__file__) for _ in range(6)]  # noqa: SIM115
        said += watch.look()
    for file in kept:
        file.close()
    assert len(said) == 1
    assert said[0].startswith("The number of open files grew from ")
