"""Where a network computes, and in which precision; how batches come there, and how flags come back without a wait."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.data.batch import Batch
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.engines.torch_engine.memory.kept_memory import give_freed_memory_back, keep_freed_memory
from fittool.errors import MachineError

_HALF = {"bf16": torch.bfloat16, "float16": torch.float16}
FIRST_SCALE = 2.0**16
_GROWTH, _BACKOFF, _GROWS_AFTER = 2.0, 0.5, 2000
_PENDING = 256
"""Losses that may be on their way from a device at a time."""


@dataclass(frozen=True)
class DeviceBatch(Batch):
    """A batch whose arrays are tensors on a device, or on their way there.

    Attributes:
        arrived: Tells when they are there; None where they are.
    """

    arrived: Any = None


class Transfer:
    """A way to a device.

    Attributes:
        event: Tells when everything that was brought, and done with it, is there; None where nobody has to wait.
    """

    def __init__(self, device: torch.device) -> None:
        self.event: Any = None
        self._device = device

    def of(self, array: NDArray[Any]) -> Tensor:
        """An array (*shape) on the device, or on its way there."""
        tensor = host_tensor(array)
        if self._device.type == "cpu":
            return tensor
        if self._device.type != "cuda":
            return tensor.to(self._device)
        # From pinned memory the card fetches by itself, while it computes.
        return tensor.pin_memory().to(self._device, non_blocking=True)


def choose_device(name: str) -> torch.device:
    """The device of a setting; `auto` is the first graphics card of CUDA's, where there is one, else the processor.

    Raises:
        MachineError: PyTorch does not see such a device; the text says what it sees.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    there = {"cpu": True, "cuda": (device.index or 0) < count, "mps": torch.backends.mps.is_available()}
    if not there[device.type]:
        raise MachineError(
            f"engine.torch.device is {name}, but PyTorch {torch.__version__} sees {devices_text()}. Use device: auto or cpu, or "
            "install a PyTorch for this machine's graphics card (https://pytorch.org/get-started/locally)."
        )
    return device


def version() -> str:
    """PyTorch's version."""
    return str(torch.__version__)


def devices_text() -> str:
    """The devices that PyTorch sees, for messages."""
    cards = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        cards.append("Apple's graphics card (mps)")
    return ", ".join(cards) or "no graphics card"


