"""The PyTorch engine behind the engines' common contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.cpu import default_threads
from fittool.data.batch import Array, Batch
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.selected_batch import SelectedBatch
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.engines.settings import Torch
from fittool.engines.stateful_engine import StatefulEngine
from fittool.engines.step_profile import StepProfile
from fittool.engines.target_arrays import targets_and_weights
from fittool.engines.torch_engine.device import DeviceBatch, LossScale, LossWatch, Placement, choose_device
from fittool.engines.torch_engine.held_samples import HeldSamples
from fittool.engines.torch_engine.losses_and_metrics import LossesAndMetrics
from fittool.engines.torch_engine.lowering import lower, whole_number_inputs
from fittool.engines.torch_engine.memory.device_memory import MemoryNeeded
from fittool.engines.torch_engine.operations.exchange import Exchange
from fittool.engines.torch_engine.operations.normalization import MovingAverages
from fittool.engines.torch_engine.optimizer_step import OptimizerStep
from fittool.engines.torch_engine.parameters import ParameterStore
from fittool.engines.torch_engine.program import Program, Run, compile_run
from fittool.engines.torch_engine.step import StepContext
from fittool.engines.torch_engine.step_timer import NoTimer, StepTimer
from fittool.nn.graph import Graph
from fittool.nn.layers import BatchNormalization
from fittool.nn.losses import Loss
from fittool.nn.metrics import Metric
from fittool.nn.objectives import Objective, Objectives, losses_of_logits
from fittool.nn.optimizers import Optimizer
from fittool.nn.shapes import Shape
from fittool.process_group import ALONE, ProcessGroup


class TorchEngine(StatefulEngine):
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
        group: The processes that train the network together, each with its share of every batch.
    """

    _store: ParameterStore
    _update: OptimizerStep | None
    _losses_and_metrics: LossesAndMetrics

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
        group: ProcessGroup = ALONE,
    ) -> None:
        self.setting = Torch() if setting is None else setting
        self._placement = Placement(choose_device(self.setting.device), self.setting.precision, self.setting.deterministic)
        torch.set_num_threads(default_threads() if self.setting.threads is None else self.setting.threads)
        if objectives is None:
            objectives = {graph.outputs[0]: Objective(loss, metrics=tuple(metrics), target_shape=target_shape)}
        self._objectives, self._optimizer, self._dtype = objectives, optimizer, dtype
        self._watch = LossWatch(self._placement.device)
        self._exchange = Exchange(group, self._placement.device) if group.size > 1 else None
        self._synchronizes = self.setting.synchronized_batch_normalization
        self._context = StepContext(self._placement.device, seed, self._exchange if self._synchronizes else None)
        self._skips_bad_steps = skips_bad_steps
        self._scale = LossScale(self._placement.device) if self.setting.precision == "float16" else None
        self._set_aside = {}
        self._held = HeldSamples(self._placement)
        self._timer = NoTimer()
        self._build(graph)
        self._store.load(graph.initial_weights(seed) if weights is None else weights)

    def _build(self, graph: Graph) -> None:
        """Lay out weights and update of a network whose layers learn or not as they say."""
        self.graph = graph
        device = self._placement.device
        self._store = ParameterStore(graph, self._dtype, device, self.setting.channels_last)
        plan = lower(graph, self._store, losses_of_logits(graph, self._objectives))
        recomputed = [node.name for node in graph.nodes if any(fnmatch(node.name, one) for one in self.setting.recompute)]
        self._program = Program(plan, frozenset(recomputed))
        self._run = self._compiled(self._program.run)
        self._time_layers()
        tables = whole_number_inputs(graph)
        self._exact = [name in tables for name in graph.inputs]
        self._losses_and_metrics = LossesAndMetrics(graph, self._objectives, self._store, device)
        self._update = None if self._optimizer is None else OptimizerStep(self._optimizer, self._store)
        self._names = [view.name for view in self._store.trainable_views()]
        self._leaves = self._store.leaves()
        self._averages = MovingAverages(
            {
                node.name: (
                    self._store.weights(f"{node.owner}/moving_mean"),
                    self._store.weights(f"{node.owner}/moving_variance"),
                    node.layer.momentum,
                    node.layer.epsilon,
                )
                for node in graph.nodes
                if isinstance(node.layer, BatchNormalization)
            },
            [node.name for node in graph.nodes if isinstance(node.layer, BatchNormalization) and node.layer.trainable],
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
    def copies_ahead(self) -> bool:
        """True where batches are brought to a device."""
        return not self._placement.is_host

    def hold(self, dataset: ArrayDataset) -> None:
        """Copy samples to the device, to be indexed there.

        Raises:
            MachineError: They do not fit.
            DataError: Their targets do not fit the network's outputs.
        """
        if dataset.targets:
            self._losses_and_metrics.check(dataset.targets, len(dataset))
        with MemoryNeeded(self._placement.device, "A copy of", len(dataset)):
            self._held.hold(dataset)

    def put(self, batch: Batch) -> Batch:
        """Begin to bring a batch to the device, or to make it there of samples that it holds.

        Raises:
            DataError: Its targets do not fit the network's outputs.
        """
        if isinstance(batch, DeviceBatch):
            return batch
        if isinstance(batch, SelectedBatch):
            return self._held.batch(batch)
        if batch.targets and batch.size:
            targets, _ = targets_and_weights(batch.targets, batch.sample_weight, len(self.graph.outputs))
            self._losses_and_metrics.check(targets, batch.size)
        return self._placement.put(batch)

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics."""
        if self._update is None:
            raise RuntimeError("This engine was made without an optimizer; it can only evaluate and predict.")
        with MemoryNeeded(self._placement.device, "A training step of", batch.size):
            self._train_step(self._update, batch)

    def watch_steps(self, profile: StepProfile) -> None:
        """Fill a profile with the time and the memory of the training steps from now on, which run without a compiler."""
        self._timer = StepTimer(profile, self._placement.device)
        self._time_layers()

    def _time_layers(self) -> None:
        if isinstance(self._timer, StepTimer):
            self._program.timer, self._run = self._timer, self._program.run

    def _train_step(self, update: OptimizerStep, batch: Batch) -> None:
        self._timer.begin()
        held, targets, weights = self._arrived(batch)
        self._timer.reached("inputs")
        context = self._context.begin(update.iterations, training=True, first=batch.first, counts=batch.size > 0)
        if not batch.size:
            self._follow_others(update, batch, held, context)
            return
        outputs, logits = self._forward(held, context)
        self._timer.reached("forward")
        loss = self._losses_and_metrics.loss(outputs, logits, targets, weights)
        self._timer.reached("metrics")
        loss, gradients, overflow = self._derive(loss, batch, context)
        self._timer.reached("backward")
        with torch.no_grad():
            self._averages.follow(context.moments)
            whole = self._losses_and_metrics.add_loss(loss, len(held[0]))
            self._add_metrics(outputs, logits, targets, weights)
            self._timer.reached("metrics")
            self._move(update, whole, gradients, overflow)
            self._timer.reached("optimizer")
        self._timer.end(batch.size)

    def _follow_others(self, update: OptimizerStep, batch: Batch, held: Sequence[Tensor], context: StepContext) -> None:
        """The same without a sample, where a batch has fewer than there are processes: the update is that of the others."""
        loss = self._store.trainable.new_zeros(())
        if self._synchronizes:  # the others wait for its part of the statistics, to which one sample adds nothing
            outputs, logits = self._forward([values.new_zeros((1, *values.shape[1:])) for values in held], context)
            loss = loss + sum(values.sum() for values in (*logits.values(), *outputs) if values is not None)
        loss, gradients, overflow = self._derive(loss, batch, context)
        with torch.no_grad():
            self._averages.follow(context.moments)
            self._move(update, self._losses_and_metrics.add_loss(loss, 0), gradients, overflow)

    def _derive(self, loss: Tensor, batch: Batch, context: StepContext) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """The loss, (), and its derivative by each trainable weight, (*shape), of all processes that train together.

        The third is 1 where the derivative overflowed in half precision, else 0, (); None where that cannot be.
        """
        exchange = self._exchange
        if exchange is not None:
            loss = loss * exchange.share(batch)
        if self._leaves and loss.requires_grad:
            (loss if self._scale is None else self._scale.scaled(loss)).backward()  # type: ignore[no-untyped-call]
        loss, gradients = loss.detach(), self._gradients()
        if exchange is not None:
            with torch.no_grad():
                moments = self._averages.shared(context.moments, exchange.share(batch))
                exchange.sum([loss, *(tensor for pair in moments.values() for tensor in pair), *gradients])
                context.moments.update(self._averages.of_all(moments))
        return loss, gradients, None if self._scale is None else self._scale.take_back(gradients)

    def _move(self, update: OptimizerStep, loss: Tensor, gradients: list[Tensor], overflow: Tensor | None) -> None:
        """The update, once the derivative is known."""
        good = self._watch.add(update.iterations + 1, loss)
        if self._skips_bad_steps and good is False:
            update.skip()
            return
        skipped = overflow
        if self._skips_bad_steps and good is None:
            bad = (loss - loss).ne(0).to(torch.float32)  # 0 for a finite number, else no number, which equals nothing
            skipped = bad if overflow is None else torch.maximum(bad, overflow)
        self._losses_and_metrics.add_penalty_gradients(self._names, gradients)
        update.step(gradients, skipped)

    def _gradients(self) -> list[Tensor]:
        """The gradients of the trainable weights, which are taken from them."""
        found = [leaf.grad for leaf in self._leaves]
        for leaf in self._leaves:
            leaf.grad = None
        return [
            torch.zeros_like(leaf) if gradient is None else gradient for leaf, gradient in zip(self._leaves, found, strict=True)
        ]

    def finish_training(self) -> None:
        """Put the moving average of the weights in their place, where the optimizer keeps one."""
        if self._update is not None:
            self._update.finish()

    def test_step(self, batch: Batch) -> None:
        """Forward only; adds to the running metrics."""
        if batch.size:
            self._test(batch)

    def evaluate_step(self, batch: Batch) -> tuple[NDArray[np.float32], ...]:
        """Do as `test_step`, and give the outputs, each (N, …)."""
        outputs, logits = self._test(batch)
        with torch.no_grad():
            return self._on_host(self._program.squash(outputs, logits))

    def _test(self, batch: Batch) -> tuple[list[Tensor | None], dict[int, Tensor]]:
        with MemoryNeeded(self._placement.device, "A test of", batch.size), torch.no_grad():
            held, targets, weights = self._arrived(batch)
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
        """Measure, where no derivative is asked for."""
        if self._losses_and_metrics.measures:
            self._losses_and_metrics.update_metrics(self._program.squash(outputs, logits), targets, weights)

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
        with MemoryNeeded(self._placement.device, "A prediction of", len(inputs[0])), torch.inference_mode():
            batch = self._placement.put(Batch(inputs))
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
            return self._run(entering, context)

    def _compiled(self, run: Run) -> Run:
        """The forward half, compiled where that is asked for; random numbers are drawn outside."""
        if not (self.setting.compile or self.setting.cuda_graphs):
            return run
        self._context.draw_outside()
        return compile_run(run, graphs=self.setting.cuda_graphs)

    def metrics(self) -> dict[str, float]:
        """The running values: `loss` first, then the metrics."""
        self._watch.collect(wait=True)
        return self._losses_and_metrics.results()

    def reset_metrics(self) -> None:
        """Start the running values anew."""
        self._losses_and_metrics.reset()

    @property
    def _weights_dtype(self) -> np.dtype[Any]:
        return np.dtype(str(self._dtype).removeprefix("torch."))

    def close(self) -> None:
        """Give back the device's memory, and the choice of algorithms."""
        self._watch.collect(wait=True)
        self._held.clear()
        self._placement.close()
