"""Phases whose calls are timed, for a profile; the calls themselves, their order and their numbers are the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Phase, SlicePhase
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.engines.step_profile import StepProfile

METRICS, INPUTS = "metrics", "inputs"
"""What stands for a half where the calls are of no layer."""


def timed(phases: Iterable[Phase], profile: StepProfile | None, layer: str, half: str) -> Iterator[Phase]:
    """The phases, each call of which adds its seconds to the profile; as they are where there is none."""
    if profile is None:
        yield from phases
        return
    for phase in phases:
        if isinstance(phase, SlicePhase):
            yield SlicePhase(partial(_timed_slice, phase.tasks, profile, layer, half))
        else:
            yield BatchPhase([[_timed(task, profile.cell(layer, half)) for task in chain] for chain in phase.chains])


def _timed_slice(
    tasks: Callable[[BatchSlice], Iterable[Task]], profile: StepProfile, layer: str, half: str, part: BatchSlice
) -> Iterable[Task]:
    return [_timed(task, profile.cell(layer, half)) for task in tasks(part)]


def _timed(task: Task, cell: list[float]) -> Task:
    def run() -> object:
        start = time.perf_counter()
        try:
            return task()
        finally:
            cell[0] += time.perf_counter() - start

    return run


def share_out(profile: StepProfile, seconds: float) -> None:
    """Divide the seconds of the programs among the parts of a step, as their calls took the time of all threads.

    The halves run fused, slice by slice, and on several threads at once, so that no clock on the wall can tell them apart.
    """
    spent = {half: profile.total(half) for half in (INPUTS, "forward", METRICS, "backward")}
    whole = sum(spent.values())
    if whole > 0:
        profile.parts["inputs"] = seconds * spent[INPUTS] / whole
        profile.parts["forward"] = seconds * spent["forward"] / whole
        profile.parts["metrics"] = seconds * spent[METRICS] / whole
        profile.parts["backward"] = seconds * spent["backward"] / whole
