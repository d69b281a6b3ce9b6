"""The table from each layer to Keras's: class, configuration, and where its weights lie in the file.

Arguments have Keras's names already. Initializers are left out: the weights are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.standardize import EPSILON, centres_samples
from fittool.exchange.trained_network import refusal
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.regularizers import Regularizer
from fittool.settings import fields_of, plain

Weights = Mapping[str, NDArray[np.float32]]
_OWN = ("name", "inputs", "weights_of", "input_shape", "trainable")
"""Arguments that say where a layer stands; what becomes of them is the graph's business."""
_ACTIVATIONS: dict[type[Any], str] = {nn.SELU: "selu", nn.GELU: "gelu", nn.SiLU: "silu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}
"""Layers that Keras has as activations alone."""
_CELLS = (nn.SimpleRNN, nn.LSTM, nn.GRU)


@dataclass(frozen=True)
class KerasLayer:
    """One layer of Keras's.

    Attributes:
        class_name: Its class.
        config: Its arguments.
        variables: Its weights in order, by the place in the file below the layer's own, such as `vars` or `cell/vars`.
        call: Arguments of its call beside the inputs.
    """

    class_name: str
    config: dict[str, Any]
    variables: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)


def keras_layers(node: Node, weights: Weights) -> list[KerasLayer]:
    """The layers that a layer becomes: one of Keras's, or several behind one another.

    Args:
        node: The layer in its place.
        weights: Its weights by their own names, in Keras's order.

    Raises:
        ExportError: Keras has no counterpart; names layer and place.
    """
    layer = node.layer
    if type(layer) not in KERAS_LAYERS:
        raise refusal(node, "Keras has no such layer.")
    for name in ("activation", "recurrent_activation"):
        if getattr(getattr(layer, "layer", layer), name, None) == "sparsemax":
            raise refusal(node, "Keras up to 3.15 computes something else by the name sparsemax: its outputs do not add up to 1.")
    return KERAS_LAYERS[type(layer)](node, layer, weights)


