"""A model's weights and optimizer, and the engine that moves them, which is made once the form of the targets is known."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import ExperimentError
from fittool.model.compiled import Compiled
from fittool.nn.graph import Graph
from fittool.nn.objectives import with_target_shapes
from fittool.nn.shapes import Shape

State = dict[str, NDArray[Any]]


class Machine:
    """Holds the state of a network, with or without an engine.

    Args:
        graph: The network.
        seed: Decides starting weights and dropout.
        threads: How many threads compute; by default all processors.

    Attributes:
        compiled: What `compile` was told, or None.
    """

    def __init__(self, graph: Graph, seed: int, threads: int | None) -> None:
        self.graph, self.compiled = graph, None
        self._seed, self._threads = seed, threads
        self._state: State = {f"weights/{name}": array for name, array in graph.initial_weights(seed).items()}
        self._engine: NumpyEngine | None = None
        self._target_shapes: tuple[Shape, ...] | None = None
        self._closing: weakref.finalize[Any, Any] | None = None

    compiled: Compiled | None

    def compile(self, compiled: Compiled) -> None:
        """Train so from now on; weights stay, the optimizer begins anew."""
        self._state = self.weights()
        self._drop()
        self.compiled = compiled

    def needs_compile(self) -> Compiled:
        """What `compile` was told.

        Raises:
            ExperimentError: A ValueError: nothing.
        """
        if self.compiled is None:
            raise ExperimentError("Compile the model first: model.compile(optimizer=…, loss=…).")
        return self.compiled

    def for_targets(self, shapes: Sequence[Shape]) -> NumpyEngine:
        """The engine for targets of these shapes; made anew where they differ, with weights and optimizer as they are.

        Raises:
            ExperimentError: A ValueError: the model was not compiled, or has no loss.
        """
        wanted = self.needs_compile()
        if self._engine is not None and self._target_shapes == tuple(shapes):
            return self._engine
        if all(objective.loss is None for objective in wanted.objectives.values()):
            raise ExperimentError("The model has no loss: model.compile(optimizer=…, loss=…).")
        objectives = with_target_shapes(wanted.objectives, shapes)
        return self._made(tuple(shapes), objectives=objectives, optimizer=wanted.optimizer)

    def for_predictions(self) -> NumpyEngine:
        """Any engine: predictions ask for no targets."""
        return self._made(None) if self._engine is None else self._engine

    def _made(self, target_shapes: tuple[Shape, ...] | None, **wishes: Any) -> NumpyEngine:
        self._state = self.state()
        self._drop()
        weights = {name.removeprefix("weights/"): array for name, array in self._state.items() if name.startswith("weights/")}
        engine = NumpyEngine(self.graph, seed=self._seed, threads=self._threads, weights=weights, **wishes)
        if wishes:
            engine.load_state({name: array for name, array in self._state.items() if name.startswith("optimizer/")})
        self._engine, self._target_shapes = engine, target_shapes
        self._closing = weakref.finalize(self, engine.close)
        return engine

    def _drop(self) -> None:
        if self._closing is not None:
            self._closing()
        self._engine, self._target_shapes, self._closing = None, None, None

    def state(self) -> State:
        """Copies of weights and optimizer, without running values."""
        now = {} if self._engine is None else self._engine.state()
        return {**self._state, **{name: array for name, array in now.items() if not name.startswith("metrics/")}}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what is given.

        Raises:
            CheckpointError: It does not fit the network.
        """
        if self._engine is not None and self._target_shapes is not None:
            self._engine.load_state(state)
            return
        self._state = {**self.state(), **{name: np.array(array) for name, array in state.items()}}
        self._drop()

    def weights(self) -> State:
        """Copies of the weights by name, layer after layer."""
        state = self.state()
        return {f"weights/{name}": np.array(state[f"weights/{name}"]) for name, _ in self.graph.weights()}

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        if self._engine is not None and self._target_shapes is not None:
            return self._engine.learning_rate
        rate = self._state.get("optimizer/learning_rate")
        steps = int(self._state.get("optimizer/iterations", np.array(0)))
        return self.needs_compile().optimizer.rate(steps) if rate is None else float(rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._engine is not None and self._target_shapes is not None:
            self._engine.learning_rate = float(rate)
            return
        wanted = self.needs_compile()
        self._state.pop("optimizer/learning_rate", None)
        self.compiled = replace(wanted, optimizer=replace(wanted.optimizer, learning_rate=float(rate)))

    @property
    def iterations(self) -> int:
        """How many training steps were done since `compile`."""
        return int(self.state().get("optimizer/iterations", np.array(0)))

    @contextmanager
    def own_metrics(self, engine: NumpyEngine) -> Iterator[None]:
        """Running values of one's own for a while; those of a training under way are put back."""
        kept = {name: array for name, array in engine.state().items() if name.startswith("metrics/")}
        try:
            yield
        finally:
            engine.load_state(kept)


class OptimizerView:
    """`model.optimizer`: the rate and the number of steps as they are now, and the arguments that it was made with."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; may be set."""
        return self._machine.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._machine.learning_rate = rate

    @property
    def iterations(self) -> int:
        """How many training steps were done since `compile`."""
        return self._machine.iterations

    def __getattr__(self, name: str) -> Any:
        """The optimizer's arguments."""
        return getattr(self._machine.needs_compile().optimizer, name)
