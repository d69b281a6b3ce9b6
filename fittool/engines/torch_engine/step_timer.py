"""Timing the parts and the layers of a training step, for a profile: on a processor by the clock, on a GPU by its own events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fittool.engines.step_profile import Half, Part, StepProfile
from fittool.engines.torch_engine.lowering import Instruction
from fittool.engines.torch_engine.step import StepContext

Moment = Any
"""A number of seconds, or an event on a GPU."""


class NoTimer:
    """Times nothing: what a step calls where nobody asked for a profile."""

    is_at_work = False

    def begin(self) -> None:
        """Nothing."""

    def reached(self, part: Part) -> None:
        """Nothing."""

    def end(self, samples: int) -> None:
        """Nothing."""


class StepTimer(NoTimer):
    """Times steps.

    The derivative is PyTorch's own; a layer's share of it lies between the moment at which the derivative by its output is
    known, and the next such moment.

    Args:
        profile: Learns the seconds.
        device: Where the steps are computed.
    """

    is_at_work = True

    def __init__(self, profile: StepProfile, device: torch.device) -> None:
        self._profile, self._on_gpu = profile, device.type == "cuda"
        self._parts: list[tuple[Part, Moment]] = []
        self._start: Moment = None
        self._calls: list[tuple[str, Moment, Moment]] = []
        self._known: list[tuple[str, Moment]] = []
        self._bytes: dict[str, int] = {}
        self._largest = -1
        profile.activations = lambda: self._bytes

    def _now(self) -> Moment:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between(self, start: Moment, end: Moment) -> float:
        return float(start.elapsed_time(end) / 1000) if self._on_gpu else float(end - start)

    def begin(self) -> None:
        """A step begins."""
        self._parts, self._calls, self._known = [], [], []
        self._start = self._now()

    def reached(self, part: Part) -> None:
        """A part of the step is done."""
        self._parts.append((part, self._now()))

    def call(self, entry: Instruction, inputs: list[Tensor], context: StepContext) -> Tensor:
        """Make a call of a layer, and have its derivative noticed."""
        start = self._now()
        value = entry.call(inputs, context)
        if context.training:
            self._calls.append((entry.name, start, self._now()))
            if value.requires_grad:
                value.register_hook(self._noticed(entry.name))
            if len(value) >= self._largest:
                self._keep_bytes(entry.name, value, inputs)
        return value

    def _noticed(self, name: str) -> Callable[[Tensor], None]:
        def notice(_: Tensor) -> None:
            self._known.append((name, self._now()))

        return notice

    def _keep_bytes(self, name: str, value: Tensor, inputs: list[Tensor]) -> None:
        """The bytes of a layer's values for the largest batch; a view has none of its own."""
        if len(value) > self._largest:
            self._largest = len(value)
            self._bytes.clear()
        places = {one.untyped_storage().data_ptr() for one in inputs}
        own = 0 if value.untyped_storage().data_ptr() in places else value.numel() * value.element_size()
        self._bytes[name] = max(self._bytes.get(name, 0), own)

    def end(self, samples: int) -> None:
        """A step is done; waits for the device."""
        if self._on_gpu:
            torch.cuda.synchronize()
        before = self._start
        for part, moment in self._parts:
            self._profile.parts[part] += self._between(before, moment)
            before = moment
        for name, start, end in self._calls:
            self._profile.add(name, "forward", self._between(start, end))
        self._add_backward()
        self._profile.stepped(samples)

    def _add_backward(self) -> None:
        done = next((moment for part, moment in self._parts if part == "backward"), None)
        if done is None or not self._known:
            return
        half: Half = "backward"
        following = [moment for _, moment in self._known[1:]] + [done]
        for (name, start), end in zip(self._known, following, strict=True):
            self._profile.add(name, half, self._between(start, end))