def _config(layer: Any, *left_out: str) -> dict[str, Any]:
    """The arguments that a layer has in Keras too."""
    found = {}
    for name in fields_of(type(layer)):
        if name in _OWN or name in left_out or name.endswith("_initializer"):
            continue
        found[name] = _plain(getattr(layer, name))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Regularizer):
        ((name, config),) = plain(value).items()
        return {"module": "keras.regularizers", "class_name": name, "config": config, "registered_name": None}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _same(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    """A layer of the same name and arguments, with its weights in one list."""
    variables = {"vars": list(weights.values())} if weights else {}
    return [KerasLayer(layer.public_name(), _config(layer), variables)]


def _activation(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    if getattr(layer, "approximate", False):
        raise refusal(node, "Keras has no activation by the name of the approximate gelu. Use the exact one.")
    return [KerasLayer("Activation", {"activation": _ACTIVATIONS[type(layer)]})]


def _normalization(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    """Mean and variance are arguments in Keras, where they are not to be learnt."""
    statistics = {name: weights[name].tolist() for name in ("mean", "variance")}
    return [KerasLayer("Normalization", {"axis": -1, **statistics})]


def _standardization(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    """The steps by channel alone: those by picture, and whitening, are no layers in Keras."""
    if centres_samples(layer) or layer.zca_whitening:
        raise refusal(node, "Keras has no layer that centres each picture by itself, or whitens.")
    found = [] if layer.rescale is None else [KerasLayer("Rescaling", {"scale": layer.rescale})]
    if layer.adapts:
        deviation = weights["std"].astype(np.float64) + EPSILON if layer.featurewise_std_normalization else None
        variance = np.ones(len(weights["mean"])) if deviation is None else deviation**2
        config = {"axis": -1, "mean": weights["mean"].tolist(), "variance": variance.tolist()}
        found.append(KerasLayer("Normalization", config))
    return found or [KerasLayer("Rescaling", {"scale": 1.0})]


def _recurrent(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    return [KerasLayer(layer.public_name(), _config(layer), {"cell/vars": list(weights.values())})]


def _bidirectional(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    inner = {"module": "keras.layers", "class_name": layer.layer.public_name(), "config": _config(layer.layer)}
    variables = {
        f"{way}_layer/cell/vars": [array for name, array in weights.items() if name.startswith(f"{way}_")]
        for way in ("forward", "backward")
    }
    return [KerasLayer("Bidirectional", {"layer": inner, "merge_mode": layer.merge_mode}, variables)]


def _attention(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    config = _config(layer, "output_shape_", "output_shape", "use_causal_mask")
    config["output_shape"] = None if layer.output_shape_ is None else list(layer.output_shape_)
    if len(node.input_shapes[0]) > 2:
        config["attention_axes"] = list(range(1, len(node.input_shapes[0])))
    parts = {"query": "query_dense", "key": "key_dense", "value": "value_dense", "attention_output": "output_dense"}
    variables = {
        f"{place}/vars": [weights[f"{part}_{one}"] for one in ("kernel", "bias") if f"{part}_{one}" in weights]
        for part, place in parts.items()
    }
    return [KerasLayer("MultiHeadAttention", config, variables, {"use_causal_mask": layer.use_causal_mask})]


def _time_distributed(node: Node, layer: Any, weights: Weights) -> list[KerasLayer]:
    (inner, *more) = keras_layers(_step(node), weights)
    if more:
        raise refusal(node, f"{layer.layer.public_name()} becomes several layers in Keras, and TimeDistributed wraps one.")
    wrapped = {"module": "keras.layers", "class_name": inner.class_name, "config": inner.config}
    variables = {f"layer/{place}": arrays for place, arrays in inner.variables.items()}
    return [KerasLayer("TimeDistributed", {"layer": wrapped}, variables)]


def _step(node: Node) -> Node:
    """The wrapped layer as it sees one step."""
    layer: Any = node.layer
    shapes = tuple(shape[1:] for shape in node.input_shapes)
    return replace(node, layer=layer.layer, input_shapes=shapes, output_shape=node.output_shape[1:])


KERAS_LAYERS: dict[type[Any], Callable[[Node, Any, Weights], list[KerasLayer]]] = {
    **dict.fromkeys(
        (
            nn.Rescaling, nn.Dense, nn.Embedding, nn.Conv1D, nn.Conv2D, nn.Conv3D, nn.Conv2DTranspose, nn.DepthwiseConv2D,
            nn.SeparableConv2D, nn.MaxPooling1D, nn.MaxPooling2D, nn.MaxPooling3D, nn.AveragePooling1D, nn.AveragePooling2D,
            nn.AveragePooling3D, nn.GlobalAveragePooling1D, nn.GlobalAveragePooling2D, nn.GlobalAveragePooling3D,
            nn.GlobalMaxPooling1D, nn.GlobalMaxPooling2D, nn.GlobalMaxPooling3D, nn.Flatten, nn.Reshape, nn.Permute,
            nn.RepeatVector, nn.ZeroPadding1D, nn.ZeroPadding2D, nn.Cropping1D, nn.Cropping2D, nn.UpSampling1D, nn.UpSampling2D,
            nn.Dropout, nn.SpatialDropout1D, nn.SpatialDropout2D, nn.GaussianNoise, nn.BatchNormalization, nn.LayerNormalization,
            nn.GroupNormalization, nn.Activation, nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.Softmax, nn.Add, nn.Subtract,
            nn.Multiply, nn.Average, nn.Maximum, nn.Minimum, nn.Concatenate,
        ),
        _same,
    ),
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(_CELLS, _recurrent),
    nn.Normalization: _normalization,
    nn.Standardization: _standardization,
    nn.Bidirectional: _bidirectional,
    nn.MultiHeadAttention: _attention,
    nn.TimeDistributed: _time_distributed,
}  # fmt: skip
"""Every layer that Keras can hold; those of tables alone, and tokens, are not among them."""
