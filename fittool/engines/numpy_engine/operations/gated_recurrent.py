"""The cells with gates: long short-term memory, and the gated recurrent unit in its two forms."""

from __future__ import annotations

from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import Floats, OperationContext, ones
from fittool.engines.numpy_engine.operations.recurrent import Moment, Recurrent, flat
from fittool.engines.numpy_engine.thread_pool import TaskChain


class LongShortTermCell(Recurrent):
    """Carry = f · carry + i · c, state = o · activation(carry); the gates lie in the order i, f, c, o."""

    gates = 4
    kept = ("carry", "squashed")

    def _quarters(self, array: Floats) -> list[Floats]:
        """Views for i and f together, i, f, c, o."""
        units = self.walk.units
        return [array[:, : 2 * units], *(array[:, units * gate : units * (gate + 1)] for gate in range(4))]

    def advance(self, context: OperationContext, moment: Moment) -> None:
        """One step."""
        wide, carry, squashed = moment.work["wide"], moment.kept["carry"], moment.kept["squashed"]
        np.matmul(moment.seen, context.weights(self.name("recurrent_kernel")), wide)
        np.add(moment.sums, wide, moment.sums)
        both, _, _, candidate, last = self._quarters(moment.sums)
        gates, let_in, kept, new, let_out = self._quarters(moment.gates)
        self.recurrent_activation.forward(both, gates)
        self.activation.forward(candidate, new)
        self.recurrent_activation.forward(last, let_out)
        np.multiply(let_in, new, carry)
        if moment.earlier is not None:
            np.multiply(kept, moment.earlier.kept["carry"], squashed)
            np.add(carry, squashed, carry)
        self.activation.forward(carry, squashed)
        np.multiply(let_out, squashed, moment.state)

    def retreat(self, context: OperationContext, moment: Moment) -> None:
        """One step back; work["carry"] holds the gradient of the carry."""
        carry, squashed = moment.kept["carry"], moment.kept["squashed"]
        state, slope, product = (moment.work[name] for name in ("state", "carry", "product"))
        both, _, _, candidate, last = self._quarters(moment.sums)
        gates, let_in, kept, new, let_out = self._quarters(moment.gates)
        gates_slope, in_slope, kept_slope, new_slope, out_slope = self._quarters(moment.gradient)
        np.multiply(state, squashed, out_slope)
        np.multiply(state, let_out, product)
        self.activation.backward(carry, squashed, product, product)
        np.add(slope, product, slope)
        np.multiply(slope, new, in_slope)
        np.multiply(slope, let_in, new_slope)
        np.multiply(slope, 0 if moment.earlier is None else moment.earlier.kept["carry"], kept_slope)
        np.multiply(slope, kept, slope)
        self.recurrent_activation.backward(both, gates, gates_slope, gates_slope)
        self.activation.backward(candidate, new, new_slope, new_slope)
        self.recurrent_activation.backward(last, let_out, out_slope, out_slope)
        self.back_to_state(context, moment, moment.gradient, state)


