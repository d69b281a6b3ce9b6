"""The cells with gates: long short-term memory, and the gated recurrent unit in its two forms."""

from __future__ import annotations

from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import Floats, OperationContext, ones
from fittool.engines.numpy_engine.operations.recurrent import Recurrent, TimeStep, flat
from fittool.engines.numpy_engine.thread_pool import TaskChain


class LongShortTermCell(Recurrent):
    """Carry = f · carry + i · c, state = o · activation(carry); the gates lie in the order i, f, c, o."""

    gates = 4
    kept = ("carry", "squashed")

    def _quarters(self, array: Floats) -> list[Floats]:
        """Views for i and f together, i, f, c, o."""
        units = self.walk.units
        return [array[:, : 2 * units], *(array[:, units * gate : units * (gate + 1)] for gate in range(4))]

    def forward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step."""
        wide, carry, squashed = step.work["wide"], step.kept["carry"], step.kept["squashed"]
        np.matmul(step.seen, context.weights(self.name("recurrent_kernel")), wide)
        np.add(step.sums, wide, step.sums)
        both, _, _, candidate, last = self._quarters(step.sums)
        gates, let_in, kept, new, let_out = self._quarters(step.gates)
        self.recurrent_activation.forward(both, gates)
        self.activation.forward(candidate, new)
        self.recurrent_activation.forward(last, let_out)
        np.multiply(let_in, new, carry)
        if step.before is not None:
            np.multiply(kept, step.before.kept["carry"], squashed)
            np.add(carry, squashed, carry)
        self.activation.forward(carry, squashed)
        np.multiply(let_out, squashed, step.state)

    def backward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step back; work["carry"] holds the gradient of the carry."""
        carry, squashed = step.kept["carry"], step.kept["squashed"]
        state, slope, product = (step.work[name] for name in ("state", "carry", "product"))
        both, _, _, candidate, last = self._quarters(step.sums)
        gates, let_in, kept, new, let_out = self._quarters(step.gates)
        gates_slope, in_slope, kept_slope, new_slope, out_slope = self._quarters(step.gradient)
        np.multiply(state, squashed, out_slope)
        np.multiply(state, let_out, product)
        self.activation.backward(carry, squashed, product, product)
        np.add(slope, product, slope)
        np.multiply(slope, new, in_slope)
        np.multiply(slope, let_in, new_slope)
        np.multiply(slope, 0 if step.before is None else step.before.kept["carry"], kept_slope)
        np.multiply(slope, kept, slope)
        self.recurrent_activation.backward(both, gates, gates_slope, gates_slope)
        self.activation.backward(candidate, new, new_slope, new_slope)
        self.recurrent_activation.backward(last, let_out, out_slope, out_slope)
        self.state_gradient(context, step, step.gradient, state)


