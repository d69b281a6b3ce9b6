"""A table of small networks that together use every layer, for all formats that networks leave in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from fittool.engines.registry import create_engine
from fittool.engines.settings import ENGINES
from fittool.exchange.trained_network import InputForm, OutputForm, TrainedNetwork
from fittool.nn.graph import Graph
from fittool.nn.layers import Layers
from fittool.nn.shapes import Shape

IMAGE, SEQUENCE, VOLUME, VECTOR = {"input": (9, 8, 6)}, {"input": (10, 5)}, {"input": (5, 6, 7, 2)}, {"input": (12,)}
SMALL = {"input": (4, 5, 2)}


@dataclass(frozen=True)
class Case:
    """One network.

    Attributes:
        layers: As an experiment writes them.
        shapes: Of the inputs.
        outputs: Names of the layers to return; by default the last.
        codes: Up to where inputs are whole numbers; 0: they are any numbers.
    """

    layers: list[Any]
    shapes: Mapping[str, Shape]
    outputs: tuple[str, ...] | None = None
    codes: int = 0


def _merging(kind: str) -> Case:
    layers = [{"Conv2D": {"filters": 6, "kernel_size": 1, "name": "a", "inputs": "input"}}, {kind: {"inputs": ["a", "input"]}}]
    return Case(layers, IMAGE)


CASES: dict[str, Case] = {
    "conv2d with strides": Case([{"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}}], IMAGE),
    "conv2d dilated": Case(
        [{"Conv2D": {"filters": 4, "kernel_size": [3, 2], "dilation_rate": 2, "padding": "same", "use_bias": False}}], IMAGE
    ),
    "conv2d and softmax": Case([{"Conv2D": {"filters": 4, "kernel_size": 3, "activation": "softmax"}}], IMAGE),
    "depthwise": Case([{"DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}}], IMAGE),
    "separable": Case(
        [{"SeparableConv2D": {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "strides": 2, "padding": "same"}}], IMAGE
    ),
    "conv1d": Case([{"Conv1D": {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}}], SEQUENCE),
    "conv1d causal": Case([{"Conv1D": {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}}], SEQUENCE),
    "conv3d": Case([{"Conv3D": {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}}], VOLUME),
    "transposed same": Case([{"Conv2DTranspose": {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}}], SMALL),
    "transposed valid": Case([{"Conv2DTranspose": {"filters": 3, "kernel_size": 2, "strides": 3}}], SMALL),
    "transposed, far apart": Case([{"Conv2DTranspose": {"filters": 3, "kernel_size": 1, "strides": 4}}], SMALL),
    "transposed dilated": Case(
        [{"Conv2DTranspose": {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}}], SMALL
    ),
    "transposed, more": Case(
        [{"Conv2DTranspose": {"filters": 3, "kernel_size": 3, "strides": 3, "padding": "same", "output_padding": [1, 2]}}], SMALL
    ),
    "dense": Case(["Flatten", {"Dense": {"units": 4, "activation": "relu"}}, {"Dense": {"units": 3}}, "Softmax"], IMAGE),
    "dense along a sequence": Case([{"Dense": {"units": 4, "activation": "gelu"}}], SEQUENCE),
    "flatten behind a convolution": Case(
        [{"Conv2D": {"filters": 3, "kernel_size": 3}}, "Flatten", {"Dense": {"units": 2}}], IMAGE
    ),
    "embedding": Case([{"Embedding": {"input_dim": 6, "output_dim": 3}}, "Flatten"], {"input": (7,)}, codes=6),
    "max pooling": Case([{"MaxPooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}}], IMAGE),
    "average pooling": Case([{"AveragePooling2D": {"pool_size": 3, "strides": 2, "padding": "same"}}], IMAGE),
    "pooling 1d": Case(
        [{"MaxPooling1D": {"padding": "same"}}, {"AveragePooling1D": {"strides": 1, "padding": "same"}}], SEQUENCE
    ),
    "pooling 3d": Case([{"MaxPooling3D": {"strides": 1}}, {"AveragePooling3D": {"padding": "same"}}], VOLUME),
    "global pooling": Case(
        [{"GlobalAveragePooling2D": {"inputs": "input", "name": "a"}}, {"GlobalMaxPooling2D": {"inputs": "input", "name": "b"}},
         {"Concatenate": {"inputs": ["a", "b"]}}],
        IMAGE,
    ),
    "global pooling 1d": Case(
        [{"GlobalAveragePooling1D": {"inputs": "input", "name": "a"}}, {"GlobalMaxPooling1D": {"inputs": "input", "name": "b"}},
         {"Concatenate": {"inputs": ["a", "b"]}}],
        SEQUENCE,
    ),
    "global pooling 3d": Case(
        [{"GlobalAveragePooling3D": {"inputs": "input", "name": "a", "keepdims": True}},
         {"GlobalMaxPooling3D": {"inputs": "input", "name": "b", "keepdims": True}}, {"Concatenate": {"inputs": ["a", "b"]}}],
        VOLUME,
    ),
    "batch normalization": Case([{"Conv2D": {"filters": 4, "kernel_size": 3}}, "BatchNormalization", "ReLU"], IMAGE),
    "batch normalization of vectors": Case(["BatchNormalization", {"BatchNormalization": {"scale": False}}], VECTOR),
    "batch normalization of sequences": Case([{"BatchNormalization": {"center": False}}], SEQUENCE),
    "layer normalization": Case(["LayerNormalization", {"LayerNormalization": {"center": False, "scale": False}}], IMAGE),
    "group normalization": Case([{"GroupNormalization": {"groups": 3}}, {"GroupNormalization": {"groups": -1}}], IMAGE),
    "group normalization of vectors": Case([{"GroupNormalization": {"groups": 3, "scale": False}}], VECTOR),
    "normalization": Case(
        [{"Normalization": {"mean": 1.0, "variance": 2.0}}, {"Conv2D": {"filters": 2, "kernel_size": 1}}], IMAGE
    ),
    "rescaling": Case([{"Rescaling": {"scale": 0.5, "offset": -1}}], IMAGE),
    "rescaling by channel": Case(
        [{"Rescaling": {"scale": [0.5, 1, 2, 3, 4, 5], "offset": [1, 0, 0, 0, 2, 3]}},
         {"Conv2D": {"filters": 2, "kernel_size": 1}}],
        IMAGE,
    ),
    "standardization": Case(
        [{"Standardization": {"rescale": 0.5, "samplewise_center": True, "samplewise_std_normalization": True}}, "Flatten"], IMAGE
    ),
    "standardization by channel": Case(
        [{"Standardization": {"featurewise_center": True, "featurewise_std_normalization": True}},
         {"Conv2D": {"filters": 2, "kernel_size": 1}}],
        IMAGE,
    ),
    "whitening": Case([{"Standardization": {"zca_whitening": True}}, {"Conv2D": {"filters": 2, "kernel_size": 1}}], SMALL),
    "regularization": Case(
        [{"GaussianNoise": {"stddev": 1}}, {"SpatialDropout2D": {"rate": 0.2}}, {"Dropout": {"rate": 0.5}}, "Flatten"], IMAGE
    ),
    "shapes": Case(
        [{"Permute": {"dims": [3, 1, 2]}}, {"Reshape": {"target_shape": [8, -1]}}, "Flatten", {"RepeatVector": {"n": 2}}], IMAGE
    ),
    "padding and cropping": Case(
        [{"Conv2D": {"filters": 2, "kernel_size": 1}}, {"ZeroPadding2D": {"padding": [[1, 2], [0, 3]]}},
         {"Cropping2D": {"cropping": [[0, 2], [1, 1]]}}],
        IMAGE,
    ),
    "padding 1d": Case([{"ZeroPadding1D": {"padding": [1, 2]}}, {"UpSampling1D": {"size": 3}}, "Cropping1D"], SEQUENCE),
    "dropout along sequences": Case([{"SpatialDropout1D": {"rate": 0.2}}, {"Dense": {"units": 2}}], SEQUENCE),
    "convolution in groups": Case(
        [{"Conv2D": {"filters": 4, "kernel_size": 3, "groups": 2}}, {"Conv2D": {"filters": 4, "kernel_size": 1, "groups": 4}}],
        IMAGE,
    ),
    "shared weights": Case(
        [{"Input": {"name": "one"}}, {"Input": {"name": "two"}},
         {"Dense": {"units": 4, "activation": "tanh", "inputs": "one", "name": "first"}},
         {"Dense": {"units": 4, "activation": "tanh", "inputs": "two", "name": "second", "weights_of": "first"}},
         {"Subtract": {"inputs": ["first", "second"], "name": "apart"}}, {"Dense": {"units": 1}}],
        {"one": (6,), "two": (6,)},
    ),
    "upsampling": Case([{"UpSampling2D": {"size": [2, 3]}}], IMAGE),
    "upsampling bilinear": Case([{"UpSampling2D": {"size": [2, 3], "interpolation": "bilinear"}}], IMAGE),
    "relu with limits": Case([{"ReLU": {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}}], VECTOR),
    "relu with a limit": Case([{"ReLU": {"max_value": 1.0}}], VECTOR),
    "activation layers": Case(
        ["LeakyReLU", {"ELU": {"alpha": 0.5}}, "SELU", {"GELU": {"approximate": True}}, "GELU", "SiLU", "Tanh", "Sigmoid",
         {"Activation": {"activation": "softplus"}}],
        VECTOR,
    ),
    "prelu": Case([{"Conv2D": {"filters": 4, "kernel_size": 3}}, {"PReLU": {"shared_axes": [1, 2]}}, "PReLU"], IMAGE),
    "softmax along an axis": Case([{"Conv2D": {"filters": 4, "kernel_size": 3}}, {"Softmax": {"axis": 1}}], IMAGE),
    "simple recurrence": Case([{"SimpleRNN": {"units": 4, "return_sequences": True}}, {"SimpleRNN": {"units": 3}}], SEQUENCE),
    "lstm": Case([{"LSTM": {"units": 4, "return_sequences": True, "go_backwards": True}}, {"LSTM": {"units": 3}}], SEQUENCE),
    "lstm hard": Case([{"LSTM": {"units": 4, "activation": "softsign", "recurrent_activation": "hard_sigmoid"}}], SEQUENCE),
    "gru": Case([{"GRU": {"units": 4, "return_sequences": True}}, {"GRU": {"units": 3, "use_bias": False}}], SEQUENCE),
    "gru, reset before": Case([{"GRU": {"units": 4, "reset_after": False, "go_backwards": True}}], SEQUENCE),
    "bidirectional sequences": Case([{"Bidirectional": {"layer": {"LSTM": {"units": 4, "return_sequences": True}}}}], SEQUENCE),
    "bidirectional last": Case([{"Bidirectional": {"layer": {"GRU": {"units": 4}}}}], SEQUENCE),
    "bidirectional, reset before": Case([{"Bidirectional": {"layer": {"GRU": {"units": 4, "reset_after": False}}}}], SEQUENCE),
    "bidirectional sum": Case(
        [{"Bidirectional": {"layer": {"SimpleRNN": {"units": 4, "return_sequences": True}}, "merge_mode": "sum"}},
         {"Bidirectional": {"layer": {"SimpleRNN": {"units": 4}}, "merge_mode": "mul"}}],
        SEQUENCE,
    ),
    "bidirectional mean": Case(
        [{"Bidirectional": {"layer": {"LSTM": {"units": 4, "return_sequences": True}}, "merge_mode": "ave"}},
         {"Bidirectional": {"layer": {"LSTM": {"units": 4}}, "merge_mode": "ave"}}],
        SEQUENCE,
    ),
    "attention": Case([{"MultiHeadAttention": {"num_heads": 2, "key_dim": 3}}], SEQUENCE),
    "causal attention": Case(
        [{"MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "value_dim": 5, "use_causal_mask": True, "use_bias": False}}],
        SEQUENCE,
    ),
    "attention of images": Case(
        [{"MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "output_shape": [2, 3]}}], {"input": (3, 4, 5)}
    ),
    "attention of three": Case(
        [{"Input": {"name": "q"}}, {"Input": {"name": "k"}}, {"Input": {"name": "v"}},
         {"MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "inputs": ["q", "v", "k"]}}],
        {"q": (4, 5), "k": (6, 3), "v": (6, 2)},
    ),
    "each step": Case([{"TimeDistributed": {"layer": {"Dense": {"units": 3, "activation": "relu"}}}}], SEQUENCE),
    "images in time": Case(
        [{"TimeDistributed": {"layer": {"Conv2D": {"filters": 3, "kernel_size": 2}}}}, {"TimeDistributed": {"layer": "Flatten"}}],
        VOLUME,
    ),
    **{kind: _merging(kind) for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")},
    "sum of three": Case(
        [{"Conv2D": {"filters": 6, "kernel_size": 1, "name": "a", "inputs": "input"}},
         {"GlobalAveragePooling2D": {"keepdims": True, "name": "g"}}, {"Add": {"inputs": ["a", "input", "g"]}}],
        IMAGE,
    ),
    "joined along height": Case(
        [{"Conv2D": {"filters": 6, "kernel_size": 1, "name": "a", "inputs": "input"}},
         {"Concatenate": {"inputs": ["a", "input"], "axis": 1}}],
        IMAGE,
    ),
    "several inputs and outputs": Case(
        [{"Input": {"name": "picture"}}, {"Input": {"name": "facts"}},
         {"Conv2D": {"filters": 3, "kernel_size": 3, "inputs": "picture"}}, {"GlobalAveragePooling2D": {"name": "seen"}},
         {"Dense": {"units": 4, "inputs": "facts", "name": "known"}},
         {"Concatenate": {"inputs": ["seen", "known"], "name": "all"}},
         {"Dense": {"units": 3, "activation": "softmax", "name": "kind"}},
         {"Dense": {"units": 1, "inputs": "all", "name": "size"}}],
        {"picture": (9, 8, 6), "facts": (5,)},
        ("kind", "size"),
    ),
}  # fmt: skip
"""By name; layers that Keras has too."""

OWN_CASES: dict[str, Case] = {
    "columns": Case([{"ColumnEmbedding": {"columns": [1, 0], "levels": [3, 4], "widths": [2, 5]}}], {"input": (4,)}, codes=3),
    "robust scaling": Case([{"RobustScaling": {"columns": [5, 2, 7]}}, {"RobustScaling": {"limit": None}}], VECTOR),
    "tokens": Case(["ClassToken", "PositionEmbedding", {"Dense": {"units": 2}}], SEQUENCE),
    "pieces": Case([{"PiecewiseLinearEmbedding": {"columns": [5, 2], "bins": 4, "output_dim": 3}}], VECTOR),
}
"""Layers that only fittool has."""


def build(case: Case, seed: int = 0) -> TrainedNetwork:
    """The network of a case with weights that are all different."""
    graph = Graph.build(TypeAdapter(Layers).validate_python(case.layers), dict(case.shapes), case.outputs)
    generator = np.random.default_rng(seed)
    weights = {}
    for key, start in graph.initial_weights(seed).items():
        moved = generator.uniform(0, 1, start.shape) if key.endswith("variance") else generator.normal(0, 0.2, start.shape)
        weights[key] = (start + moved).astype(np.float32)
    inputs = tuple(InputForm(name, shape, "float32") for name, shape in graph.inputs.items())
    return TrainedNetwork(graph, weights, inputs, {name: OutputForm("numbers") for name in graph.outputs})


def inputs_of(case: Case, count: int) -> tuple[NDArray[np.float32], ...]:
    """(count, …) for each input."""
    generator = np.random.default_rng(count)
    low, high = (0, case.codes) if case.codes else (-2, 2)
    arrays = [generator.uniform(low, high, (count, *shape)).astype(np.float32) for shape in case.shapes.values()]
    return tuple(map(np.floor, arrays)) if case.codes else tuple(arrays)


def outputs_of(network: TrainedNetwork, arrays: tuple[NDArray[np.float32], ...]) -> list[NDArray[np.float32]]:
    """What fittool's own engine gives."""
    engine = create_engine(ENGINES.parse("numpy"), network.graph, weights=dict(network.weights))
    found = [np.array(array) for array in engine.predict_step(arrays)]
    engine.close()
    return found


def distance(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference, relative to the largest output."""
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())
