"""A temperature that was chosen for probabilities, put into the weights of the layer that gives their logits.

Probabilities at a temperature T are those of logits divided by T, so a linear layer whose kernel and bias are divided by T gives
them: for formats that hold layers and weights alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fittool.exchange.trained_network import TrainedNetwork
from fittool.nn import layers as nn
from fittool.nn.graph import Node

_LINEAR = (nn.Dense, nn.Conv1D, nn.Conv2D, nn.Conv3D)
_SQUASHING = ("softmax", "sigmoid")


def with_temperature(network: TrainedNetwork) -> tuple[TrainedNetwork, tuple[str, ...]]:
    """The network with its temperatures in its weights, and sentences about those that stay behind."""
    weights, outputs, said = dict(network.weights), dict(network.outputs), list[str]()
    for name, form in network.outputs.items():
        if form.temperature == 1:
            continue
        node = _gives_logits(network, name)
        if node is None:
            said.append(f"The temperature {form.temperature:.4g} of {name} stays behind: no layer alone gives its logits.")
            continue
        for one in node.parameters:
            key = f"{node.name}/{one.name}"
            weights[key] = weights[key] / weights[key].dtype.type(form.temperature)
        outputs[name] = replace(form, temperature=1.0)
    return replace(network, weights=weights, outputs=outputs), tuple(said)


def _gives_logits(network: TrainedNetwork, output: str) -> Node | None:
    """The linear layer that an output's softmax or sigmoid stands behind, where nothing else reads it or shares its weights."""
    nodes = {node.name: node for node in network.graph.nodes}
    readers = Counter(name for node in network.graph.nodes for name in node.inputs)
    users = Counter(node.owner for node in network.graph.nodes)
    node = nodes.get(output)
    if node is not None and isinstance(node.layer, nn.Activation | nn.Softmax | nn.Sigmoid) and node.inputs[0] in nodes:
        behind = isinstance(node.layer, nn.Softmax | nn.Sigmoid) or node.layer.activation in _SQUASHING
        node = nodes[node.inputs[0]]
        fits = (
            behind and isinstance(node.layer, _LINEAR) and node.layer.activation in (None, "linear") and readers[node.name] == 1
        )
    else:
        squashes = node is not None and isinstance(node.layer, _LINEAR) and node.layer.activation in _SQUASHING
        is_logits = network.outputs[output].logits is not None and node is not None and isinstance(node.layer, _LINEAR)
        fits = squashes or is_logits
    return node if fits and node is not None and users[node.owner] == 1 and node.owner == node.name else None
