"""Walks along sequences: all steps' inputs are projected in one product, then a loop of small ones carries the state on.

Memory lies step by step in the order of the walk: the samples' rows of one step are neighbours, so the many small calls of a step
find them in the cache. A chain takes a fixed run of samples through all steps in memory of its own; the weights' gradients are
products over all samples and steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.activations import ACTIVATIONS, ActivationFunction
from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    Floats,
    Operation,
    OperationContext,
    Phase,
    SlicePhase,
    ones,
    row_product,
)
from fittool.engines.numpy_engine.operations.elementwise import Dropout
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain
from fittool.kernels import arithmetic

_WORTH_CUTTING = 1 << 24
"""Below this many floating-point operations all samples are one chain; threads would cost more than they bring."""
_CHAIN_SAMPLES = 16
"""A chain has at least this many samples: with fewer, a step's product would read the weights for too little."""
_CHAINS = 8
"""The most chains that a batch is cut into; a constant, so that the cuts do not depend on the number of threads."""

Weights = Mapping[str, Floats]
"""The weights of a walk by their names in a recurrent layer."""


@dataclass(frozen=True)
class Walk:
    """The way a recurrent layer goes along sequences (T, inputs).

    Attributes:
        sequences: Whether the output is the state after every step, (T, units), instead of after the last.
        backwards: Whether it starts at the last step.
        turned: Whether the output's steps are in the reverse order of the walk.
        prefix: What stands before the names of the parameters.
    """

    steps: int
    inputs: int
    units: int
    sequences: bool
    backwards: bool = False
    turned: bool = False
    prefix: str = ""

    def inputs_in_order(self, x: Floats) -> Floats:
        """A view (T, n, inputs) on sequences (n, T, inputs), in the order of the walk."""
        return x.swapaxes(0, 1)[:: -1 if self.backwards else 1]

    def outputs_in_order(self, y: Floats) -> list[Floats | None]:
        """For each step of the walk a view (n, units) on the output, None where the state after it is not asked for."""
        if not self.sequences:
            return [*[None] * (self.steps - 1), y]
        return list(y.swapaxes(0, 1)[:: -1 if self.turned else 1])


@dataclass
class TimeStep:
    """One step of one chain, as views (n, …).

    Attributes:
        sums: The input of the gates' activations; their output itself where that is all the derivative needs.
        gates: The activated gates.
        previous, seen: The state before the step; the same as the recurrent product sees it, after dropout.
        state: Where the state after the step goes.
        output_gradient: The gradient of the layer's output after the step, if it is asked for.
        gradient: That of `sums`.
        mask: What the recurrent product's view of the state is multiplied by, if anything.
        kept: What the cell keeps for its backward half, by name.
        work: Arrays that all steps of the chain share, see `Recurrent.workspace`.
        before: The step before in the walk.
        even: Whether a sample's state may depend on itself alone, see `row_product`.
    """

    sums: Floats
    gates: Floats
    previous: Floats
    seen: Floats
    state: Floats
    output_gradient: Floats | None
    gradient: Floats
    mask: Floats | None
    kept: dict[str, Floats]
    work: dict[str, Floats]
    before: TimeStep | None
    even: bool


