"""Walks along sequences: all steps' inputs are projected in one product, then a loop of small ones carries the state on.

A chain takes a fixed run of samples through all steps; the weights' gradients are products over all samples and steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.activations import ActivationFunction
from fittool.engines.numpy_engine.operations.base import BatchPhase, Floats, Operation, OperationContext, Phase, SlicePhase, ones
from fittool.engines.numpy_engine.operations.elementwise import Dropout
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain

_WORTH_CUTTING = 1 << 24
"""Below this many floating-point operations all samples are one chain; threads would cost more than they bring."""
_CHAIN_SAMPLES = 16
"""A chain has at least this many samples: with fewer, a step's product would read the weights for too little."""
_CHAINS = 8
"""The most chains that a batch is cut into; a constant, so that the cuts do not depend on the number of threads."""


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

    def times(self) -> list[int]:
        """The steps of the input in the order of the walk."""
        return list(range(self.steps))[:: -1 if self.backwards else 1]

    def output(self, y: Floats, count: int) -> Floats | None:
        """(n, units): where the state after `count` more steps goes, None if it is not asked for."""
        if self.sequences:
            return y[:, self.steps - 1 - count if self.turned else count]
        return y if count == self.steps - 1 else None


@dataclass
class TimeStep:
    """One step of one chain, as views (n, …).

    Attributes:
        sums: The input of the gates' activations; their output itself where that is all the derivative needs.
        gates: The activated gates.
        previous, seen: The state before the step; the same as the recurrent product sees it, after dropout.
        state: Where the state after the step goes.
        output: Where it goes in the layer's output, if it is asked for.
        output_gradient: The gradient there.
        gradient: That of `sums`.
        mask: What the recurrent product's view of the state is multiplied by, if anything.
        kept: What the cell keeps for its backward half, by name.
        work: Arrays that all steps of the chain share, see `Recurrent.workspace`.
        before: The step before in the walk.
    """

    sums: Floats
    gates: Floats
    previous: Floats
    seen: Floats
    state: Floats
    output: Floats | None
    output_gradient: Floats | None
    gradient: Floats
    mask: Floats | None
    kept: dict[str, Floats]
    work: dict[str, Floats]
    before: TimeStep | None


