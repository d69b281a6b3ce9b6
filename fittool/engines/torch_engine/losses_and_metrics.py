"""Loss and metrics of a step: how far outputs are from targets; the sums stay on the device until someone reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.engines.state import TensorInfo
from fittool.engines.target_arrays import check_one_hot, class_numbers, in_output_shape
from fittool.engines.torch_engine.losses import LossFunction
from fittool.engines.torch_engine.metrics import metric_update
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.nn.accumulators import running_values
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives, loss_names, losses_of_logits, metrics_by_name, penalties
from fittool.nn.shapes import Shape
from fittool.nn.targets import Measure

Outputs = Sequence[Tensor]


class LossesAndMetrics:
    """The loss of each step, and the sums behind the running losses and metrics; `fittool.nn` says what they are.

    Args:
        graph: The network.
        objectives: What is asked of each output.
        store: The weights, for the penalties on them.
        device: Where the sums are.

    Attributes:
        measures: Whether there are metrics, beside the losses.
    """

    def __init__(self, graph: Graph, objectives: Objectives, store: ParameterStore, device: torch.device) -> None:
        self._losses = {
            number: (LossFunction(objective.loss), objective.loss_weight)
            for number, objective in enumerate(objectives.values())
            if objective.loss is not None
        }
        of_logits = losses_of_logits(graph, objectives)
        self._of_logits = {number: LossFunction(of_logits[name]) for number, name in enumerate(objectives) if name in of_logits}
        self._single = {number: name for name, number in loss_names(objectives).items()}
        self._accumulators = running_values(objectives, graph.output_shapes)
        self._sums = _Sums({name: accumulator.size for name, accumulator in self._accumulators.items()}, device)
        self._metrics = [
            (name, metric_update(self._accumulators[name]), entry) for name, entry in metrics_by_name(objectives).items()
        ]
        self._scales = {number: one.numbers.scale for number, one in enumerate(objectives.values()) if one.numbers.scale}
        self._numbers = _Numbers(self._sums.dtype, device)
        self.measures = bool(self._metrics)
        self._penalties = Penalties(graph, store)
        self._checks = _checks(graph, objectives)

    def check(self, targets: Sequence[NDArray[Any]], samples: int) -> None:
        """Look at the targets of a batch on the host, before they go to a device, where nobody would hear a complaint.

        Args:
            targets: For each output, (N, …).
            samples: N.

        Raises:
            DataError: They do not fit an output, or a class number has no place in it.
        """
        for output, measure, shape in self._checks:
            whole = (samples, *shape)
            if measure.expects == "class numbers":
                class_numbers(targets[output], whole, measure.ignored())
            elif measure.expects == "one-hot":
                check_one_hot(targets[output], whole)
            elif measure.expects != "anything":
                in_output_shape(targets[output], whole)

    def loss(
        self, outputs: Sequence[Tensor | None], logits: Mapping[int, Tensor], targets: Sequence[Tensor], weights: Sequence[Any]
    ) -> Tensor:
        """The loss of a batch without penalties, (), which the derivative begins with; adds to the sums of single losses.

        Args:
            outputs: The network's outputs, each (N, …), or None where the logits are given.
            logits: By the number of an output: what its last activation was given, (N, …), where the loss is taken from that.
            targets: For each output, (N, …).
            weights: For each output, (N,), or None where all samples weigh 1.
        """
        total: Tensor | None = None
        for number, (function, factor) in self._losses.items():
            formula = self._of_logits[number] if number in logits else function
            held = logits[number] if number in logits else outputs[number]
            assert held is not None
            value = formula.batch_loss(self._targets_of_loss(number, targets[number], held), in_full(held), weights[number])
            if number in self._single:
                self._sums.add_mean(self._single[number], value.detach(), len(held))
            value = value * factor if factor != 1 else value
            total = value if total is None else total + value
        assert total is not None
        return total

    def add_loss(self, loss: Tensor, samples: int) -> Tensor:
        """Add the loss of a batch to the running one, and give it with the penalties, (), without a derivative."""
        whole = self._penalties.add_to(loss.detach())
        self._sums.add_mean("loss", whole, samples)
        return whole

    def add_penalty_gradients(self, names: Sequence[str], gradients: Sequence[Tensor]) -> None:
        """Add the gradients of the weights' penalties to those of the losses, (*shape) each, by the names of the weights."""
        if self._penalties:
            self._penalties.add_gradients(dict(zip(names, gradients, strict=True)))

    def update_metrics(self, outputs: Outputs, targets: Sequence[Tensor], weights: Sequence[Any]) -> None:
        """Add a batch's outputs, each (N, …), to the sums of the metrics."""
        measured = self.undo_scales(outputs)
        for name, update, entry in self._metrics:
            target, output = _of_target(targets[entry.output], measured[entry.output], entry.target)
            more = update(self._sums[name], target, output, weights[entry.output] if entry.weighted else None)
            self._sums.count(name, more)

    def undo_scales(self, outputs: Outputs) -> list[Tensor]:
        """Outputs (N, …) of the network in the unit of their targets, in float32 at least."""
        return [
            scale.undo(in_full(output), torch, self._numbers) if (scale := self._scales.get(at)) else in_full(output)
            for at, output in enumerate(outputs)
        ]

    def scale_outputs(self, outputs: Outputs) -> list[Tensor]:
        """Outputs (N, …) in the unit of their targets as the network gives them: the inverse of `undo_scales`."""
        return [
            scale.scale(output, torch, self._numbers).to(output.dtype) if (scale := self._scales.get(at)) else output
            for at, output in enumerate(outputs)
        ]

    def _targets_of_loss(self, number: int, targets: Tensor, output: Tensor) -> Tensor:
        """The targets (N, …) of an output on the scale on which they are learnt."""
        scale = self._scales.get(number)
        if scale is None:
            return targets
        scaled: Tensor = scale.scale(targets.reshape(output.shape), torch, self._numbers)
        return scaled

    @property
    def has_losses(self) -> bool:
        """True where something is minimised."""
        return bool(self._losses)

    def results(self) -> dict[str, float]:
        """The running values by name: `loss` first, then the single losses where there are several, then the metrics."""
        sums = self._sums.arrays()
        return {name: float(accumulator.result(sums[name])) for name, accumulator in self._accumulators.items()}

    def reset(self) -> None:
        """Start the running values anew."""
        self._sums.reset()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the sums behind the running values, each (size,) float64, as `metrics/<name>`."""
        return {f"metrics/{name}": array for name, array in self._sums.arrays().items()}

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of these sums."""
        return {
            f"metrics/{name}": TensorInfo((accumulator.size,), np.dtype(np.float64))
            for name, accumulator in self._accumulators.items()
        }

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the sums that are given, each (size,)."""
        for name in self._accumulators:
            if f"metrics/{name}" in state:
                self._sums.set(name, state[f"metrics/{name}"])


def in_full(values: Tensor) -> Tensor:
    """Values in float32 at least: losses and metrics are never taken in half precision."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _checks(graph: Graph, objectives: Objectives) -> list[tuple[int, Measure, Shape]]:
    """For each output what its targets are compared with, each kind of comparison once."""
    found: dict[tuple[int, str, int | None], tuple[int, Measure, Shape]] = {}
    for number, (name, objective) in enumerate(objectives.items()):
        shape = graph.output_shapes[name]
        for measure in (objective.loss, *objective.metrics, *objective.weighted_metrics):
            if measure is not None:
                resolved = measure.resolved(objective.target_shape, shape)
                found.setdefault((number, resolved.expects, resolved.ignored()), (number, resolved, shape))
    return list(found.values())