class Placement:
    """A device and a precision.

    Args:
        device: Where the network computes.
        precision: `float32`, `tf32` (float32 with products of 19 bits), `bf16` or `float16` (products in half precision).
        deterministic: Whether only algorithms are used that give the same bits each time.

    Attributes:
        is_host: Whether the network computes in the memory that NumPy uses too.
    """

    def __init__(self, device: torch.device, precision: str = "float32", deterministic: bool = False) -> None:
        self.device, self.precision = device, precision
        self.is_host = device.type == "cpu"
        self._restores = deterministic and not torch.are_deterministic_algorithms_enabled()
        if deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first product is computed
            torch.use_deterministic_algorithms(True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time, and nothing reads such memory here
        self._keeps_memory = self.is_host and keep_freed_memory()
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
            torch.backends.cudnn.allow_tf32 = precision == "tf32"
            torch.backends.cudnn.benchmark = not deterministic

    def close(self) -> None:
        """Give back the device's memory, and the choice of algorithms."""
        if self._restores:  # else not even asked for: the call imports PyTorch's compiler, which takes seconds
            torch.use_deterministic_algorithms(False)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self._keeps_memory:
            give_freed_memory_back()

    def precise(self) -> AbstractContextManager[Any]:
        """A context in which products are computed in the precision that was asked for."""
        half = _HALF.get(self.precision)
        return nullcontext() if half is None else torch.autocast(self.device.type, half)

    def settle(self) -> None:
        """Wait until everything so far is done, so that batches which are made beside the steps find it there."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @contextmanager
    def transfer(self) -> Iterator[Transfer]:
        """A context in which arrays are brought to the device, and worked on there, beside what it computes."""
        transfer = Transfer(self.device)
        if self._stream is None:
            yield transfer
            return
        with torch.cuda.stream(self._stream):
            yield transfer
            transfer.event = self._stream.record_event()

    def put(self, batch: Batch) -> DeviceBatch:
        """Begin to bring a batch to the device."""
        if isinstance(batch, DeviceBatch):
            return batch
        if self.is_host:
            inputs, targets = ([host_tensor(array) for array in arrays] for arrays in (batch.inputs, batch.targets))
            weight = None if batch.sample_weight is None else host_tensor(batch.sample_weight)
            return DeviceBatch(tuple(inputs), tuple(targets), weight, batch.first, batch.shared)  # type: ignore[arg-type]
        with self.transfer() as arrived:
            moved, wanted = (tuple(map(arrived.of, arrays)) for arrays in (batch.inputs, batch.targets))
            weight = None if batch.sample_weight is None else arrived.of(batch.sample_weight)
        return DeviceBatch(moved, wanted, weight, batch.first, batch.shared, arrived.event)  # type: ignore[arg-type]

    def await_arrival(self, batch: DeviceBatch) -> None:
        """Let the device, not the host, wait until a batch is there."""
        if batch.arrived is None:
            return
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(batch.arrived)
        for tensor in (*batch.inputs, *batch.targets, batch.sample_weight):
            if tensor is not None:
                tensor.record_stream(stream)  # type: ignore[attr-defined]


def host_tensor(array: NDArray[Any]) -> Tensor:
    """An array (*shape) as a tensor, sharing its memory where PyTorch can take it as it is."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


class LossWatch:
    """Looks out for losses that are not finite, as they come from the device, in the order of the steps.

    On the processor a loss is there at once. From a device it is copied to pinned memory behind the step's calls, and looked at
    once it has come, so that nobody waits.
    """

    def __init__(self, device: torch.device) -> None:
        self.health = DeviceHealth(self)
        self._device = device
        self._pending: list[tuple[int, Tensor, Any]] = []
        self._ring = [torch.zeros(()).pin_memory() for _ in range(_PENDING)] if device.type == "cuda" else []
        self._next = 0

    def add(self, step: int, loss: Tensor) -> bool | None:
        """Take the loss, (), of a step, counted from 1; tells whether it is finite, or None where that is not known yet."""
        if self._device.type == "cpu":
            return self._look(step, float(loss.numpy()))
        if not self._ring:
            self._pending.append((step, loss, None))
        else:
            place = self._ring[self._next % _PENDING]
            self._next += 1
            place.copy_(loss, non_blocking=True)
            self._pending.append((step, place, torch.cuda.current_stream(self._device).record_event()))
        if len(self._pending) >= _PENDING:
            self.collect(wait=True)
        return None

    def collect(self, *, wait: bool = False) -> None:
        """Look at the losses that have come; at all of them, with `wait`."""
        while self._pending:
            step, loss, event = self._pending[0]
            if not wait and (event is None or not event.query()):
                return
            if event is not None:
                event.synchronize()
            self._look(step, float(loss))
            self._pending.pop(0)

    def _look(self, step: int, loss: float) -> bool:
        health, finite = self.health, math.isfinite(loss)
        if health.found is None:
            if finite:
                health.last_finite_loss = loss
            else:
                health.found = step
        return finite


class DeviceHealth(NumericsMonitor):
    """A record of numerics that a device's losses write to, perhaps some steps late."""

    def __init__(self, watch: LossWatch) -> None:
        self.found: int | None = None
        self._watch = watch
        super().__init__()

    @property  # type: ignore[override]
    def first_bad_step(self) -> int | None:
        """The number (from 1) of the first training step whose loss was not finite, as far as it is known, or None."""
        self._watch.collect()
        return self.found

    @first_bad_step.setter
    def first_bad_step(self, step: int | None) -> None:
        self.found = step


class LossScale:
    """A factor on losses in float16, whose small gradients would else be rounded to 0 (Micikevicius et al. 2018).

    It is taken back from their gradients, halved where these overflow, doubled after 2,000 steps without.

    All of it stays on the device: a step whose gradients overflow is skipped without that the host knows.
    """

    def __init__(self, device: torch.device) -> None:
        self._scale = torch.full((), FIRST_SCALE, device=device)
        self._good_steps = torch.zeros((), dtype=torch.int32, device=device)

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss, (), times the scale."""
        return loss * self._scale

    def take_back(self, gradients: list[Tensor]) -> Tensor:
        """Divide gradients (*shape) by the scale, in place; gives (), 1 where one is not finite, else 0."""
        overflow = torch.zeros((), device=self._scale.device)
        if gradients:
            torch._amp_foreach_non_finite_check_and_unscale_(gradients, overflow, self._scale.reciprocal())
        torch._amp_update_scale_(self._scale, self._good_steps, overflow, _GROWTH, _BACKOFF, _GROWS_AFTER)
        return overflow
