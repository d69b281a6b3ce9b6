"""Loss and metrics of a step: how far outputs are from targets, and the gradient that the backward half begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.engines.numpy_engine.losses import LossFunction, loss_function
from fittool.engines.numpy_engine.metrics import metric_function
from fittool.engines.numpy_engine.operations.base import Floats, StepInputs
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.state import TensorInfo
from fittool.errors import DataError
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives, loss_names, losses_of_logits, measured


class LossesAndMetrics:
    """Running losses and metrics.

    The loss of a batch is the sum of weighted losses divided by their number, not by the sum of the weights; a run of
    batches is averaged by batch size. Both as in Keras. Several outputs add up, each times its `loss_weight`.
    """

    def __init__(self, graph: Graph, objectives: Objectives, step_inputs: StepInputs, store: ParameterStore) -> None:
        self._step_inputs, self._store = step_inputs, store
        self._losses = _losses(objectives)
        of_logits = losses_of_logits(graph, objectives)
        self._of_logits = {number: loss_function(of_logits[name]) for number, name in enumerate(objectives) if name in of_logits}
        names, shapes = list(objectives), graph.output_shapes
        self._measured = {name: (entry.output, entry.weighted) for name, entry in measured(objectives).items()}
        self._metrics = {
            name: metric_function(entry.metric, objectives[names[entry.output]].target_shape, shapes[names[entry.output]])
            for name, entry in measured(objectives).items()
        }
        self._accumulators = {name: np.zeros(metric.size) for name, metric in self._metrics.items()}
        self._penalties = [
            (slot.name, slot.parameter.regularizer) for slot in store.slots.values() if slot.parameter.regularizer is not None
        ]
        self.last_loss = 0.0
        self._sums = {"loss": np.zeros(2)} if self._losses else {}
        self._parts = {number: name for name, number in loss_names(objectives).items()}
        self._sums |= {name: np.zeros(2) for name in self._parts.values()}

    def judge(
        self, outputs: list[Floats], logits: Mapping[int, Floats], gradients: list[Floats | None], *, training: bool
    ) -> None:
        """Add one batch; in training also fill the gradients, (N, …).

        Args:
            outputs: The network's outputs, each (N, …).
            logits: By the number of an output: what its last activation was given, (N, …), where the loss is taken from that.
            gradients: Where the gradients of logits, else of outputs, go, or None each.
            training: Whether the gradients are wanted, the penalties' too.

        Raises:
            DataError: There are not as many targets as outputs, or they do not fit.
        """
        targets, weights = self._step_inputs.targets, _weights_of(self._step_inputs.sample_weight, len(outputs))
        if len(targets) < len(outputs):
            raise DataError(f"the network has {len(outputs)} outputs, but the data give {len(targets)} targets.")
        if self._losses:
            self._add_losses(outputs, logits, targets, weights, gradients if training else [None] * len(outputs))
        for name, metric in self._metrics.items():
            output, weighted = self._measured[name]
            used = weights[output] if weighted else None
            metric.update(self._accumulators[name], targets[output], outputs[output], used)

    def _add_losses(
        self,
        outputs: list[Floats],
        logits: Mapping[int, Floats],
        targets: tuple[Any, ...],
        weights: list[Any],
        gradients: list[Floats | None],
    ) -> None:
        total, size = 0.0, len(outputs[0])
        written: list[Floats] = []
        for number, output in enumerate(outputs):
            slope = gradients[number]
            shared = [other for other in written if slope is not None and np.may_share_memory(other, slope)]
            own = None if slope is None else np.empty_like(slope) if shared else slope
            if number in self._losses:
                loss, factor = self._losses[number]
                if number in logits:
                    value = self._of_logits[number].of_batch(targets[number], logits[number], weights[number], own, output)
                else:
                    value = loss.of_batch(targets[number], output, weights[number], own)
                if own is not None and factor != 1:
                    np.multiply(own, factor, own)
                total += factor * value
                if number in self._parts:
                    self._sums[self._parts[number]] += (value * size, size)
            elif own is not None:
                own.fill(0)
            if slope is not None and own is not None:
                if shared:
                    np.add(slope, own, slope)
                written.append(slope)
        self.last_loss = total + self._penalty()
        self._sums["loss"] += (self.last_loss * size, size)

    def _penalty(self) -> float:
        total = 0.0
        for name, regularizer in self._penalties:
            (l1, l2), weights = regularizer.factors, self._store.weights(name, shape=(-1,))
            total += l1 * float(np.abs(weights).sum()) + l2 * float(weights @ weights)
        return total

    def add_penalty_gradients(self) -> None:
        """Add the gradients of the weights' penalties, after the backward half has written the others."""
        for name, regularizer in self._penalties:
            (l1, l2), weights, gradient = regularizer.factors, self._store.weights(name), self._store.gradient(name)
            gradient += weights.dtype.type(2 * l2) * weights + weights.dtype.type(l1) * np.sign(weights)

    def results(self) -> dict[str, float]:
        """`loss` first, then the single losses where there are several, then the metrics."""
        losses = {name: float(sums[0] / sums[1]) if sums[1] else 0.0 for name, sums in self._sums.items()}
        return losses | {name: float(metric.result(self._accumulators[name])) for name, metric in self._metrics.items()}

    def reset(self) -> None:
        """Start the running values anew."""
        for sums in (*self._sums.values(), *self._accumulators.values()):
            sums[:] = 0

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the sums behind the running values."""
        return {f"metrics/{name}": sums.copy() for name, sums in (self._sums | self._accumulators).items()}

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of these sums."""
        sums = (self._sums | self._accumulators).items()
        return {f"metrics/{name}": TensorInfo(array.shape, array.dtype) for name, array in sums}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given."""
        for name, sums in (self._sums | self._accumulators).items():
            if f"metrics/{name}" in state:
                sums[:] = state[f"metrics/{name}"]


def _losses(objectives: Objectives) -> dict[int, tuple[LossFunction, float]]:
    """The loss of each output that has one, and its share in the total."""
    return {
        number: (loss_function(objective.loss), objective.loss_weight)
        for number, objective in enumerate(objectives.values())
        if objective.loss is not None
    }


def _weights_of(sample_weight: Array | None, outputs: int) -> list[Any]:
    """(N,) sample weights for each output, or None."""
    if sample_weight is None or sample_weight.ndim == 1:
        return [sample_weight] * outputs
    if sample_weight.shape[1] != outputs:
        raise DataError(f"the network has {outputs} outputs, but the sample weights have the shape {sample_weight.shape}.")
    return list(sample_weight.T)