def _of_target(targets: Tensor, outputs: Tensor, target: int | None) -> tuple[Tensor, Tensor]:
    """Targets (N, …) and outputs (N, …, K) of one target alone, (N, …, 1) both, or as they are where `target` is None."""
    if target is None:
        return targets, outputs
    chosen = slice(target, target + 1)
    return targets.reshape(outputs.shape)[..., chosen], outputs[..., chosen]


class _Numbers:
    """Makes tensors (K,) of K numbers on a device, each once: a copy from the host in every step would wait for it."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self._made: dict[tuple[float, ...], Tensor] = {}

    def __call__(self, numbers: tuple[float, ...]) -> Tensor:
        if numbers not in self._made:
            self._made[numbers] = torch.tensor(numbers, dtype=self._dtype, device=self._device)
        return self._made[numbers]


class _Sums:
    """All sums in one tensor on the device; what is known without the device is counted on the host."""

    def __init__(self, sizes: Mapping[str, int], device: torch.device) -> None:
        # Apple's graphics cards have no float64.
        self.dtype = torch.float32 if device.type == "mps" else torch.float64
        ends = np.cumsum([*sizes.values()], dtype=int)
        self._places = {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}
        self._flat = torch.zeros(sum(sizes.values()), dtype=self.dtype, device=device)
        self._views = {name: self._flat[place] for name, place in self._places.items()}
        self._firsts = {name: self._flat[place.start] for name, place in self._places.items()}
        self._counts = np.zeros(len(self._flat))

    def __getitem__(self, name: str) -> Tensor:
        """A view on the sums of one value, (size,)."""
        return self._views[name]

    def add_mean(self, name: str, value: Tensor, samples: int) -> None:
        """Add a value, (), for a number of samples."""
        self._firsts[name].add_(value, alpha=samples)
        self.count(name, samples)

    def count(self, name: str, more: int) -> None:
        """Add to the second sum of a value."""
        if more:
            self._counts[self._places[name].start + 1] += more

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Copies of the sums of each value, (size,). Waits for the device."""
        whole = self._flat.cpu().numpy().astype(np.float64) + self._counts
        return {name: whole[place].copy() for name, place in self._places.items()}

    def set(self, name: str, sums: NDArray[Any]) -> None:
        """Take over the sums of one value, (size,)."""
        self._views[name].copy_(torch.from_numpy(np.array(sums)))
        self._counts[self._places[name]] = 0

    def reset(self) -> None:
        """Set all to 0."""
        self._flat.zero_()
        self._counts[:] = 0


class Penalties:
    """The penalties on the weights of a network, and their gradients."""

    def __init__(self, graph: Graph, store: ParameterStore) -> None:
        self._entries = {name: (store.weights(name).detach(), *factors) for name, factors in penalties(graph).items()}

    def __bool__(self) -> bool:
        """True where there are any."""
        return bool(self._entries)

    def add_to(self, loss: Tensor) -> Tensor:
        """The loss, (), with `l1 · Σ|w| + l2 · Σw²` of each penalized weight array."""
        for weights, l1, l2 in self._entries.values():
            if l1:
                loss = torch.add(loss, weights.abs().sum(), alpha=l1)
            if l2:
                loss = torch.add(loss, torch.linalg.vector_norm(weights).square(), alpha=l2)
        return loss

    def add_gradients(self, gradients: Mapping[str, Tensor]) -> None:
        """Add `l1 · sign(w) + 2 · l2 · w` to the gradients that there are, (*shape) each."""
        for name, (weights, l1, l2) in self._entries.items():
            if name in gradients and l2:
                gradients[name].add_(weights, alpha=2 * l2)
            if name in gradients and l1:
                gradients[name].add_(weights.sign(), alpha=l1)
