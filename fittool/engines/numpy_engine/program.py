"""A step as a fixed list of calls: the batch is cut into slices, and every view is made before the first step.

How a batch is cut depends on the network and the batch size alone, never on the number of threads, so any number of them
computes the same sums in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.engines.numpy_engine.buffers import Buffers
from fittool.engines.numpy_engine.lowering import ExecutionPlan, GradientSlots, Instruction
from fittool.engines.numpy_engine.operations.base import (
    EVEN_ROWS,
    BatchPhase,
    BatchSlice,
    OperationContext,
    Phase,
    Scratch,
    SlicePhase,
    StepInputs,
)
from fittool.engines.numpy_engine.operations.timed_phases import INPUTS, METRICS, timed
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain, ThreadPool
from fittool.engines.step_profile import StepProfile
from fittool.kernels.tasks import NativeTask, join_tasks

Floats = NDArray[Any]
UpdateMetrics = Callable[[list[Floats], dict[int, Floats], list[Floats | None]], object]

_GROUPS = 8
"""The most groups that a batch is cut into. A constant, not the number of threads: each group sums its own share of a gradient,
and float sums depend on how they are grouped, so the weights would depend on the machine."""
_WORTH_CUTTING = 30_000_000
"""Below this many floating-point operations a batch stays in one group; threads would cost more than they bring."""
_SLICE_ELEMENTS = 64 * 1024
"""A slice's largest value has about this many elements: a quarter of a megabyte, so that it, its gradient and the scratch of an
operation stay in a core's cache from one phase to the next."""
PREDICTED_TOGETHER = 32
"""The most samples that are predicted at a time: memory is that of so many, however many are asked for."""


