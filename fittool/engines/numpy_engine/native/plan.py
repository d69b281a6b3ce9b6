"""An execution plan with kernels in the place of operations, and neighbours done in one where a kernel can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fittool.engines.numpy_engine.activations import RELU
from fittool.engines.numpy_engine.lowering import ExecutionPlan, Instruction
from fittool.engines.numpy_engine.native.convolution import NativeConvolution
from fittool.engines.numpy_engine.native.elementwise import NativeRectifier
from fittool.engines.numpy_engine.operations.base import Operation
from fittool.engines.numpy_engine.operations.convolution import Convolution
from fittool.engines.numpy_engine.operations.elementwise import Activation
from fittool.kernels.library import Library


def with_kernels(plan: ExecutionPlan, library: Library) -> ExecutionPlan:
    """The plan with each operation that has a kernel replaced by it."""
    instructions = _fuse_rectifiers(plan, library)
    instructions = [replace(one, operation=native_operation(one.operation, library)) for one in instructions]
    used = {plan.values[number].storage for one in instructions for number in (*one.inputs, one.output)}
    used |= {plan.values[number].storage for number in (*plan.inputs, *plan.outputs, *plan.compared())}
    sizes = [size if storage in used else 0 for storage, size in enumerate(plan.sizes)]
    return replace(plan, instructions=instructions, sizes=sizes)


def native_operation(operation: Operation, library: Library) -> Operation:
    """The operation with a kernel, where there is one."""
    make = _NATIVE.get(type(operation))
    return operation if make is None or not _fits(operation) else make(operation, library)


def _fits(operation: Operation) -> bool:
    if isinstance(operation, Convolution):
        return len(operation.window.kernel) == 2  # volumes have no kernel
    return not isinstance(operation, Activation) or operation.function is RELU


_NATIVE: dict[type[Operation], Callable[[Any, Library], Operation]] = {
    Convolution: NativeConvolution,
    Activation: NativeRectifier,
}


def _fuse_rectifiers(plan: ExecutionPlan, library: Library) -> list[Instruction]:
    """The instructions, with each ReLU joined to the convolution that alone feeds it."""
    following = _single_readers(plan)
    fused: dict[int, Instruction] = {}
    gone: set[int] = set()
    for one in plan.instructions:
        reader = following.get(one.output)
        if reader is None or not (isinstance(one.operation, Convolution) and _fits(one.operation) and _is_rectifier(reader)):
            continue
        fused[one.position] = replace(one, operation=NativeConvolution(one.operation, library, True), output=reader.output)
        gone.add(reader.position)
    return [fused.get(one.position, one) for one in plan.instructions if one.position not in gone]


def _is_rectifier(instruction: Instruction) -> bool:
    return isinstance(instruction.operation, Activation) and instruction.operation.function is RELU


def _single_readers(plan: ExecutionPlan) -> dict[int, Instruction]:
    """For each value that one instruction alone reads, and nobody outside: that instruction."""
    readers: Counter[int] = Counter(plan.roots[number] for one in plan.instructions for number in one.inputs)
    for number in (*plan.outputs, *plan.compared()):
        readers[plan.roots[number]] += 2
    return {number: one for one in plan.instructions for number in one.inputs if readers[plan.roots[number]] == 1}