class _GatedCell(Recurrent):
    """State = z · state + (1 - z) · candidate; the gates lie in the order z, r, candidate."""

    gates = 3

    def thirds(self, array: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Views of (n, 3 · units): z and r together, (n, 2 · units); z, r, candidate, each (n, units)."""
        units = self.walk.units
        return array[:, : 2 * units], array[:, :units], array[:, units : 2 * units], array[:, 2 * units :]

    def mix_state(self, step: TimeStep) -> None:
        """The new state."""
        _, update, _, new = self.thirds(step.gates)
        product = step.work["product"]
        np.subtract(step.previous, new, product)
        np.multiply(product, update, product)
        np.add(new, product, step.state)

    def mix_gradient(self, step: TimeStep) -> None:
        """The gradients of z and of the candidate's sum; work["state"] becomes what goes straight to the state before."""
        _, update, _, new = self.thirds(step.gates)
        _, update_slope, _, new_slope = self.thirds(step.gradient)
        state = step.work["state"]
        np.subtract(step.previous, new, update_slope)
        np.multiply(update_slope, state, update_slope)
        np.multiply(state, update, step.work["product"])
        np.subtract(state, step.work["product"], new_slope)
        np.copyto(state, step.work["product"])
        self.activation.backward(self.thirds(step.sums)[3], new, new_slope, new_slope)


class ResetAfterCell(_GatedCell):
    """Candidate = activation(inputs · kernel + bias + r · (state · recurrent kernel + second bias)), as in cuDNN."""

    kept = ("recurrent", "slope")

    def forward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step."""
        wide, product = step.work["wide"], step.work["product"]
        np.matmul(step.seen, context.weights(self.name("recurrent_kernel")), wide)
        if self.use_bias:
            np.add(wide, context.weights(self.name("bias"))[1], wide)
        both_sums, _, _, new_sums = self.thirds(step.sums)
        both, _, reset, new = self.thirds(step.gates)
        both_products, _, _, new_product = self.thirds(wide)
        np.add(both_sums, both_products, both_sums)
        self.recurrent_activation.forward(both_sums, both)
        np.copyto(step.kept["recurrent"], new_product)
        np.multiply(reset, new_product, product)
        np.add(new_sums, product, new_sums)
        self.activation.forward(new_sums, new)
        self.mix_state(step)

    def backward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step back."""
        self.mix_gradient(step)
        state, wide, product = (step.work[name] for name in ("state", "wide", "product"))
        both, _, reset, _ = self.thirds(step.gates)
        both_slopes, _, reset_slope, new_slope = self.thirds(step.gradient)
        np.multiply(new_slope, step.kept["recurrent"], reset_slope)
        self.recurrent_activation.backward(self.thirds(step.sums)[0], both, both_slopes, both_slopes)
        np.multiply(new_slope, reset, step.kept["slope"])
        both_products, _, _, new_product = self.thirds(wide)
        np.copyto(both_products, both_slopes)
        np.copyto(new_product, step.kept["slope"])
        self.state_gradient(context, step, wide, product)
        np.add(state, product, state)

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradients of the recurrent kernel and of the second bias, in two pieces of columns."""
        both = 2 * self.walk.units
        pieces = (
            (flat(self.array(context, "gradient"))[:, :both], slice(0, both)),
            (flat(self.array(context, "slope", 1)), slice(both, None)),
        )
        kernel, seen = context.gradient(self.name("recurrent_kernel")), flat(self.seen(context))
        chain = [partial(np.matmul, seen.T, slopes, kernel[:, columns]) for slopes, columns in pieces]
        if self.use_bias:
            bias = context.gradient(self.name("bias"))[1:]
            row = ones(len(seen), seen.dtype)
            chain += [partial(np.matmul, row, slopes, bias[:, columns]) for slopes, columns in pieces]
        return chain


class ResetBeforeCell(_GatedCell):
    """Candidate = activation(inputs · kernel + bias + (r · state) · recurrent kernel), as first published."""

    kept = ("reset",)

    def forward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step."""
        kernel, wide = context.weights(self.name("recurrent_kernel")), step.work["wide"]
        units = self.walk.units
        both_sums, _, _, new_sums = self.thirds(step.sums)
        both, _, reset, new = self.thirds(step.gates)
        both_products, _, _, new_product = self.thirds(wide)
        np.matmul(step.seen, kernel[:, : 2 * units], both_products)
        np.add(both_sums, both_products, both_sums)
        self.recurrent_activation.forward(both_sums, both)
        np.multiply(reset, step.seen, step.kept["reset"])
        np.matmul(step.kept["reset"], kernel[:, 2 * units :], new_product)
        np.add(new_sums, new_product, new_sums)
        self.activation.forward(new_sums, new)
        self.mix_state(step)

    def backward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step back."""
        self.mix_gradient(step)
        kernel, units = context.weights(self.name("recurrent_kernel")), self.walk.units
        state, seen, product = (step.work[name] for name in ("state", "carry", "product"))
        both, _, reset, _ = self.thirds(step.gates)
        both_slopes, _, reset_slope, new_slope = self.thirds(step.gradient)
        np.matmul(new_slope, kernel[:, 2 * units :].T, product)
        np.multiply(product, step.seen, reset_slope)
        self.recurrent_activation.backward(self.thirds(step.sums)[0], both, both_slopes, both_slopes)
        np.matmul(both_slopes, kernel[:, : 2 * units].T, seen)
        np.multiply(product, reset, product)
        np.add(seen, product, seen)
        if step.mask is not None:
            np.multiply(seen, step.mask, seen)
        np.add(state, seen, state)

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradient of the recurrent kernel: of the gates', then of the candidate's columns."""
        both = 2 * self.walk.units
        kernel, slopes = context.gradient(self.name("recurrent_kernel")), flat(self.array(context, "gradient"))
        return [
            partial(np.matmul, flat(self.seen(context)).T, slopes[:, :both], kernel[:, :both]),
            partial(np.matmul, flat(self.array(context, "reset", 1)).T, slopes[:, both:], kernel[:, both:]),
        ]
