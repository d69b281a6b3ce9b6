"""Loss and metrics of a step: how far outputs are from targets, and the gradient that the backward half begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import loss_function
from fittool.engines.numpy_engine.metrics import metric_function
from fittool.engines.numpy_engine.operations.base import Clock, Floats
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.nn.graph import Graph
from fittool.nn.losses import Loss
from fittool.nn.metrics import Metric
from fittool.nn.shapes import Shape


class Judge:
    """Running loss and metrics.

    The loss of a batch is the sum of weighted losses divided by their number, not by the sum of the weights; a run of
    batches is averaged by batch size. Both as in Keras.
    """

    def __init__(
        self, graph: Graph, loss: Loss | None, metrics: Sequence[Metric], target_shape: Shape, clock: Clock, store: ParameterStore
    ) -> None:
        self._loss = None if loss is None else loss_function(loss)
        self._clock, self._store = clock, store
        output_shape = {node.name: node.output_shape for node in graph.nodes}[graph.outputs[0]]
        self._metrics = {metric.log_name: metric_function(metric, target_shape, output_shape) for metric in metrics}
        self._accumulators = {name: np.zeros(metric.size) for name, metric in self._metrics.items()}
        self._penalties = [
            (slot.name, slot.parameter.regularizer) for slot in store.slots.values() if slot.parameter.regularizer is not None
        ]
        self.last_loss = 0.0
        self._sums = np.zeros(2)

    def judge(self, outputs: list[Floats], gradients: list[Floats | None], *, training: bool) -> None:
        """Add one batch; in training also fill the output's gradient, (N, …).

        Args:
            outputs: The network's outputs.
            gradients: Where their gradients go, or None each.
            training: Whether the penalties' gradients are wanted too.
        """
        predicted, targets, weights = outputs[0], self._clock.targets[0], self._clock.sample_weight
        if self._loss is not None:
            self._add_loss(predicted, targets, weights, gradients[0] if training else None)
        for name, metric in self._metrics.items():
            metric.update(self._accumulators[name], targets, predicted, None)

    def _add_loss(self, predicted: Floats, targets: Any, weights: Any, gradient: Floats | None) -> None:
        assert self._loss is not None
        values = self._loss(targets, predicted, gradient)
        if weights is not None:
            shaped = np.asarray(weights, predicted.dtype).reshape(-1, *(1,) * (values.ndim - 1))
            values = values * shaped
        if gradient is not None:
            if weights is not None:
                np.multiply(gradient, shaped[..., None], gradient)
            np.divide(gradient, values.size, gradient)
        self.last_loss = float(values.mean(dtype=np.float64)) + self._penalty()
        self._sums += (self.last_loss * len(predicted), len(predicted))

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
        """`loss` first, then the metrics."""
        loss = {} if self._loss is None else {"loss": float(self._sums[0] / self._sums[1]) if self._sums[1] else 0.0}
        return loss | {name: float(metric.result(self._accumulators[name])) for name, metric in self._metrics.items()}

    def reset(self) -> None:
        """Start the running values anew."""
        self._sums[:] = 0
        for accumulator in self._accumulators.values():
            accumulator[:] = 0

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the sums behind the running values."""
        state: dict[str, NDArray[np.generic]] = {"metrics/loss": self._sums.copy()}
        return state | {f"metrics/{name}": accumulator.copy() for name, accumulator in self._accumulators.items()}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given."""
        for name, accumulator in {"loss": self._sums, **self._accumulators}.items():
            if f"metrics/{name}" in state:
                accumulator[:] = state[f"metrics/{name}"]
