"""Loss and metrics of a step: how far outputs are from targets, and the gradient that the backward half begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import LossFunction, loss_function
from fittool.engines.numpy_engine.metrics import metric_update
from fittool.engines.numpy_engine.native.losses import NativeLoss, native_loss
from fittool.engines.numpy_engine.operations.base import Floats, StepInputs
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.state import TensorInfo
from fittool.engines.target_arrays import in_output_shape, of_target, targets_and_weights
from fittool.kernels import arithmetic
from fittool.kernels.library import Library
from fittool.nn.accumulators import running_values
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives, loss_names, losses_of_logits, metrics_by_name, penalties


class LossesAndMetrics:
    """The loss of each step, and the sums behind the running losses and metrics; `fittool.nn` says what they are.

    Attributes:
        last_loss: The loss of the last step, penalties included.
    """

    def __init__(
        self,
        graph: Graph,
        objectives: Objectives,
        step_inputs: StepInputs,
        store: ParameterStore,
        library: Library | None = None,
    ) -> None:
        self._step_inputs, self._store = step_inputs, store
        self._losses = _losses(objectives, library)
        of_logits = losses_of_logits(graph, objectives)
        self._of_logits = {
            number: native_loss(loss_function(of_logits[name]), library)
            for number, name in enumerate(objectives)
            if name in of_logits
        }
        self._single = {number: name for name, number in loss_names(objectives).items()}
        self._accumulators = running_values(objectives, graph.output_shapes)
        self._sums = {name: np.zeros(accumulator.size) for name, accumulator in self._accumulators.items()}
        self._metrics = [
            (metric_update(self._accumulators[name]), self._sums[name], entry)
            for name, entry in metrics_by_name(objectives).items()
        ]
        self._scales = {number: one.numbers.scale for number, one in enumerate(objectives.values()) if one.numbers.scale}
        self._penalties = penalties(graph)
        self.last_loss = 0.0

    def update_metrics(
        self, outputs: list[Floats], logits: Mapping[int, Floats], gradients: list[Floats | None], *, training: bool
    ) -> None:
        """Add one batch, whose targets are in the step's inputs; in training also fill the gradients.

        Args:
            outputs: The network's outputs, each (N, …).
            logits: By the number of an output: what its last activation was given, (N, …), where the loss is taken from that.
            gradients: Where the gradients of logits, else of outputs, go, each (N, …), or None.
            training: Whether the gradients are wanted.

        Raises:
            DataError: There are not as many targets as outputs, or they do not fit.
        """
        targets, weights = targets_and_weights(self._step_inputs.targets, self._step_inputs.sample_weight, len(outputs))
        if self._losses:
            self._add_losses(outputs, logits, targets, weights, gradients if training else [None] * len(outputs))
        measured = self.undo_scales(outputs) if self._metrics else outputs
        for update, sums, entry in self._metrics:
            target, output = of_target(targets[entry.output], measured[entry.output], entry.target)
            update(sums, target, output, weights[entry.output] if entry.weighted else None)

    def undo_scales(self, outputs: Sequence[Floats]) -> list[Floats]:
        """Outputs (N, …) of the network in the unit of their targets."""
        return [scale.undo(output) if (scale := self._scales.get(at)) else output for at, output in enumerate(outputs)]

    def scale_outputs(self, outputs: Sequence[Floats]) -> list[Floats]:
        """Outputs (N, …) in the unit of their targets as the network gives them: the inverse of `undo_scales`."""
        return [scale.scale(output) if (scale := self._scales.get(at)) else output for at, output in enumerate(outputs)]

    def _targets_of_loss(self, number: int, targets: Any, output: Floats) -> Any:
        """The targets (N, …) of an output on the scale on which they are learnt."""
        scale = self._scales.get(number)
        return targets if scale is None else scale.scale(in_output_shape(targets, output.shape))

    def _add_losses(
        self,
        outputs: list[Floats],
        logits: Mapping[int, Floats],
        targets: Sequence[Any],
        weights: Sequence[Any],
        gradients: list[Floats | None],
    ) -> None:
        total, size = 0.0, len(outputs[0])
        written: list[Floats] = []
        for number, output in enumerate(outputs):
            slope = gradients[number]
            # Outputs that are views of one value share their gradient's memory too: the later one adds to the earlier one's.
            shared = [other for other in written if slope is not None and np.may_share_memory(other, slope)]
            own = None if slope is None else np.empty_like(slope) if shared else slope
            if number in self._losses:
                loss, factor = self._losses[number]
                if number in logits:
                    value = self._of_logits[number].batch_loss(targets[number], logits[number], weights[number], own, output)
                else:
                    wanted = self._targets_of_loss(number, targets[number], output)
                    value = loss.batch_loss(wanted, output, weights[number], own)
                if own is not None and factor != 1:
                    np.multiply(own, factor, own)
                total += factor * value
                if number in self._single:
                    self._sums[self._single[number]] += (value * size, size)
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
        for name, (l1, l2) in self._penalties.items():
            weights = self._store.weights(name, shape=(-1,))
            total += l1 * float(arithmetic.sum(np.abs(weights))) + l2 * float(arithmetic.dot(weights, weights))
        return total

    def add_penalty_gradients(self) -> None:
        """Add the gradients of the weights' penalties, after the backward half has written the others."""
        for name, (l1, l2) in self._penalties.items():
            weights, gradient = self._store.weights(name), self._store.gradient(name)
            gradient += weights.dtype.type(2 * l2) * weights + weights.dtype.type(l1) * np.sign(weights)

    def results(self) -> dict[str, float]:
        """The running values by name: `loss` first, then the single losses where there are several, then the metrics."""
        return {name: float(accumulator.result(self._sums[name])) for name, accumulator in self._accumulators.items()}

    def reset(self) -> None:
        """Start the running values anew."""
        for sums in self._sums.values():
            sums[:] = 0

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the sums behind the running values, each (size,), as `metrics/<name>`."""
        return {f"metrics/{name}": sums.copy() for name, sums in self._sums.items()}

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of these sums."""
        return {f"metrics/{name}": TensorInfo(sums.shape, sums.dtype) for name, sums in self._sums.items()}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the sums that are given, each (size,)."""
        for name, sums in self._sums.items():
            if f"metrics/{name}" in state:
                sums[:] = state[f"metrics/{name}"]


def _losses(objectives: Objectives, library: Library | None) -> dict[int, tuple[LossFunction | NativeLoss, float]]:
    """The loss of each output that has one, and its share in the total."""
    return {
        number: (native_loss(loss_function(objective.loss), library), objective.loss_weight)
        for number, objective in enumerate(objectives.values())
        if objective.loss is not None
    }