class Recurrent(Operation):
    """The common part of the cells: the loop, the projection of the inputs, and the kernels' gradients.

    Args:
        activation: Of the state or of the candidate for it.
        recurrent_activation: Of the gates.
        dropout: Draws which parts of the state the recurrent product does not see; None if it sees all.
    """

    gates = 1
    kept: tuple[str, ...] = ()
    """Arrays (N, T, units) that the cell keeps for its backward half."""

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

    def forward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step: from `sums` (the projected inputs) and the state before to `state`."""
        raise NotImplementedError

    def backward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step back: from the state's gradient, work["state"], to `gradient` and the gradient of the state before."""
        raise NotImplementedError

    def recurrent_gradient(self, context: OperationContext) -> TaskChain:
        """The calls for the gradient of the recurrent kernel."""
        seen, gradient = flat(self.seen(context)), flat(self.array(context, "gradient"))
        return [partial(np.matmul, seen.T, gradient, context.gradient(self.name("recurrent_kernel")))]

    def name(self, parameter: str) -> str:
        """The name of a parameter in its layer."""
        return f"{self.walk.prefix}{parameter}"

    def array(self, context: OperationContext, name: str, gates: int | None = None) -> Floats:
        """(N, T, gates · units) of memory that the operation keeps; by default for all gates."""
        width = self.width if gates is None else gates * self.walk.units
        return context.extra(name, (self.walk.steps, width), None)

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The dropout of the state, then one chain for each run of samples."""
        if self._drops(context) and self.dropout is not None:
            yield SlicePhase(partial(self.dropout.draw_mask, context))
        yield BatchPhase([list(self._forward_chain(context, samples)) for samples in self._chain_samples(context)])

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The walk back, one chain for each run of samples; then the kernels' gradients, each in one product."""
        yield BatchPhase([list(self._backward_chain(context, samples)) for samples in self._chain_samples(context)])
        yield BatchPhase([list(self._input_weights(context)), self.recurrent_gradient(context)])

    def _drops(self, context: OperationContext) -> bool:
        return context.training and self.dropout is not None and self.dropout.rate > 0

    def seen(self, context: OperationContext) -> Floats:
        """(N, T, units): the state before each step as the recurrent product sees it."""
        return self.array(context, "seen" if self._drops(context) else "previous", 1)

    def _chain_samples(self, context: OperationContext) -> list[slice]:
        """Fixed runs of samples, whatever the number of threads."""
        worth = self.flops_per_sample * context.batch >= _WORTH_CUTTING
        count = min(_CHAINS, max(1, context.batch // _CHAIN_SAMPLES)) if worth else 1
        return [slice(context.batch * chain // count, context.batch * (chain + 1) // count) for chain in range(count)]

    def _time_steps(self, context: OperationContext, samples: slice) -> list[TimeStep]:
        """The steps of one chain in the order of the walk."""
        gates, previous, seen = self.array(context, "gates"), self.array(context, "previous", 1), self.seen(context)
        sums = gates if self._from_outputs() else self.array(context, "sums")
        gradient = self.array(context, "gradient") if context.dy is not None else gates
        kept = {name: self.array(context, name, 1) for name in self.kept}
        mask = self.dropout.mask(context)[samples] if self.dropout is not None and self._drops(context) else None
        work = self.workspace(samples.stop - samples.start, context.y.dtype)
        steps: list[TimeStep] = []
        for count, time in enumerate(self.walk.times()):
            step = TimeStep(
                sums=sums[samples, time],
                gates=gates[samples, time],
                previous=previous[samples, time],
                seen=seen[samples, time],
                state=work["last"],
                output=self.walk.output(context.y[samples], count),
                output_gradient=None if context.dy is None else self.walk.output(context.dy[samples], count),
                gradient=gradient[samples, time],
                mask=mask,
                kept={name: array[samples, time] for name, array in kept.items()},
                work=work,
                before=steps[-1] if steps else None,
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
        """Memory of one chain, (samples, units): last state, gradients of state and carry, products; `wide` for all gates."""
        arrays = {name: np.zeros((samples, self.walk.units), dtype) for name in ("last", "state", "carry", "product")}
        return arrays | {"wide": np.zeros((samples, self.width), dtype)}

    def _forward_chain(self, context: OperationContext, samples: slice) -> Iterator[Task]:
        steps = self._time_steps(context, samples)
        sums = flat(self.array(context, "gates" if self._from_outputs() else "sums")[samples])
        yield partial(np.matmul, flat(context.x[0][samples]), context.weights(self.name("kernel")), sums)
        if self.use_bias:
            yield partial(np.add, sums, context.weights(self.name("bias")).reshape(-1)[: self.width], sums)
        yield partial(steps[0].previous.fill, 0)
        for step in steps:
            if step.mask is not None:
                yield partial(np.multiply, step.previous, step.mask, step.seen)
            yield partial(self.forward_step, context, step)
            if step.output is not None:
                yield partial(np.copyto, step.output, step.state)

    def _backward_chain(self, context: OperationContext, samples: slice) -> Iterator[Task]:
        steps = self._time_steps(context, samples)
        state = steps[0].work["state"]
        yield partial(state.fill, 0)
        yield partial(steps[0].work["carry"].fill, 0)
        for step in reversed(steps):
            if step.output_gradient is not None:
                yield partial(np.add, state, step.output_gradient, state)
            yield partial(self.backward_step, context, step)
        if context.dx[0] is not None:
            gradient = flat(self.array(context, "gradient")[samples])
            yield partial(np.matmul, gradient, context.weights(self.name("kernel")).T, flat(context.dx[0][samples]))

    def _input_weights(self, context: OperationContext) -> Iterator[Task]:
        gradient = flat(self.array(context, "gradient"))
        yield partial(np.matmul, flat(context.x[0]).T, gradient, context.gradient(self.name("kernel")))
        if self.use_bias:
            bias = context.gradient(self.name("bias")).reshape(-1, self.width)[:1]
            yield partial(np.matmul, ones(len(gradient), gradient.dtype), gradient, bias)

    def state_gradient(self, context: OperationContext, step: TimeStep, gradient: Floats, out: Floats) -> None:
        """Put the gradient of the state before the step, (n, units), into `out`.

        It follows from `gradient`, (n, gates · units), that of the recurrent kernel's product.
        """
        np.matmul(gradient, context.weights(self.name("recurrent_kernel")).T, out)
        if step.mask is not None:
            np.multiply(out, step.mask, out)


class SimpleCell(Recurrent):
    """State = activation(inputs · kernel + state · recurrent kernel + bias)."""

    def forward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step."""
        wide = step.work["wide"]
        np.matmul(step.seen, context.weights(self.name("recurrent_kernel")), wide)
        np.add(step.sums, wide, step.sums)
        self.activation.forward(step.sums, step.gates)
        np.copyto(step.state, step.gates)

    def backward_step(self, context: OperationContext, step: TimeStep) -> None:
        """One step back."""
        state = step.work["state"]
        self.activation.backward(step.sums, step.gates, state, step.gradient)
        self.state_gradient(context, step, step.gradient, state)


def flat(array: Floats) -> Floats:
    """(N, T, C) as (N · T, C)."""
    return array.reshape(-1, array.shape[-1])
