"""An operation on each step of sequences: all steps of all samples become the samples of one batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from fittool.engines.numpy_engine.operations.base import (
    BatchSlice,
    Floats,
    Operation,
    OperationContext,
    Phase,
    SlicePhase,
)
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.nn.shapes import Shape


class PerStep(Operation):
    """An operation on (N · T, …) for inputs and outputs (N, T, …).

    Args:
        operation: Takes single steps.
        steps: T.
    """

    def __init__(self, operation: Operation, steps: int) -> None:
        self.operation, self.steps = operation, steps
        self.in_place, self.needs_output = operation.in_place, operation.needs_output
        self.reads_integers = operation.reads_integers
        self.flops_per_sample = operation.flops_per_sample * steps

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """That of the operation."""
        return self._unfold(self.operation.prepare(self._fold(context)))

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The phases that compute y from x."""
        return self._unfold(self.operation.forward(self._fold(context)))

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The phases that compute dx and the weights' gradients from dy."""
        return self._unfold(self.operation.backward(self._fold(context)))

    def _fold(self, context: OperationContext) -> OperationContext:
        """The same memory with the steps as samples."""

        def extra(name: str, shape: Shape, dtype: Any) -> Floats:
            return self._as_samples(context.extra(name, (self.steps, *shape), dtype))

        return replace(
            context,
            x=[self._as_samples(x) for x in context.x],
            y=self._as_samples(context.y),
            dx=[None if dx is None else self._as_samples(dx) for dx in context.dx],
            dy=None if context.dy is None else self._as_samples(context.dy),
            parts=[self._part(part) for part in context.parts],
            extra=extra,
        )

    def _as_samples(self, array: Floats) -> Floats:
        return array.reshape(len(array) * self.steps, *array.shape[2:])

    def _part(self, part: BatchSlice) -> BatchSlice:
        return replace(part, start=part.start * self.steps, stop=part.stop * self.steps)

    def _unfold(self, phases: Iterable[Phase]) -> Iterator[Phase]:
        for phase in phases:
            yield SlicePhase(partial(self._tasks, phase)) if isinstance(phase, SlicePhase) else phase

    def _tasks(self, phase: SlicePhase, part: BatchSlice) -> Iterable[Task]:
        return phase.tasks(self._part(part))
