"""Batch normalizations that go into the kernel and bias of the layer before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.trained_network import TrainedNetwork
from fittool.nn import layers as nn
from fittool.nn.graph import Node

Weights = dict[str, NDArray[np.float32]]
_KERNELS: dict[type[Any], str] = {
    nn.Dense: "kernel",
    nn.Conv1D: "kernel",
    nn.Conv2D: "kernel",
    nn.Conv3D: "kernel",
    nn.Conv2DTranspose: "kernel",
    nn.DepthwiseConv2D: "depthwise_kernel",
    nn.SeparableConv2D: "pointwise_kernel",
}
"""The layers that a normalization can go into, and the weight that its factors are multiplied into."""


def foldable(network: TrainedNetwork) -> dict[str, Node]:
    """The batch normalizations that nothing but a linear layer stands before, by that layer's name."""
    readers = Counter(name for node in network.graph.nodes for name in node.inputs)
    users = Counter(node.owner for node in network.graph.nodes)
    nodes = {node.name: node for node in network.graph.nodes}
    found = {}
    for node in network.graph.nodes:
        before = nodes.get(node.inputs[0])
        if not isinstance(node.layer, nn.BatchNormalization) or before is None or type(before.layer) not in _KERNELS:
            continue
        layer: Any = before.layer
        is_alone = readers[before.name] == 1 and users[before.owner] == 1 and before.name not in network.graph.outputs
        if is_alone and layer.activation in (None, "linear"):
            found[before.name] = node
    return found


def fold_into(
    before: Node, weights: Mapping[str, NDArray[np.float32]], node: Node, own: Mapping[str, NDArray[np.float32]]
) -> Weights:
    """The weights of a linear layer that does the work of the batch normalization behind it too.

    Args:
        before: The linear layer.
        weights: Its weights.
        node: The normalization.
        own: Its weights.
    """
    layer: Any = node.layer
    factor = 1 / np.sqrt(own["moving_variance"].astype(np.float64) + layer.epsilon)
    factor = factor * own["gamma"] if layer.scale else factor
    bias = weights["bias"] if "bias" in weights else np.zeros(len(factor))
    bias = (bias - own["moving_mean"].astype(np.float64)) * factor + (own["beta"] if layer.center else 0)
    name = _KERNELS[type(before.layer)]
    kernel = weights[name].astype(np.float64) * _along(before, weights[name], factor)
    return {**weights, name: kernel.astype(np.float32), "bias": bias.astype(np.float32)}


def _along(before: Node, kernel: NDArray[np.float32], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """A factor (out,) for each output, shaped to multiply a kernel."""
    if isinstance(before.layer, nn.Conv2DTranspose):
        return factor[:, np.newaxis]  # (height, width, out, in)
    return factor.reshape(kernel.shape[-2:]) if isinstance(before.layer, nn.DepthwiseConv2D) else factor