class Recurrent(Operation):
    """The common part of the cells: the loop, the projection of the inputs, and the kernels' gradients.

    Args:
        activation: Of the state or of the candidate for it.
        recurrent_activation: Of the gates.
        dropout: Draws which parts of the state the recurrent product does not see; None if it sees all.
    """

    gates = 1
    squashed: tuple[int, ...] = ()
    """The gates that the recurrent activation is for, by their place."""
    kept: tuple[str, ...] = ()
    """Arrays (T, n, units) that the cell keeps for its backward half."""

    def __init__(
        self,
        walk: Walk,
        use_bias: bool,
        activation: ActivationFunction,
        recurrent_activation: ActivationFunction,
        dropout: Dropout | None,
    ) -> None:
        self.walk, self.use_bias = walk, use_bias
        self.activation, self.recurrent_activation, self.dropout = activation, recurrent_activation, dropout
        self.width = self.gates * walk.units
        self.flops_per_sample = 2 * walk.steps * self.width * (walk.inputs + walk.units)
        # sigmoid(x) is (tanh(x / 2) + 1) / 2, and tanh is one call where sigmoid is five. The halving is exact and goes into the
        # weights, once for all steps.
        self.halves = bool(self.squashed) and recurrent_activation is ACTIVATIONS["sigmoid"]
        self.is_tanh = activation is ACTIVATIONS["tanh"]

    def forward_step(self, weights: Weights, step: TimeStep) -> Iterator[Task]:
        """The calls of one step: from `sums` (the projected inputs) and the state before to `state`."""
        raise NotImplementedError

    def backward_step(self, context: OperationContext, step: TimeStep) -> Iterator[Task]:
        """The calls of one step back: from the state's gradient, work["state"], to `gradient` and that of the state before."""
        raise NotImplementedError

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradient of the recurrent kernel."""
        seen, gradient = self.seen(context), self.array(context, "gradient", self.width)
        return [partial(arithmetic.matmul, seen.T, gradient, context.gradient(self.name("recurrent_kernel")))]

    def name(self, parameter: str) -> str:
        """The name of a parameter in its layer."""
        return f"{self.walk.prefix}{parameter}"

    def array(self, context: OperationContext, name: str, width: int) -> Floats:
        """(N · T, width) of memory that the operation keeps: chain by chain, and in each step by step."""
        return context.extra(name, (self.walk.steps, width), None).reshape(-1, width)

    def block(self, array: Floats, samples: slice) -> Floats:
        """A chain's part of such an array, (T, n, width)."""
        steps = self.walk.steps
        return array[samples.start * steps : samples.stop * steps].reshape(steps, -1, array.shape[-1])

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The dropout of the state and the halving of weights, then one chain for each run of samples."""
        if self.drops(context) and self.dropout is not None:
            yield SlicePhase(partial(self.dropout.draw_mask, context))
        weights = {name: context.weights(self.name(name)) for name in ("kernel", "recurrent_kernel", "bias")[: 2 + self.use_bias]}
        if self.halves:
            halved = {name: np.empty_like(array) for name, array in weights.items()}
            factors = self._factors(context.y.dtype)
            yield BatchPhase([[partial(np.multiply, weights[name], factors, halved[name]) for name in weights]])
            weights = halved
        yield BatchPhase([list(self._forward_chain(context, weights, samples)) for samples in self.chain_samples(context)])

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The walk back, one chain for each run of samples; then the kernels' gradients, each in one product."""
        yield BatchPhase([list(self._backward_chain(context, samples)) for samples in self.chain_samples(context)])
        yield BatchPhase([list(self._input_weights(context)), self.recurrent_gradient(context)])

    def _factors(self, dtype: Any) -> Floats:
        """(gates · units,): 1/2 for the gates of a sigmoid, 1 for the others."""
        factors = np.ones((self.gates, self.walk.units), dtype)
        factors[list(self.squashed)] = 0.5
        return factors.reshape(-1)

    def drops(self, context: OperationContext) -> bool:
        """True where the recurrent product does not see all of the state."""
        return context.training and self.dropout is not None and self.dropout.rate > 0

    def seen(self, context: OperationContext) -> Floats:
        """(N · T, units): the state before each step as the recurrent product sees it."""
        return self.array(context, "seen" if self.drops(context) else "previous", self.walk.units)

    def chain_samples(self, context: OperationContext) -> list[slice]:
        """The fixed runs of samples that are chains, whatever the number of threads."""
        worth = self.flops_per_sample * context.batch >= _WORTH_CUTTING
        count = min(_CHAINS, max(1, context.batch // _CHAIN_SAMPLES)) if worth else 1
        return [slice(context.batch * chain // count, context.batch * (chain + 1) // count) for chain in range(count)]

    def _time_steps(self, context: OperationContext, samples: slice) -> list[TimeStep]:
        """The steps of one chain in the order of the walk."""

        def block(name: str, width: int) -> Floats:
            return self.block(self.array(context, name, width), samples)

        gates, previous = block("gates", self.width), block("previous", self.walk.units)
        seen = self.block(self.seen(context), samples)
        sums = gates if self._from_outputs() else block("sums", self.width)
        gradient = block("gradient", self.width) if context.dy is not None else gates
        output_gradients = [None] * self.walk.steps if context.dy is None else self.walk.outputs_in_order(context.dy[samples])
        kept = {name: block(name, self.walk.units) for name in self.kept}
        mask = self.dropout.mask(context)[samples] if self.dropout is not None and self.drops(context) else None
        work = self.workspace(samples.stop - samples.start, context.y.dtype)
        steps: list[TimeStep] = []
        for count in range(self.walk.steps):
            step = TimeStep(
                sums=sums[count],
                gates=gates[count],
                previous=previous[count],
                seen=seen[count],
                state=work["last"],
                output_gradient=output_gradients[count],
                gradient=gradient[count],
                mask=mask,
                kept={name: array[count] for name, array in kept.items()},
                work=work,
                before=steps[-1] if steps else None,
                even=context.even,
            )
            # A state is written straight to where the next step reads it, and the last one to memory of the chain: no copies,
            # and all states lie next to each other for the product that gives the kernel's gradient.
            if step.before is not None:
                step.before.state = step.previous
            steps.append(step)
        return steps

    def _from_outputs(self) -> bool:
        return self.activation.from_output and self.recurrent_activation.from_output

    def workspace(self, samples: int, dtype: np.dtype[np.generic]) -> dict[str, Floats]:
        """Memory of one chain.

        Last state, gradients of state and carry, products, and ones, each (samples, units); for all gates, (samples, gates ·
        units), `wide`, and what a tanh of halves is multiplied by and raised by to be a sigmoid, `factor` and `offset`.
        """
        arrays = {name: np.zeros((samples, self.walk.units), dtype) for name in ("last", "state", "carry", "product")}
        arrays |= {"one": np.ones((samples, self.walk.units), dtype), "wide": np.zeros((samples, self.width), dtype)}
        if self.halves:
            # Whole arrays, not one row: NumPy's loops over two arrays of one shape are a single run.
            arrays["factor"] = np.tile(self._factors(dtype), (samples, 1))
            arrays["offset"] = 1 - arrays["factor"]
        return arrays

    def _forward_chain(self, context: OperationContext, weights: Weights, samples: slice) -> Iterator[Task]:
        steps = self._time_steps(context, samples)
        inputs = self.block(self.array(context, "inputs", self.walk.inputs), samples)
        sums = self.block(self.array(context, "gates" if self._from_outputs() else "sums", self.width), samples)
        yield partial(np.copyto, inputs, self.walk.inputs_in_order(context.x[0][samples]))
        yield row_product(_flat(inputs), weights["kernel"], _flat(sums), even=context.even)
        if self.use_bias:
            yield partial(np.add, sums, weights["bias"].reshape(-1)[: self.width], sums)
        yield partial(steps[0].previous.fill, 0)
        for step, output in zip(steps, self.walk.outputs_in_order(context.y[samples]), strict=True):
            if step.mask is not None:
                yield partial(np.multiply, step.previous, step.mask, step.seen)
            yield from self.forward_step(weights, step)
            if output is not None:
                yield partial(np.copyto, output, step.state)

    def _backward_chain(self, context: OperationContext, samples: slice) -> Iterator[Task]:
        steps = self._time_steps(context, samples)
        state = steps[0].work["state"]
        yield partial(state.fill, 0)
        yield partial(steps[0].work["carry"].fill, 0)
        for step in reversed(steps):
            if step.output_gradient is not None:
                yield partial(np.add, state, step.output_gradient, state)
            yield from self.backward_step(context, step)
        if context.dx[0] is not None:
            slopes = self.block(self.array(context, "input gradient", self.walk.inputs), samples)
            gradient = self.block(self.array(context, "gradient", self.width), samples)
            yield partial(arithmetic.matmul, _flat(gradient), context.weights(self.name("kernel")).T, _flat(slopes))
            yield partial(np.copyto, self.walk.inputs_in_order(context.dx[0][samples]), slopes)

    def _input_weights(self, context: OperationContext) -> Iterator[Task]:
        inputs, gradient = self.array(context, "inputs", self.walk.inputs), self.array(context, "gradient", self.width)
        yield partial(arithmetic.matmul, inputs.T, gradient, context.gradient(self.name("kernel")))
        if self.use_bias:
            bias = context.gradient(self.name("bias")).reshape(-1, self.width)[:1]
            yield partial(arithmetic.matmul, ones(len(gradient), gradient.dtype), gradient, bias)

    def state_gradient(self, context: OperationContext, step: TimeStep, gradient: Floats, out: Floats) -> Iterator[Task]:
        """The calls that put the gradient of the state before the step, (n, units), into `out`.

        It follows from `gradient`, (n, gates · units), that of the recurrent kernel's product.
        """
        yield partial(arithmetic.matmul, gradient, context.weights(self.name("recurrent_kernel")).T, out)
        if step.mask is not None:
            yield partial(np.multiply, out, step.mask, out)

    def squash(self, step: TimeStep, places: slice) -> Iterator[Task]:
        """The calls of the recurrent activation, on the columns of neighbouring gates."""
        sums, gates = step.sums[:, places], step.gates[:, places]
        if not self.halves:
            yield partial(self.recurrent_activation.forward, sums, gates)
            return
        yield partial(arithmetic.tanh, sums, gates)
        yield partial(np.multiply, gates, step.work["factor"][:, places], gates)
        yield partial(np.add, gates, step.work["offset"][:, places], gates)

    def squash_back(self, step: TimeStep, places: slice) -> Iterator[Task]:
        """The calls that take the gradients of gates, in `gradient`, back through the recurrent activation; uses work["wide"]."""
        sums, gates, slopes = step.sums[:, places], step.gates[:, places], step.gradient[:, places]
        if not self.halves:
            yield partial(self.recurrent_activation.backward, sums, gates, slopes, slopes)
            return
        spare = step.work["wide"][:, places]
        yield partial(np.multiply, gates, gates, spare)
        yield partial(np.subtract, gates, spare, spare)
        yield partial(np.multiply, slopes, spare, slopes)

    def activate_back(
        self, step: TimeStep, sums: Floats, values: Floats, slopes: Floats, spare: Floats, out: Floats
    ) -> Iterator[Task]:
        """The calls that put the gradient of a candidate's sums into `out`, from that of its values; all are (n, units)."""
        if not self.is_tanh:
            yield partial(self.activation.backward, sums, values, slopes, out)
            return
        yield partial(np.multiply, values, values, spare)
        yield partial(np.subtract, step.work["one"], spare, spare)
        yield partial(np.multiply, slopes, spare, out)


class SimpleCell(Recurrent):
    """State = activation(inputs · kernel + state · recurrent kernel + bias)."""

    def forward_step(self, weights: Weights, step: TimeStep) -> Iterator[Task]:
        """One step."""
        wide = step.work["wide"]
        yield row_product(step.seen, weights["recurrent_kernel"], wide, even=step.even)
        yield partial(np.add, step.sums, wide, step.sums)
        yield partial(self.activation.forward, step.sums, step.gates)
        yield partial(np.copyto, step.state, step.gates)

    def backward_step(self, context: OperationContext, step: TimeStep) -> Iterator[Task]:
        """One step back."""
        state = step.work["state"]
        yield from self.activate_back(step, step.sums, step.gates, state, step.work["product"], step.gradient)
        yield from self.state_gradient(context, step, step.gradient, state)


def _flat(block: Floats) -> Floats:
    """(T, n, C) as (T · n, C)."""
    return block.reshape(-1, block.shape[-1])
