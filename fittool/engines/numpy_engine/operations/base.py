"""Operations, which list, once for each batch size, the NumPy calls of their forward and their backward half.

A `Phase` is a set of calls between two points where all samples must have arrived. Most operations work slice by slice
(`SlicePhase`), so that neighbours are fused and a slice stays in the cache; the others see the whole batch (`BatchPhase`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain
from fittool.kernels import arithmetic
from fittool.nn.random_stream import RandomStream
from fittool.nn.shapes import Shape

Floats = NDArray[Any]
SCRATCH_FLOOR = 320 * 1024
"""Scratch arrays have at least this many elements (1.25 MB of float32). Views are handed out once, while the program is made: an
array that grew would leave the earlier operations on the old one, and the cache would hold two arrays where one does."""


@dataclass(frozen=True)
class BatchSlice:
    """Some neighbouring samples of a batch: what one thread has in its cache at a time.

    Attributes:
        index: Counts the slices of the batch.
        start, stop: The samples.
        group: Which of the batch's fixed groups the slice lies in; one thread runs a group, one gradient sums it.
        first: Whether it is the first slice of its group, which overwrites the group's gradient instead of adding.
        thread: The thread that runs the group.
        even: Whether a sample's numbers may depend on itself alone, and not on its place among others; see `row_product`.
    """

    index: int
    start: int
    stop: int
    group: int
    first: bool
    thread: int
    even: bool = False

    @property
    def size(self) -> int:
        """The number of samples."""
        return self.stop - self.start


@dataclass(frozen=True)
class SlicePhase:
    """Calls for each slice on its own; neighbouring phases of this kind run without a meeting in between."""

    tasks: Callable[[BatchSlice], Iterable[Task]]


@dataclass(frozen=True)
class BatchPhase:
    """Calls that need all samples; chains are independent of each other and are shared out among the threads."""

    chains: list[TaskChain]


Phase = SlicePhase | BatchPhase


class StepInputs:
    """The part of a step that changes from step to step: the batch, and the number of the step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.iteration = 0
        self.first_sample = 0  # of the inputs, in what the caller calls a batch
        self.inputs: tuple[Array, ...] = ()
        self.targets: tuple[Array, ...] = ()
        self.sample_weight: Array | None = None

    def key(self, stream: RandomStream) -> int:
        """The key of this step's random numbers of a stream."""
        return stream.key(self.seed, self.iteration)


class Scratch:
    """Memory that is dead after each call list: one array for each thread and use, shared by all operations."""

    def __init__(self, dtype: type[np.floating[Any]]) -> None:
        self.dtype = dtype
        self._arrays: dict[tuple[int, str, Any], Floats] = {}

    def array(self, thread: int, use: str, shape: Shape, dtype: Any = None) -> Floats:
        """An array of the given shape, (*shape); its content is whatever the last user left."""
        size, kind = math.prod(shape), np.dtype(self.dtype if dtype is None else dtype)
        held = self._arrays.get((thread, use, kind))
        if held is None or held.size < size:
            held = self._arrays[thread, use, kind] = np.empty(max(size, SCRATCH_FLOOR), kind)
        return held[:size].reshape(shape)

    def border(self, thread: int, owner: str, shape: Shape) -> Floats:
        """An array (*shape) that one operation keeps for itself and that starts as zeros, so that a border stays zero."""
        size = math.prod(shape)
        held = self._arrays.get((thread, owner, "zeros"))
        if held is None or held.size < size:
            held = self._arrays[thread, owner, "zeros"] = np.zeros(size, self.dtype)
        return held[:size].reshape(shape)


@dataclass
class OperationContext:
    """One operation at one batch size: the arrays it reads and writes, all made before the first step.

    Attributes:
        name: The layer that it belongs to.
        owner: The layer whose weights it uses: itself, or one that it shares them with.
        position: Counts the operations; names what each keeps, and nothing that a result depends on.
        x, y: Inputs and output, (N, …).
        dx, dy: Their gradients; dx holds None for inputs that need none. All None in programs that only predict.
        parts: The slices of the batch.
        training: Whether dropout drops and batch normalisation uses the batch's own statistics.
    """

    name: str
    owner: str
    position: int
    x: list[Floats]
    y: Floats
    dx: list[Floats | None]
    dy: Floats | None
    parts: list[BatchSlice]
    training: bool
    step_inputs: StepInputs
    store: ParameterStore
    scratch: Scratch
    partials: Callable[[str, int, int], Floats]
    extra: Callable[[str, Shape, Any], Floats]

    @property
    def batch(self) -> int:
        """The number of samples, N."""
        return len(self.y)

    @property
    def even(self) -> bool:
        """True where each sample's numbers must not depend on the others."""
        return self.parts[0].even

    def names(self, *parameters: str) -> tuple[str, ...]:
        """The full names of the parameters that this layer uses."""
        return tuple(f"{self.owner}/{parameter}" for parameter in parameters)

    def weights(self, *parameters: str, shape: Shape | None = None) -> Floats:
        """A view on one parameter of this layer, in its shape, or on neighbours as one array of the given shape, (*shape)."""
        return self.store.weights(*self.names(*parameters), shape=shape)

    def gradient(self, *parameters: str, shape: Shape | None = None) -> Floats:
        """A view on the gradient of one parameter of this layer, or of neighbours, of the same shape as `weights`, (*shape)."""
        use = None if self.owner == self.name else self.name
        return self.store.gradient(*self.names(*parameters), shape=shape, use=use)

    def groups(self) -> int:
        """The number of groups in the batch."""
        return self.parts[-1].group + 1

    def group_gradient(self, part: BatchSlice, *parameters: str, shape: Shape | None = None) -> Floats:
        """The array in which a group of samples sums its share of a gradient, (*shape); the shares are added by `add_groups`."""
        whole = self.gradient(*parameters, shape=shape)
        if self.groups() == 1:
            return whole  # the only share is the sum
        shares = self.partials("+".join(self.names(*parameters)), self.groups(), whole.size)
        share: Floats = shares[part.group].reshape(whole.shape)
        return share

    def add_groups(self, *parameters: str) -> Iterator[Phase]:
        """The phase in which the shares of all groups, (groups, size), are summed, always in the same order."""
        if self.groups() > 1:
            whole = self.gradient(*parameters, shape=(-1,))
            shares = self.partials("+".join(self.names(*parameters)), self.groups(), whole.size)
            yield BatchPhase([[partial(arithmetic.add_shares, shares, whole)]])


