from __future__ import annotations

import pytest
from parity.networks import Network, chain
from parity.pair import SAMPLES, Pair, classes, numbers

from fittool.nn.layers import LAYERS

IMAGE, SEQUENCE, VECTOR, VOLUME = (7, 6, 4), (6, 4), (5,), (4, 6, 5, 3)

CASES = [
    # shape of the input, layer, arguments
    (VECTOR, "Dense", {"units": 4, "activation": "tanh"}),
    (VECTOR, "Dense", {"units": 4, "use_bias": False}),
    (SEQUENCE, "Dense", {"units": 3, "activation": "gelu"}),
    (IMAGE, "Rescaling", {"scale": 0.5, "offset": -1.0}),
    (IMAGE, "Normalization", {"mean": [0.1, 0.2, 0.3, 0.4], "variance": [1.0, 2.0, 3.0, 4.0]}),
    (IMAGE, "Conv2D", {"filters": 3, "kernel_size": 3}),
    (IMAGE, "Conv2D", {"filters": 3, "kernel_size": [3, 2], "padding": "same", "strides": 2, "activation": "relu"}),
    (IMAGE, "Conv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}),
    (IMAGE, "Conv2D", {"filters": 5, "kernel_size": 1, "strides": [2, 1]}),
    (IMAGE, "Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same", "activation": "relu6"}),
    (IMAGE, "Conv2D", {"filters": 4, "kernel_size": 2, "groups": 4, "strides": 2}),
    (IMAGE, "Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2, "dilation_rate": 2, "use_bias": False}),
    (SEQUENCE, "Conv1D", {"filters": 6, "kernel_size": 3, "groups": 2, "padding": "causal"}),
    (IMAGE, "DepthwiseConv2D", {"kernel_size": 3}),
    (IMAGE, "DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "strides": 2, "depth_multiplier": 2}),
    (IMAGE, "SeparableConv2D", {"filters": 3, "kernel_size": 3, "padding": "same"}),
    (IMAGE, "SeparableConv2D", {"filters": 3, "kernel_size": 2, "depth_multiplier": 2, "activation": "silu"}),
    (IMAGE, "Conv2DTranspose", {"filters": 3, "kernel_size": 3}),
    (IMAGE, "Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "tanh"}),
    (IMAGE, "Conv2DTranspose", {"filters": 2, "kernel_size": [2, 4], "strides": [2, 1], "use_bias": False}),
    (SEQUENCE, "Conv1D", {"filters": 3, "kernel_size": 3}),
    (SEQUENCE, "Conv1D", {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2, "activation": "relu"}),
    (SEQUENCE, "Conv1D", {"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}),
    (IMAGE, "MaxPooling2D", {}),
    (IMAGE, "MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}),
    (IMAGE, "AveragePooling2D", {"pool_size": [2, 3]}),
    (IMAGE, "AveragePooling2D", {"pool_size": 3, "strides": 1, "padding": "same"}),
    (IMAGE, "GlobalAveragePooling2D", {}),
    (IMAGE, "GlobalAveragePooling2D", {"keepdims": True}),
    (IMAGE, "GlobalMaxPooling2D", {}),
    (SEQUENCE, "MaxPooling1D", {}),
    (SEQUENCE, "MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}),
    (SEQUENCE, "AveragePooling1D", {"pool_size": 2}),
    (SEQUENCE, "AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}),
    (SEQUENCE, "GlobalAveragePooling1D", {}),
    (SEQUENCE, "GlobalMaxPooling1D", {}),
    (IMAGE, "Flatten", {}),
    (IMAGE, "Reshape", {"target_shape": [6, -1]}),
    (SEQUENCE, "Permute", {"dims": [2, 1]}),
    (IMAGE, "Permute", {"dims": [3, 1, 2]}),
    (VECTOR, "RepeatVector", {"n": 3}),
    (IMAGE, "ZeroPadding2D", {"padding": [[1, 0], [2, 1]]}),
    (SEQUENCE, "ZeroPadding1D", {"padding": [1, 2]}),
    (IMAGE, "Cropping2D", {"cropping": [[1, 2], [0, 1]]}),
    (SEQUENCE, "Cropping1D", {"cropping": [1, 2]}),
    (IMAGE, "UpSampling2D", {"size": [2, 3]}),
    (IMAGE, "UpSampling2D", {"interpolation": "bilinear"}),
    (SEQUENCE, "UpSampling1D", {"size": 3}),
    (IMAGE, "Dropout", {"rate": 0.0}),
    (SEQUENCE, "SpatialDropout1D", {"rate": 0.0}),
    (IMAGE, "SpatialDropout2D", {"rate": 0.0}),
    (IMAGE, "GaussianNoise", {"stddev": 0.0}),
    (IMAGE, "GaussianDropout", {"rate": 0.0}),
    (VECTOR, "BatchNormalization", {}),
    (IMAGE, "BatchNormalization", {"momentum": 0.9, "epsilon": 0.01}),
    (IMAGE, "BatchNormalization", {"center": False, "scale": False}),
    (IMAGE, "BatchNormalization", {"trainable": False}),
    (VECTOR, "LayerNormalization", {}),
    (IMAGE, "LayerNormalization", {"epsilon": 0.01, "center": False}),
    (IMAGE, "GroupNormalization", {"groups": 2}),
    (IMAGE, "GroupNormalization", {"groups": -1, "scale": False}),
    (IMAGE, "Activation", {"activation": "softplus"}),
    (IMAGE, "ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}),
    (IMAGE, "LeakyReLU", {}),
    (IMAGE, "PReLU", {"shared_axes": [1, 2]}),
    (VECTOR, "PReLU", {}),
    (IMAGE, "ELU", {"alpha": 0.5}),
    (VECTOR, "SELU", {}),
    (VECTOR, "GELU", {"approximate": True}),
    (VECTOR, "SiLU", {}),
    (VECTOR, "Sigmoid", {}),
    (VECTOR, "Tanh", {}),
    (VECTOR, "Softmax", {}),
    (SEQUENCE, "Softmax", {"axis": 1}),
    (SEQUENCE, "SimpleRNN", {"units": 3}),
    (SEQUENCE, "SimpleRNN", {"units": 3, "activation": "relu", "return_sequences": True, "go_backwards": True}),
    (SEQUENCE, "LSTM", {"units": 3}),
    (SEQUENCE, "LSTM", {"units": 3, "return_sequences": True, "use_bias": False, "recurrent_activation": "hard_sigmoid"}),
    (SEQUENCE, "LSTM", {"units": 3, "go_backwards": True, "return_sequences": True}),
    (SEQUENCE, "GRU", {"units": 3}),
    (SEQUENCE, "GRU", {"units": 3, "reset_after": False, "return_sequences": True}),
    (SEQUENCE, "GRU", {"units": 3, "use_bias": False}),
    (SEQUENCE, "Bidirectional", {"layer": {"LSTM": {"units": 3}}}),
    (SEQUENCE, "Bidirectional", {"layer": {"GRU": {"units": 2, "return_sequences": True}}, "merge_mode": "sum"}),
    (SEQUENCE, "Bidirectional", {"layer": {"SimpleRNN": {"units": 2}}, "merge_mode": "mul"}),
    (SEQUENCE, "Bidirectional", {"layer": {"SimpleRNN": {"units": 2}}, "merge_mode": "ave"}),
    (VECTOR, "Embedding", {"input_dim": 9, "output_dim": 3}),
    (VOLUME, "Conv3D", {"filters": 3, "kernel_size": 3}),
    (VOLUME, "Conv3D", {"filters": 3, "kernel_size": [3, 2, 1], "padding": "same", "strides": 2, "activation": "relu"}),
    (VOLUME, "Conv3D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}),
    (VOLUME, "MaxPooling3D", {}),
    (VOLUME, "MaxPooling3D", {"pool_size": 3, "strides": 2, "padding": "same"}),
    (VOLUME, "AveragePooling3D", {"pool_size": [2, 3, 1]}),
    (VOLUME, "AveragePooling3D", {"pool_size": 3, "strides": 1, "padding": "same"}),
    (VOLUME, "GlobalAveragePooling3D", {}),
    (VOLUME, "GlobalMaxPooling3D", {"keepdims": True}),
    (SEQUENCE, "MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    (SEQUENCE, "MultiHeadAttention", {"num_heads": 3, "key_dim": 2, "value_dim": 5, "use_causal_mask": True}),
    (SEQUENCE, "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_bias": False, "output_shape": 5}),
    (SEQUENCE, "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": [2, 3], "kernel_regularizer": "L2"}),
    (IMAGE, "MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
    (SEQUENCE, "TimeDistributed", {"layer": {"Dense": {"units": 3, "activation": "tanh"}}}),
    (VOLUME, "TimeDistributed", {"layer": {"Conv2D": {"filters": 2, "kernel_size": 3, "padding": "same"}}}),
    (VOLUME, "TimeDistributed", {"layer": {"MaxPooling2D": {}}}),
    (IMAGE, "TimeDistributed", {"layer": {"LSTM": {"units": 3}}}),
    (IMAGE, "TimeDistributed", {"layer": {"Bidirectional": {"layer": {"GRU": {"units": 2}}}}}),
    (IMAGE, "TimeDistributed", {"layer": {"LayerNormalization": {}}}),
    (IMAGE, "TimeDistributed", {"layer": {"Flatten": {}}}),
]  # fmt: skip

MERGING = [
    ("Add", {}),
    ("Subtract", {}),
    ("Multiply", {}),
    ("Average", {}),
    ("Maximum", {}),
    ("Minimum", {}),
    ("Concatenate", {}),
    ("Concatenate", {"axis": 1}),
]
KNOWN_CASES = [case for case in CASES if case[1] in LAYERS.members]


def titled(case):
    return f"{case[-2]}-" + "-".join(f"{key}={value}" for key, value in case[-1].items()).replace(" ", "")


@pytest.mark.parametrize(("shape", "name", "arguments"), KNOWN_CASES, ids=map(titled, KNOWN_CASES))
def test_layer_trains_as_in_keras(shape, name, arguments):
    before = [] if name == "Embedding" else [{"Dense": {"units": shape[-1], "name": "before"}}]
    network = chain(shape, *before, {name: arguments}, "Flatten", {"Dense": {"units": 2}})
    inputs = classes(9, SAMPLES * 5).reshape(SAMPLES, 5) if name == "Embedding" else numbers(SAMPLES, *shape)
    Pair(network).assert_agree(inputs, numbers(SAMPLES, 2, seed=2))


@pytest.mark.parametrize(("name", "arguments"), MERGING, ids=map(titled, MERGING))
def test_merging_layer_trains_as_in_keras(name, arguments):
    sides = [{"Dense": {"units": 3, "inputs": ["input"], "name": side, "activation": "tanh"}} for side in ("left", "right")]
    layers = (*sides, {name: arguments | {"inputs": ["left", "right"], "name": "merged"}}, {"Flatten": {"name": "flat"}},
              {"Dense": {"units": 2, "name": "out"}})  # fmt: skip
    Pair(Network(layers, SEQUENCE)).assert_agree(numbers(SAMPLES, *SEQUENCE), numbers(SAMPLES, 2, seed=2))


@pytest.mark.parametrize(("causal", "sources"), [(False, "ab"), (True, "ab"), (False, "abc"), (True, "aaa")])
def test_attention_takes_query_value_and_key_as_in_keras(causal, sources):
    inputs = {"a": (6, 4), "b": (5, 3), "c": (5, 2)}
    inputs = {name: inputs[name] for name in dict.fromkeys(sources)}
    before = [{"Dense": {"units": 4, "inputs": [name], "name": f"from_{name}"}} for name in inputs]
    arguments = {"num_heads": 2, "key_dim": 3, "value_dim": 4, "use_causal_mask": causal}
    taken = [f"from_{name}" for name in sources]
    layers = (*before, {"MultiHeadAttention": arguments | {"inputs": taken, "name": "attention"}}, {"Flatten": {"name": "flat"}},
              {"Dense": {"units": 2, "name": "out"}})  # fmt: skip
    data = [numbers(SAMPLES, *shape, seed=number) for number, shape in enumerate(inputs.values())]
    Pair(Network(layers, inputs)).assert_agree(data if len(data) > 1 else data[0], numbers(SAMPLES, 2, seed=9))


def test_every_layer_has_a_case():
    elsewhere = {
        "Input",
        "Standardization",
        "ClassToken",
        "PositionEmbedding",
        "ColumnEmbedding",
        "RobustScaling",
        "PiecewiseLinearEmbedding",
    }  # all but Input not Keras's
    assert {name for _, name, _ in CASES} | {name for name, _ in MERGING} | elsewhere >= set(LAYERS.members)
