"""A network with its weights, optimizer and objectives; the engine that steps it is made once the targets' form is known."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.base import WEIGHTS, Engine
from fittool.engines.registry import create_engine
from fittool.engines.settings import EngineSetting
from fittool.engines.state import State, TensorInfo, check_state
from fittool.errors import ExperimentError
from fittool.model.compiled import Compiled
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objective, with_output_targets, with_target_shapes
from fittool.nn.output_targets import OutputTargets
from fittool.nn.shapes import Shape
from fittool.process_group import ALONE, ProcessGroup


class Network:
    """The one object that holds an engine, for models in Python and for experiments.

    Args:
        graph: The layers and how they are wired.
        engine: Which engine computes.
        seed: Decides starting weights and dropout.
        compiled: Optimizer and objectives, or None before `compile`.
        skips_bad_steps: Whether a step whose loss is not finite leaves the weights as they are; Keras moves them.
        group: The processes that train it together.
        targets: The numbers to predict by the outputs' names, whose scales belong to the weights.
    """

    def __init__(
        self,
        graph: Graph,
        engine: EngineSetting,
        seed: int,
        compiled: Compiled | None = None,
        *,
        skips_bad_steps: bool = False,
        group: ProcessGroup = ALONE,
        targets: Mapping[str, OutputTargets] | None = None,
    ) -> None:
        self.compiled = compiled
        self.targets = dict(targets or {})
        self._graph, self._setting, self._seed = graph, engine, seed
        self._skips_bad_steps, self._group = skips_bad_steps, group
        self._state: State = {}  # what no engine holds yet; weights that are in neither are drawn from the seed
        self._engine: Engine | None = None
        self._target_shapes: tuple[Shape, ...] | None = None
        self._learns = False
        self._closing: weakref.finalize[Any, Any] | None = None

    @property
    def graph(self) -> Graph:
        """The network, with the layers trainable that learn now."""
        return self._graph if self._engine is None else self._engine.graph

    def compile(self, compiled: Compiled) -> None:
        """Train so from now on; weights stay, the optimizer begins anew."""
        # Copied out first, as they go with the engine; what is not copied is the old optimizer's state.
        self._state = self.weights()
        self.close()
        self.compiled = compiled

    def learn_targets(self, targets: Mapping[str, OutputTargets]) -> None:
        """Predict these numbers from now on, by the outputs' names; weights and optimizer stay."""
        if self.targets != targets:
            self._state = self.state()
            self.close()
            self.targets = dict(targets)

    def needs_compile(self) -> Compiled:
        """The arguments of `compile`.

        Raises:
            ExperimentError: A ValueError: it was not called.
        """
        if self.compiled is None:
            raise ExperimentError("Compile the model first: model.compile(optimizer=…, loss=…).")
        return self.compiled

    def for_targets(self, shapes: Sequence[Shape], *, learns: bool = True) -> Engine:
        """The engine for targets of these shapes; made anew where they differ, with weights and optimizer as they are.

        Args:
            shapes: Shape of the targets of each output, without the batch axis.
            learns: Whether it has an optimizer, whose arrays are as large as the weights or larger.

        Raises:
            ExperimentError: A ValueError: the model was not compiled, or has no loss.
        """
        wanted = self.needs_compile()
        if self._engine is not None and self._target_shapes == tuple(shapes) and (self._learns or not learns):
            return self._engine
        if all(objective.loss is None for objective in wanted.objectives.values()):
            raise ExperimentError("The model has no loss: model.compile(optimizer=…, loss=…).")
        objectives = with_output_targets(with_target_shapes(wanted.objectives, shapes), self.targets)
        if not learns:
            return self._make_engine(tuple(shapes), objectives=objectives)
        return self._make_engine(tuple(shapes), objectives=objectives, optimizer=wanted.optimizer)

    def for_predictions(self) -> Engine:
        """Any engine: predictions ask for no targets."""
        if self._engine is not None:
            return self._engine
        if not self.targets:
            return self._make_engine(None)
        # Nothing is measured: only the scale of the targets is undone.
        nothing = dict.fromkeys(self._graph.outputs, Objective())
        return self._make_engine(None, objectives=with_output_targets(nothing, self.targets))

    def part(self, graph: Graph) -> Engine:
        """An engine for some of the layers alone, with their weights as they are now; whoever asks closes it."""
        names = {name for name, _ in graph.weights()}
        weights = {name.removeprefix("weights/"): array for name, array in self.weights().items()}
        return create_engine(self._setting, graph, weights={name: weights[name] for name in names})

    def _make_engine(self, target_shapes: tuple[Shape, ...] | None, **options: Any) -> Engine:
        self._state = self.state()
        graph = self.graph
        self.close()
        weights = {name.removeprefix("weights/"): array for name, array in self._state.items() if name.startswith("weights/")}
        engine = create_engine(
            self._setting,
            graph,
            seed=self._seed,
            weights=weights or None,
            skips_bad_steps=self._skips_bad_steps,
            group=self._group,
            **options,
        )
        kept = {name: array for name, array in self._state.items() if name.startswith("optimizer/")}
        self._learns = "optimizer" in options
        if self._learns:
            engine.load_state(kept)
        # An engine that only measures has no place for the optimizer's arrays: they wait for the next one that learns.
        self._state = {} if self._learns else kept
        self._engine, self._target_shapes, self._graph = engine, target_shapes, graph
        # Few people close a model: what the engine holds goes with the network, or at the end of the process.
        self._closing = weakref.finalize(self, engine.close)
        return engine

    def close(self) -> None:
        """Give back what an engine holds; weights that were not copied out are gone."""
        self._graph = self.graph
        if self._closing is not None:
            self._closing()
        self._engine, self._target_shapes, self._learns, self._closing = None, None, False, None

    def set_trainable(self, layers: Collection[str]) -> None:
        """Let exactly the layers of these names learn; weights and the optimizer's arrays go on."""
        if self._engine is not None:
            self._engine.set_trainable(layers)
        else:
            self._graph = self._graph.with_trainable(layers)

    def state(self) -> State:
        """Copies of weights and optimizer, each (*shape) of its tensor, without running values."""
        if self._engine is None:
            return {**self._state, **self.weights()}
        return {**self._state, **self._engine.state(("weights", "optimizer"))}

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of the weights."""
        return {f"weights/{name}": TensorInfo(entry.shape, np.dtype(np.float32)) for name, entry in self._graph.weights()}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what is given, arrays (*shape) of their tensors.

        Raises:
            CheckpointError: It does not fit the network.
        """
        if self._engine is not None and (self._learns or all(name.startswith("weights/") for name in state)):
            self._engine.load_state(state)
            return
        # Before anything is touched: what does not fit leaves the network as it is.
        check_state({name: array for name, array in state.items() if name.startswith("weights/")}, self.describe())
        weights = self.weights()
        self.close()
        self._state = {**self._state, **weights, **{name: np.array(array) for name, array in state.items()}}

    def weights(self) -> State:
        """Copies of the weights, each (*shape) of its parameter, by `weights/<layer>/<name>`, layer after layer."""
        if self._engine is not None:
            return self._engine.state(WEIGHTS)
        names = [f"weights/{name}" for name, _ in self._graph.weights()]
        if not all(name in self._state for name in names):
            drawn = self._graph.initial_weights(self._seed).items()
            self._state = {**{f"weights/{name}": array for name, array in drawn}, **self._state}
        return {name: np.array(self._state[name]) for name in names}

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        if self._engine is not None and self._learns:
            return self._engine.learning_rate
        rate = self._state.get("optimizer/learning_rate")
        return self.needs_compile().optimizer.rate(self.iterations) if rate is None else float(rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._engine is not None and self._learns:
            self._engine.learning_rate = float(rate)
            return
        wanted = self.needs_compile()
        # A rate that is kept here from an earlier engine would win over the new one.
        self._state.pop("optimizer/learning_rate", None)
        self.compiled = replace(wanted, optimizer=replace(wanted.optimizer, learning_rate=float(rate)))

    @property
    def iterations(self) -> int:
        """Training steps since `compile`."""
        if self._engine is not None and self._learns:
            return self._engine.iterations
        return int(self._state.get("optimizer/iterations", np.array(0)))

    @contextmanager
    def own_metrics(self, engine: Engine) -> Iterator[None]:
        """Running values of one's own for a while; those of a training under way are put back."""
        kept = engine.metrics_state()
        try:
            yield
        finally:
            engine.load_metrics_state(kept)


class OptimizerView:
    """`model.optimizer`: the rate and the number of steps as they are now, and the arguments that it was made with.

    Args:
        network: Whose optimizer it is.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; may be set."""
        return self._network.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._network.learning_rate = rate

    @property
    def iterations(self) -> int:
        """Training steps since `compile`."""
        return self._network.iterations

    def __getattr__(self, name: str) -> Any:
        """An argument of the optimizer."""
        return getattr(self._network.needs_compile().optimizer, name)
