"""The forward half of a step: the calls of a plan, one after the other; the derivative is PyTorch's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from fittool.engines.torch_engine.lowering import ExecutionPlan, Instruction
from fittool.engines.torch_engine.step import StepContext
from fittool.engines.torch_engine.step_timer import StepTimer
from fittool.errors import MachineError

MakeCall = Callable[[Instruction, list[Tensor], StepContext], Tensor]
Run = Callable[[Sequence[Tensor], StepContext], tuple[list[Tensor | None], dict[int, Tensor]]]
"""The forward half: from inputs and context to outputs, and the logits by output."""


class Program:
    """A plan, ready to be run.

    Args:
        plan: The calls.
        recomputed: The layers whose values are not kept for the derivative, but computed once more when it needs them.

    Attributes:
        timer: Times the calls, of which none is then computed anew; None where nobody asked for it.
    """

    def __init__(self, plan: ExecutionPlan, recomputed: frozenset[str] = frozenset()) -> None:
        self._plan = plan
        self.timer: StepTimer | None = None
        groups = groupby(plan.instructions, key=lambda entry: entry.name in recomputed)
        self._segments = [(again, part) for again, entries in groups for part in _parts(list(entries), again)]

    def run(self, inputs: Sequence[Tensor], context: StepContext) -> tuple[list[Tensor | None], dict[int, Tensor]]:
        """The network's outputs for inputs (N, …), None for those that `squash` makes of logits; and the logits by output."""
        plan = self._plan
        values: list[Any] = [*inputs, *[None] * (plan.count - len(inputs))]
        for again, entries in self._segments:
            if self.timer is not None:
                _run(entries, values, context, self.timer.call)
            elif again and context.training:
                _run_recomputed(entries, values, context)
            else:
                _run(entries, values, context)
        outputs = [None if number is None else values[number] for number in plan.outputs]
        return outputs, {output: values[number] for output, number in plan.logits.items()}

    def walk(
        self, inputs: Sequence[Tensor], context: StepContext, watched: Callable[[], AbstractContextManager[None]]
    ) -> Iterator[tuple[list[Tensor], bool]]:
        """Run segment by segment, each in a context of `watched`, and keep all values as a segment that is not recomputed does.

        Gives for each segment the values that it reads from outside or leaves, and whether it would be recomputed.
        """
        values: list[Any] = [*inputs, *[None] * (self._plan.count - len(inputs))]
        for again, entries in self._segments:
            read = [values[number] for number in sorted({number for entry in entries for number in entry.inputs})]
            with watched():
                _run(entries, values, context)
            left = [values[entry.output] for entry in entries]
            yield [value for value in (*read, *left) if value is not None], again

    def squash(self, outputs: Sequence[Tensor | None], logits: dict[int, Tensor]) -> list[Tensor]:
        """The outputs, those made of logits among them, each (N, …)."""
        squash = self._plan.squash
        return [squash[number](logits[number]) if held is None else held for number, held in enumerate(outputs)]


def _parts(entries: list[Instruction], again: bool) -> list[list[Instruction]]:
    """The calls between which values are kept: of n that are computed anew, about √n together (Chen et al. 2016).

    All of them as one would need, while their values are computed for the gradient, as much memory as if all were kept.
    """
    size = max(round(math.sqrt(len(entries))), 1) if again else len(entries)
    return [entries[start : start + size] for start in range(0, len(entries), size)]


def _plainly(entry: Instruction, inputs: list[Tensor], context: StepContext) -> Tensor:
    return entry.call(inputs, context)


def _run(entries: list[Instruction], values: list[Any], context: StepContext, make: MakeCall = _plainly) -> None:
    for entry in entries:
        values[entry.output] = make(entry, [values[number] for number in entry.inputs], context)
        for number in entry.last_reader_of:
            values[number] = None


def _run_recomputed(entries: list[Instruction], values: list[Any], context: StepContext) -> None:
    """Run a segment so that only what it reads from outside, and what others read of it, is kept."""
    from torch.utils.checkpoint import checkpoint

    inside = {entry.output for entry in entries}
    read = sorted({number for entry in entries for number in entry.inputs} - inside)
    gone = {number for entry in entries for number in entry.last_reader_of}
    left = sorted(inside - gone)

    def segment(*given: Tensor) -> tuple[Tensor, ...]:
        held: list[Any] = [None] * len(values)
        for number, value in zip(read, given, strict=True):
            held[number] = value
        _run(entries, held, context)
        return tuple(held[number] for number in left)

    found = checkpoint(segment, *[values[number] for number in read], use_reentrant=False, preserve_rng_state=False)
    for number, value in zip(left, found, strict=True):
        values[number] = value
    for number in gone - inside:
        values[number] = None


def compile_run(run: Run, *, graphs: bool) -> Run:
    """The forward half, compiled at its first call, and once more for each other number of samples.

    Args:
        run: It.
        graphs: Whether calls on a graphics card are recorded and replayed.

    Returns:
        A function that raises MachineError where the compiler fails, as it does without a C++ compiler.
    """
    # Sizes are constants: with a size that varies, the compiler fails over the strides of convolutions.
    call = torch.compile(run, dynamic=False, mode="reduce-overhead" if graphs else "default")

    def run_compiled(inputs: Sequence[Tensor], context: StepContext) -> tuple[list[Tensor | None], dict[int, Tensor]]:
        try:
            return call(inputs, context)
        except RuntimeError as error:
            if not _is_of_compiler(error):
                raise
            option = "cuda_graphs" if graphs else "compile"
            raise MachineError(
                f"engine.torch.{option}: PyTorch's compiler cannot compile the network: {_first_line(error)}. It needs a C++ "
                f"compiler such as g++, and libraries that go together. Install what is missing, or set {option}: false."
            ) from error

    return run_compiled


def _is_of_compiler(error: RuntimeError) -> bool:
    from torch._dynamo.exc import TorchDynamoException  # here, as it imports the compiler, which takes seconds

    return isinstance(error, TorchDynamoException)


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
