"""The PyTorch engine behind the engines' common contract."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.cpu import default_threads
from fittool.data.batch import Array, Batch
from fittool.engines.base import ALL_KINDS, StateKind
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.engines.settings import Torch
from fittool.engines.state import State, TensorInfo, check_state
from fittool.engines.target_arrays import targets_and_weights
from fittool.engines.torch_engine.device import DeviceBatch, LossWatch, Placement, choose_device
from fittool.engines.torch_engine.losses_and_metrics import LossesAndMetrics
from fittool.engines.torch_engine.lowering import lower, whole_number_inputs
from fittool.engines.torch_engine.operations.normalization import MovingAverages
from fittool.engines.torch_engine.optimizer_step import OptimizerStep
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.engines.torch_engine.program import Program
from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Graph
from fittool.nn.layers import BatchNormalization
from fittool.nn.losses import Loss
from fittool.nn.metrics import Metric
from fittool.nn.objectives import Objective, Objectives, losses_of_logits
from fittool.nn.optimizers import Optimizer
from fittool.nn.shapes import Shape


class Exchange(Protocol):
    """The processes that train one network together, as a step sees them: each has its own share of the batch."""

    def share(self, samples: int) -> float:
        """The part of the whole batch's samples that this process's are: its loss counts so much."""

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Add up tensors (*shape) over all processes, in place, without a wait of the host."""