def cut(batch: int, largest: int, flops: int, threads: int) -> list[BatchSlice]:
    """The slices of a batch.

    Args:
        batch: Samples.
        largest: Elements of the largest value, for one sample.
        flops: Floating-point operations of the forward half, for one sample.
        threads: Only says which thread runs which group, not where the cuts are.
    """
    # No slice crosses the bounds of a group, so a group is whole slices and one thread, and nothing has to be locked.
    groups = min(_GROUPS, batch) if flops * batch > _WORTH_CUTTING else 1
    bounds = [batch * group // groups for group in range(groups + 1)]
    size = max(1, _SLICE_ELEMENTS // max(1, largest))
    parts: list[BatchSlice] = []
    for group, (low, high) in enumerate(pairwise(bounds)):
        for start in range(low, high, size):
            parts.append(BatchSlice(len(parts), start, min(start + size, high), group, start == low, group % threads))
    return parts


@dataclass
class Workspace:
    """The memory that all programs of an engine share."""

    plan: ExecutionPlan
    slots: GradientSlots
    store: ParameterStore
    buffers: Buffers
    scratch: Scratch
    step_inputs: StepInputs
    pool: ThreadPool
    _partials: dict[str, Floats] = field(default_factory=dict)

    def partials(self, name: str, groups: int, size: int) -> Floats:
        """(groups, size): a share of one gradient for each group of samples."""
        # For as many groups as there can be, so that the programs of all batch sizes share it.
        if name not in self._partials:
            self._partials[name] = np.zeros((_GROUPS, size), self.buffers.dtype)
        return self._partials[name][:groups]


class Program:
    """The calls of one kind of step at one batch size.

    Predictions are `even`: BLAS sums in another order for another number of rows, so a sample would get other digits alone than
    in company. All their products are of eight rows, or of one sample's own, whatever the batch (`row_product`); where there are
    no eight samples, the rows of others that were there before stand in.

    Args:
        batch: Samples, N.
        even: Whether a sample's outputs must not depend on the others.
        training: Whether dropout and batch normalisation are in their training form.
        update_metrics: Called between the two halves with the network's outputs, the logits behind some of them by the
            outputs' numbers, and, if `backward`, the arrays for the gradients of what the losses are computed from, each (N, …).
        backward: Whether gradients are computed.
        profile: Learns how long the calls take; None: they are not timed.
    """

    def __init__(
        self,
        workspace: Workspace,
        batch: int,
        *,
        training: bool,
        update_metrics: UpdateMetrics | None,
        backward: bool,
        even: bool = False,
        profile: StepProfile | None = None,
    ) -> None:
        self._workspace, self._training, self._backward = workspace, training, backward
        self._profile = profile
        self._batch = -(-batch // EVEN_ROWS) * EVEN_ROWS if even else batch
        plan = workspace.plan
        flops = sum(instruction.operation.flops_per_sample for instruction in plan.instructions)
        self._parts = [replace(part, even=even) for part in cut(batch, max(plan.sizes), flops, workspace.pool.threads)]
        self._contexts = {instruction.position: self._context(instruction) for instruction in plan.instructions}
        self.outputs = [workspace.buffers.output(plan.values[number], batch) for number in plan.outputs]
        self._stages = list(_stages(self._phases(update_metrics), self._parts))

    def run(self) -> None:
        """Make all calls; the step_inputs holds the batch."""
        run = self._workspace.pool.run
        for chains in self._stages:
            run(chains)

    def _context(self, instruction: Instruction) -> OperationContext:
        space, values = self._workspace, self._workspace.plan.values
        output = values[instruction.output]
        return OperationContext(
            name=instruction.name,
            owner=space.plan.owners.get(instruction.name, instruction.name),
            position=instruction.position,
            x=[space.buffers.output(values[number], self._batch) for number in instruction.inputs],
            y=space.buffers.output(output, self._batch),
            dx=[self._gradient(number) for number in instruction.inputs],
            dy=self._gradient(instruction.output),
            parts=self._parts,
            training=self._training,
            step_inputs=space.step_inputs,
            store=space.store,
            scratch=space.scratch,
            partials=space.partials,
            extra=lambda name, shape, dtype: space.buffers.extra(f"{instruction.position} {name}", self._batch, shape, dtype),
        )

    def _gradient(self, number: int) -> Floats | None:
        """The array for the gradient of a value; None where nobody asks for it."""
        space = self._workspace
        value = space.plan.values[number]
        slot = space.slots.of_storage.get(value.storage)
        if not (self._backward and value.needs_gradient) or slot is None:
            return None
        return space.buffers.gradient(slot, self._batch, value.shape)

    def _phases(self, update_metrics: UpdateMetrics | None) -> Iterator[Phase]:
        plan = self._workspace.plan
        # Kernels are turned round once and first, as weights do not change within a step; the losses come after the last forward
        # phase, as they write the gradients that the backward half begins with.
        profile, contexts = self._profile, self._contexts
        yield from timed([SlicePhase(self._take_inputs)], profile, "", INPUTS)
        if self._backward:
            for one in plan.instructions:
                yield from timed(one.operation.prepare(contexts[one.position]), profile, one.name, "backward")
        for one in plan.instructions:
            yield from timed(one.operation.forward(contexts[one.position]), profile, one.name, "forward")
        if update_metrics is not None:
            logits = {
                output: self._workspace.buffers.output(plan.values[number], self._batch) for output, number in plan.logits.items()
            }
            gradients = [self._gradient(number) for number in plan.compared()]
            yield from timed([BatchPhase([[partial(update_metrics, self.outputs, logits, gradients)]])], profile, "", METRICS)
        if self._backward:
            yield from self._backward_phases()

    def _take_inputs(self, part: BatchSlice) -> Iterable[Task]:
        """Copy a slice of the batch into the network's own arrays; this is where uint8 becomes float."""
        step_inputs = self._workspace.step_inputs
        plan = self._workspace.plan
        for index, number in enumerate(plan.inputs):
            target = self._workspace.buffers.output(plan.values[number], self._batch)[part.start : part.stop]
            yield partial(_take, step_inputs, index, part.start, part.stop, target)

    def _backward_phases(self) -> Iterator[Phase]:
        """The operations from last to first, each with what it adds to gradients that others began."""
        space = self._workspace
        for step in space.plan.backward_steps():
            context = self._contexts[step.instruction.position]
            if step.instruction.position in space.slots.meetings:
                yield BatchPhase([[]])
            adding: list[tuple[Floats, Floats]] = []
            for index in sorted(step.adding):
                target = context.dx[index]
                assert target is not None
                slot = space.slots.of_share[step.instruction.position, index]
                share = space.buffers.gradient(slot, self._batch, target.shape[1:])
                context.dx[index] = share
                adding.append((target, share))
            name = step.instruction.name
            yield from timed(step.instruction.operation.backward(context), self._profile, name, "backward")
            if adding:
                yield from timed([SlicePhase(partial(_add_shares, adding))], self._profile, name, "backward")
        for use, owner in space.plan.owners.items():
            yield BatchPhase([[partial(space.store.add_use, use, owner)]])


def _take(step_inputs: StepInputs, index: int, start: int, stop: int, target: Floats) -> None:
    source: Array = step_inputs.inputs[index]
    np.copyto(target, source[start:stop].reshape(target.shape), casting="unsafe")


def _add_shares(adding: Sequence[tuple[Floats, Floats]], part: BatchSlice) -> Iterable[Task]:
    for target, share in adding:
        whole = target[part.start : part.stop]
        yield partial(np.add, whole, share[part.start : part.stop], whole)


def _stages(phases: Iterable[Phase], parts: list[BatchSlice]) -> Iterator[list[TaskChain]]:
    """Phases as lists of chains: neighbours that go slice by slice are fused, and so are neighbours with one chain."""
    # Each stage ends with a meeting of all threads. A phase with one chain runs on the caller's thread alone, so the next such
    # phase needs no meeting before it: both become one chain.
    pending: list[TaskChain] = []
    for chains in _chains(phases, parts):
        if len(chains) == 1 and len(pending) == 1:
            pending = [[*pending[0], *chains[0]]]
            continue
        if pending:
            yield [list(_join_kernels(one)) for one in pending]
        pending = chains
    if pending:
        yield [list(_join_kernels(one)) for one in pending]


def _join_kernels(tasks: TaskChain) -> Iterator[Task]:
    """The tasks, with neighbours that are kernels' calls as one call, in which Python takes no part."""
    for native, group in groupby(tasks, key=lambda task: isinstance(task, NativeTask)):
        if native:
            yield join_tasks(cast("list[NativeTask]", list(group)))
        else:
            yield from group


def _chains(phases: Iterable[Phase], parts: list[BatchSlice]) -> Iterator[list[TaskChain]]:
    run: list[SlicePhase] = []
    for phase in phases:
        if isinstance(phase, SlicePhase):
            run.append(phase)
            continue
        if run:
            yield _fuse(run, parts)
            run = []
        yield phase.chains
    if run:
        yield _fuse(run, parts)


def _fuse(run: list[SlicePhase], parts: list[BatchSlice]) -> list[TaskChain]:
    """One chain a group: each slice goes through all phases before the next slice begins."""
    # Phase by phase, every phase would fetch the whole batch from main memory anew; slice by slice, an activation finds what the
    # convolution before it wrote in the cache. No slice reads another's samples, so nobody has to wait.
    chains: list[list[Task]] = [[] for _ in range(parts[-1].group + 1)]
    for part in parts:
        for phase in run:
            chains[part.group].extend(phase.tasks(part))
    return list(chains)
