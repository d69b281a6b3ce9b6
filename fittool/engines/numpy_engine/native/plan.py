"""An execution plan with kernels in the place of operations, and neighbours done in one where a kernel can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fittool.engines.numpy_engine.activations import RELU
from fittool.engines.numpy_engine.lowering import ExecutionPlan, Instruction
from fittool.engines.numpy_engine.native.attention import NativeAttention
from fittool.engines.numpy_engine.native.convolution import NativeConvolution, NativeTransposedConvolution
from fittool.engines.numpy_engine.native.dense import NativeDense
from fittool.engines.numpy_engine.native.depthwise import NativeDepthwise
from fittool.engines.numpy_engine.native.elementwise import NativeActivation, NativeAdd, NativeDropout, NativeScaling
from fittool.engines.numpy_engine.native.embedding import NativeEmbedding
from fittool.engines.numpy_engine.native.layer_normalization import NativeLayerNormalization
from fittool.engines.numpy_engine.native.normalization import NativeBatchNormalization
from fittool.engines.numpy_engine.native.pooling import NativeAveragePooling, NativeGlobalAverage, NativeMaxPooling
from fittool.engines.numpy_engine.native.recurrent import NativeRecurrent
from fittool.engines.numpy_engine.native.standardization import NativeNormalization, NativeStandardization
from fittool.engines.numpy_engine.operations.attention import Attention
from fittool.engines.numpy_engine.operations.base import Operation
from fittool.engines.numpy_engine.operations.convolution import Convolution, DepthwiseConvolution, TransposedConvolution
from fittool.engines.numpy_engine.operations.dense import Dense
from fittool.engines.numpy_engine.operations.elementwise import Activation, Dropout, Scaling
from fittool.engines.numpy_engine.operations.embedding import Embedding
from fittool.engines.numpy_engine.operations.grouped_convolution import GroupedConvolution
from fittool.engines.numpy_engine.operations.merging import Add
from fittool.engines.numpy_engine.operations.normalization import BatchNormalization, LayerNormalization, Normalization
from fittool.engines.numpy_engine.operations.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from fittool.engines.numpy_engine.operations.sequences.gated_recurrent import LongShortTermCell, ResetAfterCell, ResetBeforeCell
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent, SimpleCell
from fittool.engines.numpy_engine.operations.standardization import Standardization
from fittool.kernels.library import Library

_RECTIFIED: dict[type[Operation], Callable[..., Operation]] = {
    Convolution: NativeConvolution,
    GroupedConvolution: NativeConvolution,
    DepthwiseConvolution: NativeDepthwise,
    Dense: NativeDense,
    BatchNormalization: NativeBatchNormalization,
}
"""Operations whose kernel can do a ReLU that follows at once."""
_NATIVE: dict[type[Operation], Callable[..., Operation]] = {
    **_RECTIFIED,
    TransposedConvolution: NativeTransposedConvolution,
    Activation: NativeActivation,
    Scaling: NativeScaling,
    Dropout: NativeDropout,
    Add: NativeAdd,
    Attention: NativeAttention,
    LayerNormalization: NativeLayerNormalization,
    MaxPooling: NativeMaxPooling,
    AveragePooling: NativeAveragePooling,
    GlobalAveragePooling: NativeGlobalAverage,
    Normalization: NativeNormalization,
    Embedding: NativeEmbedding,
    Standardization: NativeStandardization,
    **dict.fromkeys((SimpleCell, LongShortTermCell, ResetAfterCell, ResetBeforeCell), NativeRecurrent),
}


def with_kernels(plan: ExecutionPlan, library: Library) -> ExecutionPlan:
    """The plan with each operation that has a kernel replaced by it."""
    instructions = [
        replace(one, operation=native_operation(one.operation, library)) for one in _fuse(plan, _single_readers(plan), library)
    ]
    used = {plan.values[number].storage for one in instructions for number in (*one.inputs, one.output)}
    used |= {plan.values[number].storage for number in (*plan.inputs, *plan.outputs, *plan.compared())}
    sizes = [size if storage in used else 0 for storage, size in enumerate(plan.sizes)]
    return replace(plan, instructions=instructions, sizes=sizes)


def native_operation(operation: Operation, library: Library) -> Operation:
    """The operation with a kernel, where there is one."""
    make = _NATIVE.get(type(operation))
    return operation if make is None or not _fits(operation) else make(operation, library)


def _fits(operation: Operation) -> bool:
    """Tell whether the kernel can do all that the settings of an operation ask for."""
    match operation:
        case Convolution() | GroupedConvolution() | TransposedConvolution() | MaxPooling() | AveragePooling():
            return len(operation.window.kernel) == 2  # volumes have no kernel
        case DepthwiseConvolution():
            return operation.multiplier == 1
        case Activation():
            return NativeActivation.fits(operation)
        case Scaling():
            return max(operation.scale.ndim, operation.offset.ndim) <= 1
        case Standardization():
            return NativeStandardization.fits(operation)
        case Recurrent():
            return NativeRecurrent.fits(operation)
        case Dropout():
            return 1 not in operation.shape  # decisions that are shared along an axis
    return True


def _fuse(plan: ExecutionPlan, following: dict[int, Instruction], library: Library) -> list[Instruction]:
    """The instructions, with each ReLU, and the addition before it, joined to what alone feeds it."""
    fused: dict[int, Instruction] = {}
    gone: set[int] = set()
    for one in reversed(plan.instructions):
        chain = _chain(one, following)
        if not chain or gone & {other.position for other in chain}:
            continue
        # In the place of the last, where all that is added has been computed.
        fused[chain[-1].position] = _join(one, chain, library)
        gone |= {other.position for other in (one, *chain[:-1])}
    return [fused.get(one.position, one) for one in plan.instructions if one.position not in gone]


def _chain(one: Instruction, following: dict[int, Instruction]) -> list[Instruction]:
    """What can be joined to an instruction: a ReLU, or an addition with a ReLU behind it."""
    if type(one.operation) not in _RECTIFIED or not _fits(one.operation):
        return []
    first = following.get(one.output)
    if first is not None and _is_rectifier(first):
        return [first]
    second = None if first is None else following.get(first.output)
    adds = isinstance(one.operation, BatchNormalization) and first is not None and _adds_two(first)
    return [first, second] if adds and first is not None and second is not None and _is_rectifier(second) else []


def _adds_two(instruction: Instruction) -> bool:
    return type(instruction.operation) is Add and len(set(instruction.inputs)) == 2 == len(instruction.inputs)


def _is_rectifier(instruction: Instruction) -> bool:
    return isinstance(instruction.operation, Activation) and instruction.operation.function is RELU


def _join(one: Instruction, chain: list[Instruction], library: Library) -> Instruction:
    others = tuple(number for number in chain[0].inputs if number != one.output) if len(chain) > 1 else ()
    options: dict[str, Any] = {"adds": True} if others else {}
    operation = _RECTIFIED[type(one.operation)](one.operation, library, rectified=True, **options)
    return replace(one, operation=operation, inputs=(*one.inputs, *others), output=chain[-1].output)


def _single_readers(plan: ExecutionPlan) -> dict[int, Instruction]:
    """For each value that one instruction alone reads, and nobody outside: that instruction."""
    readers: Counter[int] = Counter(plan.roots[number] for one in plan.instructions for number in one.inputs)
    for number in (*plan.outputs, *plan.compared()):
        readers[plan.roots[number]] += 2
    return {number: one for one in plan.instructions for number in one.inputs if readers[plan.roots[number]] == 1}
