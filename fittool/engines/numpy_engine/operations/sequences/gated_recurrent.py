"""The cells with gates: long short-term memory, and the gated recurrent unit in its two forms."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import Floats, OperationContext, ones, row_product
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent, TimeStep, Weights
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain
from fittool.kernels import arithmetic


class LongShortTermCell(Recurrent):
    """Carry = f · carry + i · c, state = o · activation(carry); the gates lie in the order i, f, c, o."""

    gates = 4
    squashed = (0, 1, 3)
    kept = ("carry", "squashed")

    def _quarters(self, array: Floats) -> list[Floats]:
        """Views for i, f, c, o."""
        units = self.walk.units
        return [array[:, units * gate : units * (gate + 1)] for gate in range(4)]

    def forward_step(self, weights: Weights, step: TimeStep) -> Iterator[Task]:
        """One step."""
        wide, carry, squashed = step.work["wide"], step.kept["carry"], step.kept["squashed"]
        let_in, kept, new, let_out = self._quarters(step.gates)
        yield row_product(step.seen, weights["recurrent_kernel"], wide, even=step.even)
        yield partial(np.add, step.sums, wide, step.sums)
        yield from self._activate(step)
        yield partial(np.multiply, let_in, new, carry)
        if step.before is not None:
            yield partial(np.multiply, kept, step.before.kept["carry"], squashed)
            yield partial(np.add, carry, squashed, carry)
        yield partial(self.activation.forward, carry, squashed)
        yield partial(np.multiply, let_out, squashed, step.state)

    def _activate(self, step: TimeStep) -> Iterator[Task]:
        """From sums to gates."""
        if self.halves and self.is_tanh:
            yield from self.squash(step, slice(None))  # the candidate's tanh is multiplied by 1 and raised by 0
            return
        units = self.walk.units
        yield from self.squash(step, slice(2 * units))
        yield partial(self.activation.forward, self._quarters(step.sums)[2], self._quarters(step.gates)[2])
        yield from self.squash(step, slice(3 * units, None))

    def backward_step(self, context: OperationContext, step: TimeStep) -> Iterator[Task]:
        """One step back; work["carry"] holds the gradient of the carry."""
        carry, squashed = step.kept["carry"], step.kept["squashed"]
        state, slope, product = (step.work[name] for name in ("state", "carry", "product"))
        let_in, kept, new, let_out = self._quarters(step.gates)
        in_slope, kept_slope, new_slope, out_slope = self._quarters(step.gradient)
        spare = self._quarters(step.work["wide"])[0]
        yield partial(np.multiply, state, squashed, out_slope)
        yield partial(np.multiply, state, let_out, product)
        yield from self.activate_back(step, carry, squashed, product, spare, product)
        yield partial(np.add, slope, product, slope)
        yield partial(np.multiply, slope, new, in_slope)
        yield partial(np.multiply, slope, let_in, new_slope)
        if step.before is None:
            yield partial(kept_slope.fill, 0)
        else:
            yield partial(np.multiply, slope, step.before.kept["carry"], kept_slope)
        yield partial(np.multiply, slope, kept, slope)
        units = self.walk.units
        yield from self.squash_back(step, slice(2 * units))
        yield from self.activate_back(step, self._quarters(step.sums)[2], new, new_slope, spare, new_slope)
        yield from self.squash_back(step, slice(3 * units, None))
        yield from self.state_gradient(context, step, step.gradient, state)


class _GatedCell(Recurrent):
    """State = z · state + (1 - z) · candidate; the gates lie in the order z, r, candidate."""

    gates = 3
    squashed = (0, 1)

    @property
    def both(self) -> slice:
        """The columns of z and r."""
        return slice(2 * self.walk.units)

    @property
    def rest(self) -> slice:
        """The columns of the candidate."""
        return slice(2 * self.walk.units, None)

    def thirds(self, array: Floats) -> tuple[Floats, Floats, Floats]:
        """Views of (n, 3 · units): z, r, candidate, each (n, units)."""
        units = self.walk.units
        return array[:, :units], array[:, units : 2 * units], array[:, self.rest]

    def mix_state(self, step: TimeStep) -> Iterator[Task]:
        """The new state."""
        update, _, new = self.thirds(step.gates)
        product = step.work["product"]
        yield partial(np.subtract, step.previous, new, product)
        yield partial(np.multiply, product, update, product)
        yield partial(np.add, new, product, step.state)

    def mix_gradient(self, step: TimeStep) -> Iterator[Task]:
        """The gradients of z and of the candidate's sum; work["state"] becomes what goes straight to the state before."""
        update, _, new = self.thirds(step.gates)
        update_slope, _, new_slope = self.thirds(step.gradient)
        state, product = step.work["state"], step.work["product"]
        yield partial(np.subtract, step.previous, new, update_slope)
        yield partial(np.multiply, update_slope, state, update_slope)
        yield partial(np.multiply, state, update, product)
        yield partial(np.subtract, state, product, new_slope)
        yield partial(np.copyto, state, product)
        yield from self.activate_back(step, step.sums[:, self.rest], new, new_slope, product, new_slope)


