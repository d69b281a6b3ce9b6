"""An operation that a kernel carries out, in the place of the one that NumPy would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext
from fittool.kernels.library import Library
from fittool.kernels.tasks import NativeTask

Plain = TypeVar("Plain", bound=Operation)


class NativeOperation(Operation, Generic[Plain]):
    """Stands in for an operation, with what others ask of it.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
    """

    def __init__(self, plain: Plain, library: Library) -> None:
        self.plain, self.library = plain, library
        self.needs_output, self.reads_integers = plain.needs_output, plain.reads_integers
        self.flops_per_sample, self.grouped_gradients = plain.flops_per_sample, plain.grouped_gradients

    def _task(self, context: OperationContext, part: BatchSlice, name: str, **arguments: Any) -> NativeTask:
        """A call of a kernel whose scratch is that of the thread which runs the slice."""
        return self.library.task(name, scratch_of(context, part.thread), **arguments)


def scratch_of(context: OperationContext, thread: int) -> Callable[[int], Floats]:
    """What gives (n,) of memory that is dead after each call."""
    return lambda size: context.scratch.array(thread, "kernels", (size,))