class _GatedCell(Recurrent):
    """State = z · state + (1 - z) · candidate; the gates lie in the order z, r, candidate."""

    gates = 3

    def thirds(self, array: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Views for z and r together, z, r, candidate."""
        units = self.walk.units
        return array[:, : 2 * units], array[:, :units], array[:, units : 2 * units], array[:, 2 * units :]

    def mix(self, moment: Moment) -> None:
        """The new state."""
        _, update, _, new = self.thirds(moment.gates)
        product = moment.work["product"]
        np.subtract(moment.previous, new, product)
        np.multiply(product, update, product)
        np.add(new, product, moment.state)

    def unmix(self, moment: Moment) -> None:
        """The gradients of z and of the candidate's sum; work["state"] becomes what goes straight to the state before."""
        _, update, _, new = self.thirds(moment.gates)
        _, update_slope, _, new_slope = self.thirds(moment.gradient)
        state = moment.work["state"]
        np.subtract(moment.previous, new, update_slope)
        np.multiply(update_slope, state, update_slope)
        np.multiply(state, update, moment.work["product"])
        np.subtract(state, moment.work["product"], new_slope)
        np.copyto(state, moment.work["product"])
        self.activation.backward(self.thirds(moment.sums)[3], new, new_slope, new_slope)


class ResetAfterCell(_GatedCell):
    """Candidate = activation(inputs · kernel + bias + r · (state · recurrent kernel + second bias)), as in cuDNN."""

    kept = ("recurrent", "slope")

    def advance(self, context: OperationContext, moment: Moment) -> None:
        """One step."""
        wide, product = moment.work["wide"], moment.work["product"]
        np.matmul(moment.seen, context.weights(self.name("recurrent_kernel")), wide)
        if self.use_bias:
            np.add(wide, context.weights(self.name("bias"))[1], wide)
        both_sums, _, _, new_sums = self.thirds(moment.sums)
        both, _, reset, new = self.thirds(moment.gates)
        both_products, _, _, new_product = self.thirds(wide)
        np.add(both_sums, both_products, both_sums)
        self.recurrent_activation.forward(both_sums, both)
        np.copyto(moment.kept["recurrent"], new_product)
        np.multiply(reset, new_product, product)
        np.add(new_sums, product, new_sums)
        self.activation.forward(new_sums, new)
        self.mix(moment)

    def retreat(self, context: OperationContext, moment: Moment) -> None:
        """One step back."""
        self.unmix(moment)
        state, wide, product = (moment.work[name] for name in ("state", "wide", "product"))
        both, _, reset, _ = self.thirds(moment.gates)
        both_slopes, _, reset_slope, new_slope = self.thirds(moment.gradient)
        np.multiply(new_slope, moment.kept["recurrent"], reset_slope)
        self.recurrent_activation.backward(self.thirds(moment.sums)[0], both, both_slopes, both_slopes)
        np.multiply(new_slope, reset, moment.kept["slope"])
        both_products, _, _, new_product = self.thirds(wide)
        np.copyto(both_products, both_slopes)
        np.copyto(new_product, moment.kept["slope"])
        self.back_to_state(context, moment, wide, product)
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

    def advance(self, context: OperationContext, moment: Moment) -> None:
        """One step."""
        kernel, wide = context.weights(self.name("recurrent_kernel")), moment.work["wide"]
        units = self.walk.units
        both_sums, _, _, new_sums = self.thirds(moment.sums)
        both, _, reset, new = self.thirds(moment.gates)
        both_products, _, _, new_product = self.thirds(wide)
        np.matmul(moment.seen, kernel[:, : 2 * units], both_products)
        np.add(both_sums, both_products, both_sums)
        self.recurrent_activation.forward(both_sums, both)
        np.multiply(reset, moment.seen, moment.kept["reset"])
        np.matmul(moment.kept["reset"], kernel[:, 2 * units :], new_product)
        np.add(new_sums, new_product, new_sums)
        self.activation.forward(new_sums, new)
        self.mix(moment)

    def retreat(self, context: OperationContext, moment: Moment) -> None:
        """One step back."""
        self.unmix(moment)
        kernel, units = context.weights(self.name("recurrent_kernel")), self.walk.units
        state, seen, product = (moment.work[name] for name in ("state", "carry", "product"))
        both, _, reset, _ = self.thirds(moment.gates)
        both_slopes, _, reset_slope, new_slope = self.thirds(moment.gradient)
        np.matmul(new_slope, kernel[:, 2 * units :].T, product)
        np.multiply(product, moment.seen, reset_slope)
        self.recurrent_activation.backward(self.thirds(moment.sums)[0], both, both_slopes, both_slopes)
        np.matmul(both_slopes, kernel[:, : 2 * units].T, seen)
        np.multiply(product, reset, product)
        np.add(seen, product, seen)
        if moment.mask is not None:
            np.multiply(seen, moment.mask, seen)
        np.add(state, seen, state)

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradient of the recurrent kernel: of the gates', then of the candidate's columns."""
        both = 2 * self.walk.units
        kernel, slopes = context.gradient(self.name("recurrent_kernel")), flat(self.array(context, "gradient"))
        return [
            partial(np.matmul, flat(self.seen(context)).T, slopes[:, :both], kernel[:, :both]),
            partial(np.matmul, flat(self.array(context, "reset", 1)).T, slopes[:, both:], kernel[:, both:]),
        ]