class TorchEngine:
    """A network and its optimizer, stepped with PyTorch; see `fittool.engines.base.Engine` for the contract.

    Args:
        graph: The network.
        setting: Device, precision and other options.
        objectives: What is asked of each output; None for an engine that only predicts.
        loss, metrics, target_shape: The same for a network with one output, in short.
        optimizer: Moves the weights; None for an engine that only evaluates or predicts.
        seed: Decides the starting weights and which units dropout drops.
        dtype: Of weights; float64 is for comparing gradients.
        weights: Starting weights by `<layer>/<parameter>`; by default drawn from the seed.
        skips_bad_steps: Whether a step whose loss is not finite leaves weights and optimizer as they are; Keras moves them.

    Attributes:
        exchange: Sums losses and gradients over the processes that train together; None for one that trains alone.
    """

    exchange: Exchange | None = None

    def __init__(
        self,
        graph: Graph,
        setting: Torch | None = None,
        *,
        objectives: Objectives | None = None,
        loss: Loss | None = None,
        metrics: Sequence[Metric] = (),
        target_shape: Shape = (),
        optimizer: Optimizer | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        weights: Mapping[str, NDArray[Any]] | None = None,
        skips_bad_steps: bool = False,
    ) -> None:
        self.setting = Torch() if setting is None else setting
        self._placement = Placement(choose_device(self.setting.device), self.setting.precision)
        torch.set_num_threads(default_threads() if self.setting.threads is None else self.setting.threads)
        if objectives is None:
            objectives = {graph.outputs[0]: Objective(loss, metrics=tuple(metrics), target_shape=target_shape)}
        self._objectives, self._optimizer, self._dtype = objectives, optimizer, dtype
        self._watch = LossWatch(self._placement.device)
        self._context = StepContext(self._placement.device, seed)
        self._skips_bad_steps = skips_bad_steps
        self._set_aside: State = {}
        self._build(graph)
        self._store.load(graph.initial_weights(seed) if weights is None else weights)

    def _build(self, graph: Graph) -> None:
        """Lay out weights and update of a network whose layers learn or not as they say."""
        self.graph = graph
        device = self._placement.device
        self._store = ParameterStore(graph, self._dtype, device, self.setting.channels_last)
        self._program = Program(lower(graph, self._store, losses_of_logits(graph, self._objectives)))
        tables = whole_number_inputs(graph)
        self._exact = [name in tables for name in graph.inputs]
        self._losses_and_metrics = LossesAndMetrics(graph, self._objectives, self._store, device)
        self._update = None if self._optimizer is None else OptimizerStep(self._optimizer, self._store)
        self._names = [view.name for view in self._store.trainable_views()]
        self._leaves = self._store.leaves()
        self._averages = MovingAverages(
            {
                node.name: (
                    self._store.weights(f"{node.name}/moving_mean"),
                    self._store.weights(f"{node.name}/moving_variance"),
                    node.layer.momentum,
                    node.layer.epsilon,
                )
                for node in graph.nodes
                if isinstance(node.layer, BatchNormalization)
            }
        )

    @property
    def health(self) -> NumericsMonitor:
        """Losses that were not finite, as far as they have come from the device."""
        return self._watch.health

    @property
    def threads(self) -> int:
        """The number of threads that compute."""
        return torch.get_num_threads()

    @property
    def label(self) -> str:
        """The engine and what it runs on, for the display: `torch 2.13, cuda, bf16`."""
        version = ".".join(torch.__version__.split(".")[:2])
        where = f"{self.threads} thread{'s' * (self.threads > 1)}" if self._placement.is_host else str(self._placement.device)
        precision = "" if self.setting.precision == "float32" else f", {self.setting.precision}"
        return f"torch {version}, {where}{precision}"

    @property
    def iterations(self) -> int:
        """The number of training steps done since the network was made."""
        return 0 if self._update is None else self._update.iterations

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return 0.0 if self._update is None else self._update.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._update is not None:
            self._update.learning_rate = rate

    @property
    def copies_ahead(self) -> bool:
        """True where batches are brought to a device."""
        return not self._placement.is_host

    def put(self, batch: Batch) -> Batch:
        """Begin to bring a batch to the device.

        Raises:
            DataError: Its targets do not fit the network's outputs.
        """
        if isinstance(batch, DeviceBatch):
            return batch
        if batch.targets:
            targets, _ = targets_and_weights(batch.targets, batch.sample_weight, len(self.graph.outputs))
            self._losses_and_metrics.check(targets, batch.size)
        return self._placement.put(batch)

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics."""
        if self._update is None:
            raise RuntimeError("This engine was made without an optimizer; it can only evaluate and predict.")
        held, targets, weights = self._arrived(batch)
        context = self._context.begin(self._update.iterations, training=True)
        outputs, logits = self._forward(held, context)
        loss = self._losses_and_metrics.loss(outputs, logits, targets, weights)
        loss, gradients = self._derive(loss, len(held[0]))
        with torch.no_grad():
            self._averages.follow(context.moments)
            whole = self._losses_and_metrics.add_loss(loss, len(held[0]))
            self._add_metrics(outputs, logits, targets, weights)
            self._move(self._update, whole, gradients)

    def _derive(self, loss: Tensor, samples: int) -> tuple[Tensor, list[Tensor]]:
        """The loss, (), and its derivative by each trainable weight, (*shape), of all processes that train together."""
        if self.exchange is not None:
            loss = loss * self.exchange.share(samples)
        if self._leaves:
            loss.backward()  # type: ignore[no-untyped-call]
        loss, gradients = loss.detach(), self._gradients()
        if self.exchange is not None:
            self.exchange.sum([loss, *gradients])
        return loss, gradients

    def _move(self, update: OptimizerStep, loss: Tensor, gradients: list[Tensor]) -> None:
        """The update, once the derivative is known."""
        self._watch.add(update.iterations + 1, loss)
        skipped = None
        if self._skips_bad_steps:
            if self._placement.is_host:
                if not math.isfinite(float(loss.numpy())):
                    update.skip()
                    return
            else:
                skipped = (loss - loss).ne(0).to(torch.float32)  # 0 for a finite number, else no number, which equals nothing
        self._losses_and_metrics.add_penalty_gradients(dict(zip(self._names, gradients, strict=True)))
        update.step(gradients, skipped)

    def _gradients(self) -> list[Tensor]:
        """The gradients of the trainable weights, which are taken from them."""
        found = []
        for leaf in self._leaves:
            found.append(torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)
            leaf.grad = None
        return found

    def finish_training(self) -> None:
        """Put the moving average of the weights in their place, where the optimizer keeps one."""
        if self._update is not None:
            self._update.finish()

    def test_step(self, batch: Batch) -> None:
        """Forward only; adds to the running metrics."""
        self._test(batch)

    def evaluate_step(self, batch: Batch) -> tuple[NDArray[np.float32], ...]:
        """Do as `test_step`, and give the outputs, each (N, …)."""
        outputs, logits = self._test(batch)
        with torch.no_grad():
            return self._on_host(self._program.squash(outputs, logits))

    def _test(self, batch: Batch) -> tuple[list[Tensor | None], dict[int, Tensor]]:
        held, targets, weights = self._arrived(batch)
        with torch.no_grad():
            outputs, logits = self._forward(held, self._context.begin(0, training=False))
            if self._losses_and_metrics.has_losses:
                loss = self._losses_and_metrics.loss(outputs, logits, targets, weights)
                self._losses_and_metrics.add_loss(loss, len(held[0]))
            self._add_metrics(outputs, logits, targets, weights)
        return outputs, logits

    def _add_metrics(
        self,
        outputs: Sequence[Tensor | None],
        logits: dict[int, Tensor],
        targets: Sequence[Tensor],
        weights: Sequence[Tensor | None],
    ) -> None:
        if self._losses_and_metrics.measures:
            full = {number: values.detach() for number, values in logits.items()}
            whole = self._program.squash([None if held is None else held.detach() for held in outputs], full)
            self._losses_and_metrics.update_metrics(whole, targets, weights)

    def update_metrics(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Add outputs that were worked out elsewhere, each (N, …), to the running metrics, as if the network had given them."""
        _, targets, weights = self._arrived(batch)
        device = self._placement.device
        held = [torch.from_numpy(np.array(output)).to(device) for output in outputs]
        measured = self._losses_and_metrics
        with torch.no_grad():
            given = measured.scale_outputs(held)
            if measured.has_losses:
                measured.add_loss(measured.loss(given, {}, targets, weights), len(held[0]))
            measured.update_metrics(given, targets, weights)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs for (N, …) inputs, each (N, …)."""
        batch = self._placement.put(Batch(inputs))
        with torch.inference_mode():
            self._placement.await_arrival(batch)
            outputs, logits = self._forward(batch.inputs, self._context.begin(0, training=False))
            return self._on_host(self._program.squash(outputs, logits))

    def _on_host(self, outputs: Sequence[Tensor]) -> tuple[NDArray[np.float32], ...]:
        """Outputs of the network in the unit of their targets, as fresh arrays."""
        dtype = torch.promote_types(self._dtype, torch.float32)
        given = self._losses_and_metrics.undo_scales(outputs)
        return tuple(np.array(output.to(dtype).cpu().numpy()) for output in given)

    def _arrived(self, batch: Batch) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Inputs, targets and weights of a batch on the device."""
        held = self.put(batch)
        assert isinstance(held, DeviceBatch)
        self._placement.await_arrival(held)
        targets, weights = targets_and_weights(held.targets, held.sample_weight, len(self.graph.outputs))
        return held.inputs, targets, weights

    def _forward(self, inputs: Sequence[Any], context: StepContext) -> tuple[list[Tensor | None], dict[int, Tensor]]:
        with self._placement.precise():
            entering = [held if exact else held.to(self._dtype) for held, exact in zip(inputs, self._exact, strict=True)]
            return self._program.run(entering, context)

    def metrics(self) -> dict[str, float]:
        """The running values: `loss` first, then the metrics."""
        self._watch.collect(wait=True)
        return self._losses_and_metrics.results()

    def reset_metrics(self) -> None:
        """Start the running values anew."""
        self._losses_and_metrics.reset()

    def metrics_state(self) -> State:
        """Copies of the sums behind the running values, each (size,)."""
        return self._losses_and_metrics.state()

    def load_metrics_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what `metrics_state` gave, sums (size,)."""
        self._losses_and_metrics.load_state(state)

    def set_trainable(self, layers: Collection[str]) -> None:
        """Let exactly the layers of these names learn; see the contract."""
        graph = self.graph.with_trainable(layers)
        if graph == self.graph:
            return
        state = self.state()
        self._set_aside = {}
        # Trainable and fixed weights lie in two flat tensors, so another division of them is another layout of everything.
        self._build(graph)
        self.load_state(state)

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of every tensor of the state."""
        dtype = np.dtype(str(self._dtype).removeprefix("torch."))
        form = {f"weights/{name}": TensorInfo(view.shape, dtype) for name, view in self._store.views.items()}
        if self._update is not None:
            form |= self._update.describe()
        form |= {name: TensorInfo(array.shape, array.dtype) for name, array in self._set_aside.items()}
        return form | self._losses_and_metrics.describe()

    def state(self, kinds: Collection[StateKind] = ALL_KINDS) -> State:
        """Copies of everything a step depends on, shaped as in `describe`.

        With them is what the optimizer keeps for layers that do not learn now.
        """
        state: State = {}
        if "weights" in kinds:
            state |= {f"weights/{name}": array for name, array in self._store.copies().items()}
        if "optimizer" in kinds and self._update is not None:
            state |= self._update.state() | {name: array.copy() for name, array in self._set_aside.items()}
        return state | self._losses_and_metrics.state() if "metrics" in kinds else state

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given, each in the shape that `describe` tells.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs.
        """
        aside = {name: array for name, array in state.items() if self._is_of_fixed_layer(name, array)}
        given = {name: array for name, array in state.items() if name not in aside}
        check_state(given, self.describe())
        self._set_aside |= {name: np.array(array) for name, array in aside.items()}
        self._store.load({name.removeprefix("weights/"): array for name, array in given.items() if name.startswith("weights/")})
        if self._update is not None:
            self._update.load_state(given)
        self._losses_and_metrics.load_state(given)

    def _is_of_fixed_layer(self, name: str, array: NDArray[np.generic]) -> bool:
        """True where a tensor is what an optimizer kept for a weight that does not learn now."""
        view = self._store.views.get(name.split("/", 2)[-1])
        return name.startswith("optimizer/") and view is not None and not view.trainable and view.shape == array.shape

    def close(self) -> None:
        """Give back the device's memory."""
        self._watch.collect(wait=True)
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()