class Operation:
    """One primitive of the engine. Subclasses override the slice methods, or whole halves where samples must meet."""

    in_place: bool = False
    """The output may overwrite the input and the gradients likewise."""
    overwrites: int = 1
    """How many of the first inputs there are of which the output may overwrite one."""
    needs_output: bool = False
    """The backward half reads the output, so nobody may overwrite it."""
    is_view: bool = False
    """The output is the input's memory in another shape."""
    reads_integers: bool = False
    """The input holds whole numbers such as indices; a network input that nothing else reads is kept in float64."""
    flops_per_sample: int = 0
    grouped_gradients: tuple[tuple[str, ...], ...] = ()
    """The weights whose gradients each group of samples sums for itself, neighbours in the flat weights together."""

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Work on weights alone, done at the start of each step."""
        return ()

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The phases that compute y from x."""
        yield SlicePhase(partial(self._forward_slice, context))

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The phases that compute dx and the weights' gradients from dy: slice by slice, then the groups' shares are added."""
        yield SlicePhase(partial(self._backward_slice, context))
        for parameters in self.grouped_gradients:
            yield from context.add_groups(*parameters)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        return ()

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        return ()


Steps = list[tuple[Operation, Shape]]
"""Operations one after the other, each with the shape of its output."""


@dataclass(frozen=True)
class Branch:
    """Operations of a layer that go their own way until they meet others.

    Attributes:
        steps: The operations.
        inputs: The numbers of the layer's inputs that the first of them reads.
    """

    steps: Steps
    inputs: tuple[int, ...] = (0,)


def rows(array: Floats, part: BatchSlice) -> Floats:
    """The samples of a slice of (N, …, channels), as (samples · positions, channels)."""
    return array[part.start : part.stop].reshape(-1, array.shape[-1])


def ones(count: int, dtype: Any) -> Floats:
    """A row of ones, (1, count): multiplied from the left it sums rows, several times faster than `sum(axis=0)`."""
    return np.ones((1, count), dtype)


EVEN_ROWS = 8
"""Rows of a product in which BLAS treats all alike; where they are more, some are summed in another order than others. Found by
trying all of OpenBLAS's kernels for x86-64, and held by a test on the machine it runs on."""


def row_product(left: Floats, right: Floats, out: Floats, *, even: bool, together: int = EVEN_ROWS) -> Task:
    """The call that puts the product of rows (m, k) and a matrix (k, n) into `out`, (m, n).

    Args:
        left: The rows.
        right: The matrix.
        out: Takes the product.
        even: Whether a row's result must be the same to the bit wherever it stands.
        together: How many rows are one product then, a part of m: all rows of one sample, or those that BLAS treats alike.
    """
    if not even:
        return partial(arithmetic.matmul, left, right, out)
    rows = 1 if together == EVEN_ROWS and right.shape[1] == 1 else together  # a single column is no product to BLAS, but dots
    return partial(arithmetic.matmul, left.reshape(-1, rows, left.shape[1]), right, out.reshape(-1, rows, out.shape[1]))


def product_into(left: Floats, right: Floats, out: Floats) -> Task:
    """The call that puts the matrix product of (m, k) and (k, n) into `out`, (m, n)."""
    return partial(arithmetic.matmul, left, right, out)


def sum_into(array: Floats, axes: tuple[int, ...], out: Floats) -> Task:
    """The call that puts the sum of (n, …) along some axes into `out`, whose shape is that of the other axes."""
    return partial(arithmetic.sum, array, axes, None, out)


def accumulate(target: Floats, make: Callable[[Floats], Task], first: bool, scratch: Floats) -> list[Task]:
    """Calls that put a result into `target`, (…), or add it there through `scratch`, (…) too, unless it is the first."""
    return [make(target)] if first else [make(scratch), partial(np.add, target, scratch, target)]
