"""The part of an engine that is about its state, the same for every engine: what is in it, taking it over, what learns.

An engine holds its weights in a store, its optimizer in an update and the sums of its running values, each of which knows its
own part of the state. Together they are the state that `fittool.engines.base.Engine` speaks of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.engines.base import ALL_KINDS, StateKind
from fittool.engines.state import State, TensorInfo, check_state
from fittool.engines.update_counts import COUNTS, UpdateCounts
from fittool.nn.graph import Graph
from fittool.nn.shapes import Shape


class WeightView(Protocol):
    """The place of one weight in a store."""

    @property
    def trainable(self) -> bool:
        """True where it learns now."""

    @property
    def shape(self) -> Shape:
        """Its shape, Keras's."""


class WeightStore(Protocol):
    """All weights of a network."""

    @property
    def views(self) -> Mapping[str, WeightView]:
        """Where each weight lies, by `<layer>/<parameter>`."""

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Copy arrays in by name, in Keras's shapes."""

    def copies(self) -> dict[str, NDArray[Any]]:
        """A copy of every weight, in Keras's shape."""


class PartOfState(Protocol):
    """An optimizer at work, or the sums of running values."""

    def state(self) -> Mapping[str, NDArray[np.generic]]:
        """Copies of its tensors, by their names in the state."""

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of what `state` gives."""

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given, of which some may be for other parts."""


class CountingPart(PartOfState, Protocol):
    """An optimizer at work."""

    learning_rate: float
    """The rate of the next step."""

    @property
    def counts(self) -> UpdateCounts:
        """The updates of each weight."""

    @property
    def iterations(self) -> int:
        """Training steps that were done."""

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Move the weights of some layers, by name, at so many times the rate from now on; all others at the rate itself."""


class StatefulEngine(ABC):
    """An engine's state; an engine inherits it, and lays out the parts in `_build`.

    Attributes:
        graph: The network, with the layers trainable that learn now.
    """

    graph: Graph
    _store: WeightStore
    _update: CountingPart | None
    _losses_and_metrics: PartOfState
    _set_aside: State
    """What the optimizer keeps for layers that do not learn now."""
    _built: Graph | None = None
    """What is laid out, where that is not the whole graph."""

    @abstractmethod
    def _build(self, graph: Graph) -> None:
        """Lay out weights, memory and update of a network whose layers learn or not as they say."""

    @property
    @abstractmethod
    def _weights_dtype(self) -> np.dtype[Any]:
        """Of the weights in the state."""

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

    def metrics_state(self) -> State:
        """Copies of the sums behind the running values, each (size,)."""
        return dict(self._losses_and_metrics.state())

    def load_metrics_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what `metrics_state` gave, sums (size,)."""
        self._losses_and_metrics.load_state(state)

    def set_trainable(
        self, layers: Collection[str], *, rates: Mapping[str, float] | None = None, features_of: str | None = None
    ) -> None:
        """Let exactly the layers of these names learn; see the contract."""
        whole = self.graph.with_trainable(layers)
        built = whole if features_of is None else whole.behind(features_of)
        if built != (self._built or self.graph):
            state = self.state()
            self._set_aside = {}
            # Trainable and fixed weights lie in two flat arrays, so another division of them is another layout of everything.
            self._build(built)
            self._built, self.graph = built, whole
            self.load_state(state)
        if self._update is not None:
            self._update.set_rates(rates or {})

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of every tensor of the state."""
        form = {f"weights/{name}": TensorInfo(view.shape, self._weights_dtype) for name, view in self._store.views.items()}
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
            state |= {**self._update.state(), **{name: array.copy() for name, array in self._set_aside.items()}}
        return state | self.metrics_state() if "metrics" in kinds else state

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given, each in the shape that `describe` tells.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs.
        """
        aside = {name: array for name, array in state.items() if self._is_of_fixed_layer(name, array)}
        given = {name: array for name, array in state.items() if name not in aside}
        check_state(given, self.describe() | ({} if self._update is None else self._update.counts.may_hold()))
        self._set_aside |= {name: np.array(array) for name, array in aside.items()}
        self._store.load({name.removeprefix("weights/"): array for name, array in given.items() if name.startswith("weights/")})
        if self._update is not None:
            self._update.load_state(state)
        self._losses_and_metrics.load_state(given)

    def _is_of_fixed_layer(self, name: str, array: NDArray[np.generic]) -> bool:
        """True where a tensor is what an optimizer kept for a weight that does not learn now."""
        view = self._store.views.get(name.split("/", 2)[-1])
        is_slot = name.startswith("optimizer/") and not name.startswith(COUNTS)
        return is_slot and view is not None and not view.trainable and view.shape == array.shape
