"""The memory that a training takes on a device, counted on a network without numbers: PyTorch's device `meta`.

A forward half there goes through the very calls of a step, and tells the shapes of what they keep for the derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor

from fittool.engines.memory_estimate import MemoryEstimate
from fittool.engines.settings import Torch
from fittool.engines.torch_engine.device import choose_device
from fittool.engines.torch_engine.lowering import lower, whole_number_inputs
from fittool.engines.torch_engine.memory.device_memory import free_memory, memory_text
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.engines.torch_engine.program import Program
from fittool.engines.torch_engine.step import StepContext
from fittool.errors import MachineError
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives, losses_of_logits
from fittool.nn.optimizers import Optimizer
from fittool.nn.random_stream import RandomStream
from fittool.nn.shapes import size_of

_META = torch.device("meta")
_FLOAT = 4
_BATCHES = 2
"""The one at work, and the next one on its way."""


def memory_estimate(
    setting: Torch, graph: Graph, objectives: Objectives, optimizer: Optimizer, batch_size: int, sample_bytes: Sequence[int]
) -> MemoryEstimate:
    """The memory of a training.

    Args:
        setting: Device, precision, and the layers that are computed anew.
        graph: The network.
        objectives: What is asked of each output.
        optimizer: Whose slots are kept.
        batch_size: Samples in a batch.
        sample_bytes: Of all samples that are kept on the device, and of one sample.
    """
    store = ParameterStore(graph, torch.float32, _META, setting.channels_last)
    learnt, fixed = store.trainable.numel() * _FLOAT, store.fixed.numel() * _FLOAT
    half = setting.precision in ("bf16", "float16")
    activations = _activations(setting, graph, objectives, store, batch_size, _FLOAT // 2 if half else _FLOAT)
    device, free, there = _place(setting)
    kept, one = sample_bytes
    return MemoryEstimate(
        device=device,
        weights=learnt + fixed + (learnt // 2 if half else 0),
        gradients=learnt,
        optimizer=learnt * len(optimizer.slots()),
        activations=activations,
        samples=kept + _BATCHES * batch_size * one,
        free=free,
        there=there,
    )


def _place(setting: Torch) -> tuple[str, int | None, str]:
    """The device, what is free there, and how much there is; nothing of one that this machine lacks."""
    try:
        device = choose_device(setting.device)
    except MachineError:
        return setting.device, None, "which is not in this machine"
    return str(device), free_memory(device), memory_text(device)


def _activations(setting: Torch, graph: Graph, objectives: Objectives, store: ParameterStore, batch_size: int, width: int) -> int:
    """Bytes that a step keeps beside weights; `width` is that of a number in a product."""
    try:
        kept, largest = _dry_run(setting, graph, objectives, store, batch_size)
    except (RuntimeError, NotImplementedError, TypeError):  # a module of the user's that looks at numbers
        sizes = [batch_size * size_of(node.output_shape) * _FLOAT for node in graph.nodes]
        kept, largest = sum(sizes), max(sizes, default=0)
    return (kept + largest) * width // _FLOAT  # the derivative of the largest value is there beside it


def _dry_run(setting: Torch, graph: Graph, objectives: Objectives, store: ParameterStore, batch_size: int) -> tuple[int, int]:
    """Bytes of all values that are kept, and of the largest one that a layer gives, kept or not."""
    recomputed = [node.name for node in graph.nodes if any(fnmatch(node.name, one) for one in setting.recompute)]
    program = Program(lower(graph, store, losses_of_logits(graph, objectives)), frozenset(recomputed))
    context, tables = _Dry(), whole_number_inputs(graph)
    dtypes = [torch.int64 if name in tables else torch.float32 for name in graph.inputs]
    inputs = [
        torch.empty((batch_size, *shape), dtype=dtype, device=_META)
        for shape, dtype in zip(graph.inputs.values(), dtypes, strict=True)
    ]
    counted = _Kept(store)
    again: list[int] = []
    largest = max(batch_size * size_of(node.output_shape) * _FLOAT for node in graph.nodes)
    for values, is_recomputed in program.walk(inputs, context, counted.watched):
        if is_recomputed:
            again.append(counted.drop_last(values))
    return counted.bytes + max(again, default=0), largest


class _Dry(StepContext):
    """A training step whose random numbers are nothing but shapes."""

    def __init__(self) -> None:
        super().__init__(_META, 0)
        self.on_host = False
        self.begin(0, training=True)

    def kept(self, stream: RandomStream, rate: float, samples: int, count: int) -> Tensor:
        """(samples, count) bool."""
        return torch.empty((samples, count), dtype=torch.bool, device=_META)

    def normals(self, stream: RandomStream, samples: int, count: int) -> Tensor:
        """(samples, count) float32."""
        return torch.empty((samples, count), device=_META)


class _Kept:
    """The values that are kept for the derivative: each memory once, and no weights."""

    def __init__(self, store: ParameterStore) -> None:
        self._weights = {flat.untyped_storage()._cdata for flat in (store.trainable, store.fixed)}
        self._sizes: dict[int, int] = {}
        self._kept: list[Tensor] = []  # held, so that no other value takes its memory's place
        self._last: set[int] = set()

    @property
    def bytes(self) -> int:
        """Of all of them together."""
        return sum(self._sizes.values())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A context in which calls are watched: those of one segment of the network."""
        before = set(self._sizes)
        with torch.autograd.graph.saved_tensors_hooks(self.add, lambda tensor: tensor):
            yield
        self._last = set(self._sizes) - before

    def add(self, tensor: Tensor) -> Tensor:
        """Count a value."""
        storage: Any = tensor.untyped_storage()
        if storage._cdata not in self._weights:
            self._kept.append(tensor)
            self._sizes[storage._cdata] = storage.nbytes()
        return tensor

    def drop_last(self, values: Sequence[Tensor]) -> int:
        """Take back what the last segment kept, but for these values that it goes on with; gives the bytes."""
        dropped = sum(self._sizes.pop(memory) for memory in self._last)
        for tensor in values:
            self.add(tensor)
        return dropped
