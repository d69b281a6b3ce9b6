"""All weights of a network in two flat tensors, trainable and fixed; layers hold views, which are the leaves of the derivative.

A view has the shape and memory order that PyTorch's own functions take at once. Outside, in states, everything is in the shape
and order of Keras, so that a run goes on with another engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape

_ALIGNMENT = 16
"""Views begin at multiples of 16 elements, 64 bytes of float32, which is what vectorized kernels like best."""


@dataclass(frozen=True)
class Layout:
    """The order of a weight's axes.

    Attributes:
        memory: The axes of Keras's shape in the order in which they lie in memory.
        view: The axes of Keras's shape in the order in which PyTorch takes them.
    """

    memory: tuple[int, ...]
    view: tuple[int, ...]


_TRANSPOSED = Layout((1, 0), (1, 0))  # (units, in)
_SEQUENCE = Layout((2, 0, 1), (2, 1, 0))  # (filters, in, length)
_IMAGE = Layout((3, 0, 1, 2), (3, 2, 0, 1))  # (filters, in, height, width)
_VOLUME = Layout((4, 0, 1, 2, 3), (4, 3, 0, 1, 2))  # (filters, in, depth, height, width)
_BY_CHANNEL = Layout((2, 3, 0, 1), (2, 3, 0, 1))  # (in, multiplier, height, width)
LAYOUTS: dict[tuple[type[Any], str], Layout] = {
    (nn.Dense, "kernel"): _TRANSPOSED,
    (nn.Conv1D, "kernel"): _SEQUENCE,
    (nn.Conv2D, "kernel"): _IMAGE,
    (nn.Conv3D, "kernel"): _VOLUME,
    (nn.Conv2DTranspose, "kernel"): _IMAGE,
    (nn.DepthwiseConv2D, "depthwise_kernel"): _BY_CHANNEL,
    (nn.SeparableConv2D, "depthwise_kernel"): _BY_CHANNEL,
    (nn.SeparableConv2D, "pointwise_kernel"): _IMAGE,
}
"""The weights, by the class of their layer and their own name, whose axes PyTorch takes in another order than Keras."""


def layout_of(layer: nn.Layer, parameter: Parameter, channels_last: bool) -> Layout:
    """The order of a weight's axes in memory and in its view.

    Args:
        layer: Whose weight it is.
        parameter: The weight.
        channels_last: Whether kernels of images lie in memory with the channels last, as the images do.
    """
    if isinstance(layer, nn.TimeDistributed):
        return layout_of(layer.layer, parameter, channels_last)
    same = tuple(range(len(parameter.shape)))
    layout = LAYOUTS.get((type(layer), parameter.name), Layout(same, same))
    return layout if channels_last else Layout(layout.view, layout.view)


@dataclass(frozen=True)
class ParameterView:
    """The place of one parameter: `flat[start:stop]` of the trainable or the fixed tensor."""

    name: str
    parameter: Parameter
    trainable: bool
    start: int
    stop: int
    layout: Layout

    @property
    def shape(self) -> Shape:
        """The parameter's shape, Keras's."""
        return self.parameter.shape

    def of(self, flat: Tensor) -> Tensor:
        """Its part of a flat tensor (P,), in the order that PyTorch takes."""
        return self._in_keras_order(flat).permute(self.layout.view)

    def _in_keras_order(self, flat: Tensor) -> Tensor:
        memory = self.layout.memory
        stored = flat[self.start : self.stop].view([self.shape[axis] for axis in memory])
        return stored.permute([memory.index(axis) for axis in range(len(memory))])

    def copy_from(self, flat: Tensor) -> NDArray[Any]:
        """A copy of its part of a flat tensor (P,), (*shape), in Keras's order, on the host."""
        return np.ascontiguousarray(self._in_keras_order(flat.detach()).cpu().numpy()).copy()

    def copy_to(self, flat: Tensor, array: NDArray[Any]) -> None:
        """Put an array (*shape) in Keras's order into its part of a flat tensor (P,)."""
        with torch.no_grad():
            self._in_keras_order(flat).copy_(torch.from_numpy(np.array(array)))


class ParameterStore:
    """The flat tensors and the views on them.

    Args:
        graph: The network.
        dtype: Of the weights.
        device: Where they lie.
        channels_last: See `layout_of`.

    Attributes:
        views: Where each parameter lies, by `<layer>/<parameter>`.
        trainable: (P,) all trainable weights, layer after layer in the order of the graph, with gaps of zeros between them.
        fixed: (Q,) weights that no gradient changes: moving statistics, frozen layers.
    """

    def __init__(self, graph: Graph, dtype: torch.dtype, device: torch.device, channels_last: bool = True) -> None:
        sizes = {True: 0, False: 0}
        self.views: dict[str, ParameterView] = {}
        for node in graph.nodes:
            for parameter in node.parameters:
                trainable = parameter.trainable and node.layer.trainable
                start = -(-sizes[trainable] // _ALIGNMENT) * _ALIGNMENT
                stop = start + math.prod(parameter.shape)
                name = f"{node.name}/{parameter.name}"
                layout = layout_of(node.layer, parameter, channels_last)
                self.views[name] = ParameterView(name, parameter, trainable, start, stop, layout)
                sizes[trainable] = stop
        self.trainable = torch.zeros(sizes[True], dtype=dtype, device=device)
        self.fixed = torch.zeros(sizes[False], dtype=dtype, device=device)
        self._weights = {name: self._leaf(view) for name, view in self.views.items()}

    def _leaf(self, view: ParameterView) -> Tensor:
        leaf = view.of(self.trainable if view.trainable else self.fixed)
        return leaf.requires_grad_() if view.trainable else leaf

    def weights(self, name: str) -> Tensor:
        """A parameter in the order that PyTorch takes; a leaf of the derivative where it is trainable."""
        return self._weights[name]

    def flat(self, view: ParameterView) -> Tensor:
        """The flat tensor in which a parameter lies."""
        return self.trainable if view.trainable else self.fixed

    def trainable_views(self) -> list[ParameterView]:
        """The places of the trainable parameters, in the order of the flat tensor."""
        return [view for view in self.views.values() if view.trainable]

    def leaves(self) -> list[Tensor]:
        """The trainable parameters, in the same order."""
        return [self._weights[view.name] for view in self.trainable_views()]

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Copy arrays in by name, in Keras's shapes; names and shapes have been checked."""
        for name, array in weights.items():
            view = self.views[name]
            view.copy_to(self.flat(view), array)

    def copies(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter on the host, in Keras's shape, by name in the order of the graph."""
        trainable, fixed = self.trainable.detach().cpu(), self.fixed.cpu()  # two transfers, however many parameters there are
        return {name: view.copy_from(trainable if view.trainable else fixed) for name, view in self.views.items()}