class ResetAfterCell(_GatedCell):
    """Candidate = activation(inputs · kernel + bias + r · (state · recurrent kernel + second bias)), as in cuDNN."""

    kept = ("recurrent", "slope")

    def forward_step(self, weights: Weights, step: TimeStep) -> Iterator[Task]:
        """One step."""
        wide, product, kept = step.work["wide"], step.work["product"], step.kept["recurrent"]
        yield row_product(step.seen, weights["recurrent_kernel"], wide, even=step.even)
        if self.use_bias:
            yield partial(np.add, wide, weights["bias"][1], wide)
        sums, new_sums = step.sums[:, self.both], step.sums[:, self.rest]
        _, reset, new = self.thirds(step.gates)
        yield partial(np.add, sums, wide[:, self.both], sums)
        yield from self.squash(step, self.both)
        yield partial(np.copyto, kept, wide[:, self.rest])
        yield partial(np.multiply, reset, kept, product)
        yield partial(np.add, new_sums, product, new_sums)
        yield partial(self.activation.forward, new_sums, new)
        yield from self.mix_state(step)

    def backward_step(self, context: OperationContext, step: TimeStep) -> Iterator[Task]:
        """One step back."""
        yield from self.mix_gradient(step)
        state, wide, product = (step.work[name] for name in ("state", "wide", "product"))
        _, reset, _ = self.thirds(step.gates)
        _, reset_slope, new_slope = self.thirds(step.gradient)
        yield partial(np.multiply, new_slope, step.kept["recurrent"], reset_slope)
        yield from self.squash_back(step, self.both)
        yield partial(np.multiply, new_slope, reset, step.kept["slope"])
        yield partial(np.copyto, wide[:, self.both], step.gradient[:, self.both])
        yield partial(np.copyto, wide[:, self.rest], step.kept["slope"])
        yield from self.state_gradient(context, step, wide, product)
        yield partial(np.add, state, product, state)

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradients of the recurrent kernel and of the second bias, in two pieces of columns."""
        pieces = (
            (self.array(context, "gradient", self.width)[:, self.both], self.both),
            (self.array(context, "slope", self.walk.units), self.rest),
        )
        kernel, seen = context.gradient(self.name("recurrent_kernel")), self.seen(context)
        chain = [partial(arithmetic.matmul, seen.T, slopes, kernel[:, columns]) for slopes, columns in pieces]
        if self.use_bias:
            bias = context.gradient(self.name("bias"))[1:]
            row = ones(len(seen), seen.dtype)
            chain += [partial(arithmetic.matmul, row, slopes, bias[:, columns]) for slopes, columns in pieces]
        return chain


class ResetBeforeCell(_GatedCell):
    """Candidate = activation(inputs · kernel + bias + (r · state) · recurrent kernel), as first published."""

    kept = ("reset",)

    def forward_step(self, weights: Weights, step: TimeStep) -> Iterator[Task]:
        """One step."""
        kernel, wide, kept = weights["recurrent_kernel"], step.work["wide"], step.kept["reset"]
        sums, new_sums = step.sums[:, self.both], step.sums[:, self.rest]
        _, reset, new = self.thirds(step.gates)
        yield row_product(step.seen, kernel[:, self.both], wide[:, self.both], even=step.even)
        yield partial(np.add, sums, wide[:, self.both], sums)
        yield from self.squash(step, self.both)
        yield partial(np.multiply, reset, step.seen, kept)
        yield row_product(kept, kernel[:, self.rest], wide[:, self.rest], even=step.even)
        yield partial(np.add, new_sums, wide[:, self.rest], new_sums)
        yield partial(self.activation.forward, new_sums, new)
        yield from self.mix_state(step)

    def backward_step(self, context: OperationContext, step: TimeStep) -> Iterator[Task]:
        """One step back."""
        yield from self.mix_gradient(step)
        kernel = context.weights(self.name("recurrent_kernel"))
        state, seen, product = (step.work[name] for name in ("state", "carry", "product"))
        _, reset, _ = self.thirds(step.gates)
        _, reset_slope, new_slope = self.thirds(step.gradient)
        yield partial(arithmetic.matmul, new_slope, kernel[:, self.rest].T, product)
        yield partial(np.multiply, product, step.seen, reset_slope)
        yield from self.squash_back(step, self.both)
        yield partial(arithmetic.matmul, step.gradient[:, self.both], kernel[:, self.both].T, seen)
        yield partial(np.multiply, product, reset, product)
        yield partial(np.add, seen, product, seen)
        if step.mask is not None:
            yield partial(np.multiply, seen, step.mask, seen)
        yield partial(np.add, state, seen, state)

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradient of the recurrent kernel: of the gates', then of the candidate's columns."""
        kernel, slopes = context.gradient(self.name("recurrent_kernel")), self.array(context, "gradient", self.width)
        reset = self.array(context, "reset", self.walk.units)
        return [
            partial(arithmetic.matmul, self.seen(context).T, slopes[:, self.both], kernel[:, self.both]),
            partial(arithmetic.matmul, reset.T, slopes[:, self.rest], kernel[:, self.rest]),
        ]
