"""The optimizer at work on the weights and their gradients, in the order of `fittool.engines.training_steps`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.engines.state import TensorInfo
from fittool.engines.torch_engine.optimizers import FusedMoments, OrthogonalMomentum, UpdateRule, update_rule
from fittool.engines.torch_engine.parameters import ParameterStore, ParameterView
from fittool.engines.training_steps import StepCounter, TrainingStep
from fittool.engines.update_counts import Neighbours, UpdateCounts
from fittool.nn.optimizers import FLUSH_STEPS, Muon, Optimizer


class _Part(NamedTuple):
    """Weights behind one another that have missed as many of the optimizer's updates each.

    Attributes:
        rule: What moves them; one of their own, as some keep what belongs to a number of update.
        views: Their numbers in the order of the flat weights.
        places: Where they are in it.
        missed: The updates.
    """

    rule: UpdateRule[Any]
    views: slice
    places: slice
    missed: int


class OptimizerStep:
    """One optimizer with its slots: flat tensors as long as the trainable weights, in the same order."""

    def __init__(self, optimizer: Optimizer, store: ParameterStore) -> None:
        self._counter = StepCounter(optimizer)
        self._optimizer, self._store, self._clipping = optimizer, store, Clipping(optimizer)
        weights = store.trainable
        self._slots = {name: torch.full_like(weights, start) for name, start in optimizer.slots().items()}
        self._leaves, self._views = store.leaves(), store.trainable_views()
        self._by_weight = {name: [view.of(slot) for view in self._views] for name, slot in self._slots.items()}
        self._values = [leaf.detach() for leaf in self._leaves]
        self._gradients: Tensor | None = None
        self._matrices = [isinstance(optimizer, Muon) and optimizer.orthogonalizes(view.name, view.shape) for view in self._views]
        self.counts = UpdateCounts(optimizer, self._counter, (view.name for view in self._views), store.views)
        self._parts = self._divide(self.counts.runs())
        self._factors: Tensor | None = None  # (P,) on the rate of each weight; None where all are 1

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Move the weights of some layers, by name, at so many times the rate from now on; all others at the rate itself."""
        factors = torch.ones_like(self._store.trainable)
        for view in self._views:
            factors[view.start : view.stop] = rates.get(view.name.rpartition("/")[0], 1.0)
        self._factors = None if bool((factors == 1).all()) else factors

    def _divide(self, runs: list[Neighbours]) -> list[_Part]:
        self._runs = runs
        return [
            _Part(
                update_rule(self._optimizer),
                slice(run.first, run.stop),
                slice(self._views[run.first].start, self._views[run.stop - 1].stop),
                run.missed,
            )
            for run in runs
        ]

    @property
    def iterations(self) -> int:
        """The number of steps done."""
        return self._counter.iterations

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._counter.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._counter.learning_rate = rate

    def step(self, gradients: list[Tensor], skipped: Tensor | None = None) -> None:
        """Move the weights, or keep the gradients for the step that ends the group.

        Args:
            gradients: One for each trainable weight, in its shape and memory order; overwritten.
            skipped: () 1 where nothing is to change but the count, else 0, which only the device knows; None for 0.
        """
        if not gradients:
            self._counter.skip()
            return
        now = self._counter.next()
        alone = isinstance(self._parts[0].rule, FusedMoments) and self._counter.group == 1 and now.average_kept is None
        if alone or skipped is None:
            self._apply(now, gradients, skipped)
            return
        changed = [self._store.trainable, *self._slots.values()]
        before = [tensor.clone() for tensor in changed]
        self._apply(now, gradients, None)
        for tensor, kept in zip(changed, before, strict=True):
            tensor.copy_(torch.where(skipped.bool(), kept, tensor))

    def _apply(self, now: TrainingStep, gradients: list[Tensor], skipped: Tensor | None) -> None:
        if self._counter.group > 1:
            self._collect(now, gradients)
        if now.updates:
            self._clipping.apply(gradients)
            self._move(now, gradients, skipped)
        if now.average_kept is not None:
            weights, average = self._store.trainable, self._slots["average"]
            for part in self._parts:
                kept = now.average_kept_of(part.missed)
                average[part.places].mul_(kept).add_(weights[part.places], alpha=1 - kept)
            if now.average_replaces:
                weights.copy_(average)

    def _collect(self, now: TrainingStep, gradients: list[Tensor]) -> None:
        totals = self._by_weight["gradient_accumulator"]
        if now.updates:
            torch._foreach_add_(gradients, totals)
            torch._foreach_div_(gradients, self._counter.group)
            self._slots["gradient_accumulator"].zero_()
        else:
            torch._foreach_add_(totals, gradients)

    def _move(self, now: TrainingStep, gradients: list[Tensor], skipped: Tensor | None) -> None:
        before = None if self._factors is None else self._store.trainable.detach().clone()
        for part in self._parts:
            self._update(part, now, gradients[part.views], skipped)
        if before is not None and self._factors is not None:  # an update is proportional to its rate
            weights = self._store.trainable
            weights.copy_(before + self._factors * (weights - before))
        for part in self._parts:
            if (now.update - part.missed) % FLUSH_STEPS == 0:
                self._flush(part.places)

    def _flush(self, places: slice) -> None:
        """Set moments that are next to nothing to 0, as subnormal numbers are slow on many processors."""
        for name in self._optimizer.own_slots():
            slot = self._slots[name][places]
            slot.masked_fill_(slot.abs() < self._optimizer.negligible(name), 0)

    def _update(self, part: _Part, now: TrainingStep, gradients: list[Tensor], skipped: Tensor | None) -> None:
        rule, number, weights = part.rule, now.update - part.missed, self._values[part.views]
        slots = {name: each[part.views] for name, each in self._by_weight.items()}
        if isinstance(rule, FusedMoments):
            rule.update_each(weights, gradients, slots, now.rate, number, skipped=skipped)
            return
        if isinstance(rule, OrthogonalMomentum):
            rule.update_each(weights, gradients, slots, now.rate, number, self._matrices[part.views])
            return
        # One call for all weights together costs less than one for each, and what is copied here is overwritten later.
        if self._gradients is None:
            self._gradients = torch.zeros_like(self._store.trainable)
        torch._foreach_copy_([view.of(self._gradients) for view in self._views[part.views]], gradients)
        together = {name: slot[part.places] for name, slot in self._slots.items()}
        rule.update(self._store.trainable[part.places], self._gradients[part.places], together, now.rate, number)

    def skip(self) -> None:
        """Count a step that moves nothing."""
        self._counter.skip()

    def finish(self) -> None:
        """At the end of training, put the moving average of the weights in their place, if there is one."""
        if self._counter.ends_with_average:
            self._store.trainable.copy_(self._slots["average"])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The counts and the rate, shape (), and copies of the slots in the shapes of their weights, on the host."""
        state = self._counter.state()
        held = {slot: flat.cpu() for slot, flat in self._slots.items()}
        for name, slot, view in self._slots_by_name():
            state[name] = view.copy_from(held[slot])
        return state | self.counts.state()

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of what `state` gives."""
        form = {name: TensorInfo(array.shape, array.dtype) for name, array in self._counter.state().items()}
        dtype = np.dtype(str(self._store.trainable.dtype).removeprefix("torch."))
        slots = {name: TensorInfo(view.shape, dtype) for name, _, view in self._slots_by_name()}
        return form | slots | self.counts.describe()

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what is given; names and shapes, as in `state`, have been checked, and the weights are there."""
        before = self._counter.updates
        self._counter.load_state(state)
        for name, slot, view in self._slots_by_name():
            if name in state:
                view.copy_to(self._slots[slot], state[name])
        self._begin(self.counts.load_state(state, before))
        if (runs := self.counts.runs()) != self._runs:
            self._parts = self._divide(runs)

    def _begin(self, names: Collection[str]) -> None:
        """Let the averages of weights that begin to learn late be these weights, should training end before their first step."""
        for view in self._views if "average" in self._slots else ():
            if view.name in names:
                view.of(self._slots["average"]).copy_(view.of(self._store.trainable.detach()))

    def _slots_by_name(self) -> list[tuple[str, str, ParameterView]]:
        return [
            (f"optimizer/{slot}/{view.name}", slot, view)
            for slot in self._slots
            for view in self._views
            if self._optimizer.has_slot(slot, view.name, view.shape)
        ]


class Clipping:
    """One optimizer's limit on the gradients: which of `clipnorm`, `clipvalue` or `global_clipnorm` holds, if any."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._value, self._each, self._together = optimizer.clipvalue, optimizer.clipnorm, optimizer.global_clipnorm

    def apply(self, gradients: list[Tensor]) -> None:
        """Clip the gradients (*shape); one that is not finite spreads as in Keras: over its array, or over all."""
        if self._value is not None:
            torch._foreach_clamp_max_(gradients, self._value)
            torch._foreach_clamp_min_(gradients, -self._value)
        if self._each is not None:
            norms = torch.stack(list(torch._foreach_norm(gradients)))
            for gradient, factor in zip(gradients, (self._each / norms.clamp(min=self._each)).unbind(), strict=True):
                gradient.mul_(factor)
        if self._together is not None:
            norm = torch.linalg.vector_norm(torch.stack(list(torch._foreach_norm(gradients))))
            torch._foreach_mul_(gradients, self._together / norm.clamp(min=self._together))
