"""All weights of a network in one flat array, their gradients in another; operations hold views.

One call updates everything, and a checkpoint is one walk over the names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.nn.graph import Graph
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape

Floats = NDArray[Any]


@dataclass(frozen=True)
class ParameterView:
    """The place of one parameter: `flat[start:stop]` of the trainable or the fixed array."""

    name: str
    parameter: Parameter
    trainable: bool
    start: int
    stop: int

    @property
    def shape(self) -> Shape:
        """The parameter's shape."""
        return self.parameter.shape


class ParameterStore:
    """The flat arrays and the views on them.

    Attributes:
        views: Where each parameter lies, by `<layer>/<parameter>`.
        trainable: (P,) all trainable weights, layer after layer in the order of the graph.
        gradients: (P,) their gradients, in the same places.
        fixed: (Q,) weights that no gradient changes: moving statistics, frozen layers.
    """

    def __init__(self, graph: Graph, dtype: type[np.floating[Any]]) -> None:
        sizes = {True: 0, False: 0}
        self.views: dict[str, ParameterView] = {}
        for node in graph.nodes:
            for parameter in node.parameters:
                trainable = parameter.trainable and node.layer.trainable
                # In the order of the layer, so that its kernel and bias are neighbours: convolutions take both as one matrix.
                start, stop = sizes[trainable], sizes[trainable] + math.prod(parameter.shape)
                name = f"{node.name}/{parameter.name}"
                self.views[name] = ParameterView(name, parameter, trainable, start, stop)
                sizes[trainable] = stop
        self.trainable: Floats = np.zeros(sizes[True], dtype)
        self.gradients: Floats = np.zeros(sizes[True], dtype)
        self.fixed: Floats = np.zeros(sizes[False], dtype)
        self._unused: Floats = np.zeros(sizes[False], dtype)  # gradients of fixed weights are computed into here, and forgotten
        self._uses: dict[str, Floats] = {}  # by the further layers that share weights: what they add to the gradients

    def weights(self, *names: str, shape: Shape | None = None) -> Floats:
        """A view on one parameter, in its shape, or on neighbours in the order of the graph as one array of the given shape."""
        first = self.views[names[0]]
        return self._view(self.trainable if first.trainable else self.fixed, names, shape)

    def gradient(self, *names: str, shape: Shape | None = None, use: str | None = None) -> Floats:
        """A view on the gradient of one parameter, or of neighbours, of the same shape as `weights`.

        Args:
            names: Of the parameters.
            shape: As for `weights`.
            use: The layer that shares the weights of another, whose share is `add_use`d afterwards.
        """
        if not self.views[names[0]].trainable:
            return self._view(self._unused, names, shape)
        return self._view(self.gradients if use is None else self._share(use), names, shape)

    def _share(self, use: str) -> Floats:
        """(P,) zeros, of which only the places of the shared weights are ever touched, and so take memory."""
        if use not in self._uses:
            self._uses[use] = np.zeros(self.gradients.shape, self.gradients.dtype)
        return self._uses[use]

    def add_use(self, use: str, owner: str) -> None:
        """Add what a layer that shares weights gave to the gradients of their owner."""
        views = [view for name, view in self.views.items() if view.trainable and name.rpartition("/")[0] == owner]
        if views:
            places = slice(views[0].start, views[-1].stop)
            np.add(self.gradients[places], self._share(use)[places], self.gradients[places])

    def _view(self, flat: Floats, names: tuple[str, ...], shape: Shape | None) -> Floats:
        views = [self.views[name] for name in names]
        return flat[views[0].start : views[-1].stop].reshape(views[0].shape if shape is None else shape)

    def trainable_views(self) -> list[ParameterView]:
        """The places of the trainable parameters, in the order of the flat array."""
        return [view for view in self.views.values() if view.trainable]

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Copy arrays in by name, in the parameters' shapes; names and shapes have been checked."""
        for name, array in weights.items():
            self.weights(name)[...] = array

    def copies(self) -> dict[str, Floats]:
        """A copy of every parameter, in its shape, by name in the order of the graph."""
        return {name: self.weights(name).copy() for name in self.views}
