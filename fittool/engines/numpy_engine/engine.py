"""The NumPy engine behind the engines' common contract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.cpu import available_threads
from fittool.data.batch import Array, Batch
from fittool.engines.numpy_engine import blas
from fittool.engines.numpy_engine.buffers import Buffers
from fittool.engines.numpy_engine.floating_point import FloatingPointMonitor
from fittool.engines.numpy_engine.losses_and_metrics import LossesAndMetrics
from fittool.engines.numpy_engine.lowering import lower
from fittool.engines.numpy_engine.operations.base import Scratch, StepInputs
from fittool.engines.numpy_engine.optimizer_step import OptimizerStep
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.numpy_engine.program import Program, Workspace
from fittool.engines.numpy_engine.thread_pool import ThreadPool
from fittool.engines.state import check_state
from fittool.nn.graph import Graph
from fittool.nn.losses import Loss
from fittool.nn.metrics import Metric
from fittool.nn.objectives import Objective, Objectives
from fittool.nn.optimizers import Optimizer
from fittool.nn.shapes import Shape


class NumpyEngine:
    """A network and its optimizer, stepped with NumPy; see `fittool.engines.base.Engine` for the contract.

    Args:
        graph: The network.
        objectives: What is asked of each output; None for an engine that only predicts.
        loss, metrics, target_shape: The same for a network with one output, in short.
        optimizer: Moves the weights; None for an engine that only evaluates or predicts.
        seed: Decides the starting weights and which units dropout drops.
        threads: How many threads compute; by default all processors this process may use. The results do not depend on it.
        dtype: Of weights and activations; float64 is for checking gradients.
        weights: Starting weights by `<layer>/<parameter>`; by default drawn from the seed.
        skips_bad_steps: Whether a step whose loss is not finite leaves weights and optimizer as they are; Keras moves them.

    Attributes:
        health: What was noticed about losses and arithmetic.
    """

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
    ) -> None:
        blas.use_one_thread()
        self.graph = graph
        self._store = ParameterStore(graph, dtype)
        self._store.load(graph.initial_weights(seed) if weights is None else weights)
        plan = lower(graph)
        self.health = FloatingPointMonitor()
        pool = ThreadPool(available_threads() if threads is None else threads, self.health)
        buffers = Buffers(plan.sizes, dtype, plan.exact())
        self._space = Workspace(plan, self._store, buffers, Scratch(dtype), StepInputs(seed), pool)
        if objectives is None:
            objectives = {graph.outputs[0]: Objective(loss, metrics=tuple(metrics), target_shape=target_shape)}
        self._losses_and_metrics = LossesAndMetrics(graph, objectives, self._space.step_inputs, self._store)
        self._update = None if optimizer is None else OptimizerStep(optimizer, self._store, pool)
        self._programs: dict[tuple[int, str], Program] = {}
        self._skips_bad_steps = skips_bad_steps

    @property
    def threads(self) -> int:
        """How many threads compute."""
        return self._space.pool.threads

    @property
    def iterations(self) -> int:
        """How many training steps were done since the network was made."""
        return 0 if self._update is None else self._update.iterations

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return 0.0 if self._update is None else self._update.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._update is not None:
            self._update.learning_rate = rate

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics."""
        if self._update is None:
            raise RuntimeError("This engine was made without an optimizer; it can only evaluate and predict.")
        self._space.step_inputs.iteration = self._update.iterations
        with self.health.watched():
            self._run(batch, "train")
            if self._is_good(self._update) or not self._skips_bad_steps:
                self._losses_and_metrics.add_penalty_gradients()
                self._update.step()
            else:
                self._update.skip()

    def _is_good(self, update: OptimizerStep) -> bool:
        """Whether the loss of the step is finite; the first that is not is remembered."""
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
        with self.health.watched():
            self._run(batch, "test")

    def judge_step(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Add outputs that were worked out elsewhere, each (N, …), to the running metrics, as if the network had given them."""
        step_inputs = self._space.step_inputs
        step_inputs.targets, step_inputs.sample_weight = batch.targets, batch.sample_weight
        with self.health.watched():
            self._losses_and_metrics.update_metrics(list(outputs), [None] * len(outputs), training=False)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs for (N, …) inputs, each (N, …)."""
        with self.health.watched():
            program = self._run(Batch(inputs), "predict")
        return tuple(output.copy() for output in program.outputs)

    def metrics(self) -> dict[str, float]:
        """The running values: `loss` first, then the metrics."""
        return self._losses_and_metrics.results()

    def reset_metrics(self) -> None:
        """Start the running values anew."""
        self._losses_and_metrics.reset()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of everything a step depends on."""
        state: dict[str, NDArray[np.generic]] = {f"weights/{name}": array for name, array in self._store.copies().items()}
        if self._update is not None:
            state |= self._update.state()
        return state | self._losses_and_metrics.state()

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs.
        """
        check_state(state, self.state())
        self._store.load({name.removeprefix("weights/"): array for name, array in state.items() if name.startswith("weights/")})
        if self._update is not None:
            self._update.load_state(state)
        self._losses_and_metrics.load_state(state)

    def close(self) -> None:
        """Let the engine's threads end."""
        self._space.pool.close()

    def _run(self, batch: Batch, kind: str) -> Program:
        step_inputs = self._space.step_inputs
        step_inputs.inputs, step_inputs.targets, step_inputs.sample_weight = batch.inputs, batch.targets, batch.sample_weight
        program = self._program(batch.size, kind)
        program.run()
        return program

    def _program(self, batch: int, kind: str) -> Program:
        if batch > self._space.buffers.capacity:
            self._space.buffers.grow(batch)
            self._programs.clear()
        if (batch, kind) not in self._programs:
            update = None if kind == "predict" else partial(self._losses_and_metrics.update_metrics, training=kind == "train")
            training = kind == "train"
            self._programs[batch, kind] = Program(self._space, batch, training=training, update_metrics=update, backward=training)
        return self._programs[batch, kind]
