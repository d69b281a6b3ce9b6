"""The NumPy engine behind the engines' common contract."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.cpu import default_threads
from fittool.data.batch import Array, Batch
from fittool.data.dataset import ArrayDataset
from fittool.engines.numpy_engine import blas
from fittool.engines.numpy_engine.buffers import Buffers
from fittool.engines.numpy_engine.floating_point import FloatingPointMonitor
from fittool.engines.numpy_engine.losses_and_metrics import LossesAndMetrics
from fittool.engines.numpy_engine.lowering import lower
from fittool.engines.numpy_engine.native.plan import with_kernels
from fittool.engines.numpy_engine.operations.base import Scratch, StepInputs
from fittool.engines.numpy_engine.operations.timed_phases import share_out
from fittool.engines.numpy_engine.optimizer_step import OptimizerStep
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.numpy_engine.program import PREDICTED_TOGETHER, Program, Workspace
from fittool.engines.numpy_engine.thread_pool import ThreadPool
from fittool.engines.stateful_engine import StatefulEngine
from fittool.engines.step_profile import StepProfile
from fittool.errors import ExperimentError
from fittool.kernels.arithmetic import Arithmetic, in_force
from fittool.kernels.library import Choice, open_library
from fittool.kernels.native_arithmetic import NativeArithmetic
from fittool.nn.graph import Graph
from fittool.nn.losses import Loss
from fittool.nn.metrics import Metric
from fittool.nn.objectives import Objective, Objectives, losses_of_logits
from fittool.nn.optimizers import Optimizer
from fittool.nn.shapes import Shape


class NumpyEngine(StatefulEngine):
    """A network and its optimizer, stepped with NumPy; see `fittool.engines.base.Engine` for the contract.

    Args:
        graph: The network.
        objectives: What is asked of each output; None for an engine that only predicts.
        loss, metrics, target_shape: The same for a network with one output, in short.
        optimizer: Moves the weights; None for an engine that only evaluates or predicts.
        seed: Decides the starting weights and which units dropout drops.
        threads: How many threads compute; by default OMP_NUM_THREADS, else one for each processor that this process may use.
            The results do not depend on it.
        dtype: Of weights and activations; float64 is for checking gradients.
        weights: Starting weights by `<layer>/<parameter>`; by default drawn from the seed.
        skips_bad_steps: Whether a step whose loss is not finite leaves weights and optimizer as they are; Keras moves them.
        kernels: Whether our own kernels compute where there are any; `auto` does so where they are compiled.

    Attributes:
        health: What was noticed about losses and arithmetic.
    """

    _store: ParameterStore
    _update: OptimizerStep | None
    _losses_and_metrics: LossesAndMetrics

    def __init__(
        self,
        graph: Graph,
        *,
        objectives: Objectives | None = None,
        loss: Loss | None = None,
        metrics: Sequence[Metric] = (),
        target_shape: Shape = (),
        optimizer: Optimizer | None = None,
        seed: int = 0,
        threads: int | None = None,
        dtype: type[np.floating[Any]] = np.float32,
        weights: Mapping[str, NDArray[Any]] | None = None,
        skips_bad_steps: bool = False,
        kernels: Choice = "auto",
    ) -> None:
        blas.use_one_thread()
        self.health = FloatingPointMonitor()
        if objectives is None:
            objectives = {graph.outputs[0]: Objective(loss, metrics=tuple(metrics), target_shape=target_shape)}
        self._objectives, self._optimizer, self._dtype = objectives, optimizer, dtype
        self._library = open_library(kernels) if dtype is np.float32 else None  # the kernels are written for float32 alone
        self._arithmetic = Arithmetic() if self._library is None else NativeArithmetic(self._library)
        self._pool = ThreadPool(default_threads() if threads is None else threads, self.health, self._arithmetic)
        self._step_inputs = StepInputs(seed)
        self._skips_bad_steps = skips_bad_steps
        self._set_aside = {}
        self._profile: StepProfile | None = None
        self._seconds = 0.0  # of the programs that a profile watches
        self._build(graph)
        self._store.load(graph.initial_weights(seed) if weights is None else weights)

    def _build(self, graph: Graph) -> None:
        """Lay out weights, memory and update of a network whose layers learn or not as they say."""
        self.graph = graph
        self._store = ParameterStore(graph, self._dtype)
        plan = lower(graph, losses_of_logits(graph, self._objectives))
        if self._library is not None:
            plan = with_kernels(plan, self._library)
        slots = plan.gradient_slots()
        buffers = Buffers(plan.sizes, slots.sizes, self._dtype, plan.exact())
        self._space = Workspace(plan, slots, self._store, buffers, Scratch(self._dtype), self._step_inputs, self._pool)
        self._losses_and_metrics = LossesAndMetrics(graph, self._objectives, self._step_inputs, self._store, self._library)
        self._update = None if self._optimizer is None else OptimizerStep(self._optimizer, self._store, self._pool, self._library)
        self._programs: dict[tuple[int, str], Program] = {}

    @property
    def threads(self) -> int:
        """The number of threads that compute."""
        return self._pool.threads

    @property
    def label(self) -> str:
        """The engine and its threads, for the display."""
        return f"numpy, {self.threads} thread{'s' * (self.threads > 1)}"

    @property
    def copies_ahead(self) -> bool:
        """No: batches lie where they are computed with."""
        return False

    def hold(self, dataset: ArrayDataset) -> None:
        """Nothing is held: there is no device, and batches are cut out of memory as fast."""
        raise ExperimentError("Engine numpy has no memory beside that of cache: ram. Set data.cache: ram, or engine: torch.")

    def put(self, batch: Batch) -> Batch:
        """The batch as it is: it lies in the memory that the engine computes in."""
        return batch

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics."""
        if self._update is None:
            raise RuntimeError("This engine was made without an optimizer; it can only evaluate and predict.")
        self._step_inputs.iteration = self._update.iterations
        self._program(batch.size, "train")  # made before anything is timed
        with self.health.watched(), in_force(self._arithmetic):
            start = time.perf_counter()
            self._run(batch, "train")
            ran = time.perf_counter()
            if self._is_good(self._update) or not self._skips_bad_steps:
                self._losses_and_metrics.add_penalty_gradients()
                self._update.step()
            else:
                self._update.skip()
        if self._profile is not None:
            self._seconds += ran - start
            self._profile.parts["optimizer"] += time.perf_counter() - ran
            self._profile.stepped(batch.size)

    def watch_steps(self, profile: StepProfile) -> None:
        """Fill a profile with the time and the memory of the training steps from now on."""
        self._profile = profile
        self._programs.clear()
        profile.settle = lambda: share_out(profile, self._seconds)
        profile.activations = lambda: self._space.buffers.bytes_by(
            self._space.plan.writers(), [one.name for one in self._space.plan.instructions]
        )

    def _is_good(self, update: OptimizerStep) -> bool:
        """True where the loss of the step is finite; the first that is not is remembered."""
        loss, health = self._losses_and_metrics.last_loss, self.health
        good = math.isfinite(loss)
        if health.first_bad_step is None:
            if good:
                health.last_finite_loss = loss
            else:
                health.first_bad_step = update.iterations + 1
        return good

    def finish_training(self) -> None:
        """Put the moving average of the weights in their place, where the optimizer keeps one."""
        if self._update is not None:
            self._update.finish()

    def test_step(self, batch: Batch) -> None:
        """Forward only; adds to the running metrics."""
        with self.health.watched(), in_force(self._arithmetic):
            self._run(batch, "test")

    def evaluate_step(self, batch: Batch) -> tuple[NDArray[np.float32], ...]:
        """Do as `test_step`, and give the outputs, each (N, …)."""
        with self.health.watched(), in_force(self._arithmetic):
            program = self._run(batch, "test")
        given = self._losses_and_metrics.undo_scales(program.outputs)
        return tuple(np.array(output, self._dtype) for output in given)

    def update_metrics(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Add outputs that were worked out elsewhere, each (N, …), to the running metrics, as if the network had given them."""
        step_inputs = self._step_inputs
        step_inputs.targets, step_inputs.sample_weight = batch.targets, batch.sample_weight
        with self.health.watched(), in_force(self._arithmetic):
            given = self._losses_and_metrics.scale_outputs(outputs)
            self._losses_and_metrics.update_metrics(given, {}, [None] * len(outputs), training=False)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs for (N, …) inputs, each (N, …); a sample's are the same to the bit whatever others are beside it."""
        count, step = len(inputs[0]), PREDICTED_TOGETHER
        shapes = [self._space.plan.values[number].shape for number in self._space.plan.outputs]
        found = tuple(np.empty((count, *shape), self._dtype) for shape in shapes)
        with self.health.watched(), in_force(self._arithmetic):
            for first in range(0, count, step):
                self._step_inputs.first_sample = first
                program = self._run(Batch(tuple(array[first : first + step] for array in inputs)), "predict")
                # A scale is undone in float64, and rounded once, where it is copied.
                outputs = self._losses_and_metrics.undo_scales(program.outputs)
                for whole, output in zip(found, outputs, strict=True):
                    np.copyto(whole[first : first + step], output)
        self._step_inputs.first_sample = 0
        return found

    def metrics(self) -> dict[str, float]:
        """The running values: `loss` first, then the metrics."""
        return self._losses_and_metrics.results()

    def reset_metrics(self) -> None:
        """Start the running values anew."""
        self._losses_and_metrics.reset()

    @property
    def _weights_dtype(self) -> np.dtype[Any]:
        return self._store.trainable.dtype

    def close(self) -> None:
        """Let the engine's threads end."""
        self._pool.close()

    def _run(self, batch: Batch, kind: str) -> Program:
        step_inputs = self._step_inputs
        step_inputs.inputs, step_inputs.targets, step_inputs.sample_weight = batch.inputs, batch.targets, batch.sample_weight
        program = self._program(batch.size, kind)
        program.run()
        return program

    def _program(self, batch: int, kind: str) -> Program:
        training, predicting = kind == "train", kind == "predict"
        needed = PREDICTED_TOGETHER if predicting else batch
        if needed > self._space.buffers.capacity:
            self._space.buffers.grow(needed)
            self._programs.clear()
        if (batch, kind) not in self._programs:
            update = None if predicting else partial(self._losses_and_metrics.update_metrics, training=training)
            profile = self._profile if training else None
            self._programs[batch, kind] = Program(
                self._space, batch, training=training, update_metrics=update, backward=training, even=predicting, profile=profile
            )
        return self._programs[batch, kind]
