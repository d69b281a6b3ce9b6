"""Models of Keras, made from a table, saved by Keras and read here: the same predictions."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812
from parity.pair import classes, numbers

import fittool as ft
from fittool.exchange.incoming.reading import read_model

IMAGE, SEQUENCE, VECTOR, VOLUME, CODES = (8, 7, 4), (6, 4), (5,), (4, 5, 4, 2), (6,)


def chain(*layers):
    return lambda x: _along(x, layers)


def _along(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def _residual(x):
    y = L.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = L.BatchNormalization()(y)
    return L.Flatten()(L.Activation("relu")(L.add([x, y])))


def _shared(x):
    layer = L.Dense(5, activation="tanh", name="twice")
    return L.Concatenate()([layer(x), layer(layer(x))])


def _nested(x):
    inner = keras.Sequential(
        [keras.Input(VECTOR), L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dense(5)], name="inner"
    )
    return L.Add()([inner(x), x])


def _nested_twice(x):
    inner = keras.Sequential([keras.Input(VECTOR), L.Dense(4), L.BatchNormalization(), L.Dense(5)], name="inner")
    return L.Dense(2)(inner(inner(x)))


def _nested_deep(x):
    first = keras.Input(VECTOR)
    core = keras.Sequential([keras.Input(VECTOR), L.Dense(5, name="dense"), L.LayerNormalization()], name="core")
    middle = keras.Model(first, L.Multiply()([core(first), L.Dense(5, name="dense")(first)]), name="middle")
    return L.Dense(3, name="dense")(middle(x))


def _squeeze(x):
    y = L.GlobalAveragePooling2D(keepdims=True)(x)
    y = L.Conv2D(2, 1, activation="relu")(y)
    return L.Flatten()(L.Multiply()([x, L.Conv2D(4, 1, activation="sigmoid")(y)]))


def _transformer(x):
    y = L.LayerNormalization(epsilon=1e-6)(x)
    y = L.MultiHeadAttention(2, 3, dropout=0.1)(y, y)
    x = L.Add()([x, y])
    return L.GlobalAveragePooling1D()(L.Dense(4, activation="gelu")(L.LayerNormalization()(x)))


def _several(x):
    y = L.Dense(6, activation="relu")(x)
    return [L.Dense(3, activation="softmax", name="kind")(y), L.Dense(1, name="amount")(y)]


def _arithmetic(x):
    return (x * 2.0 + 1.0) * x - x / 4.0


TABLE = [
    (VECTOR, "dense", chain(L.Dense(4, activation="tanh"), L.Dense(3, activation="softmax"))),
    (VECTOR, "dense without bias", chain(L.Dense(4, use_bias=False), L.Dropout(0.5), L.Dense(2))),
    (VECTOR, "dense of an activation with arguments", chain(L.Dense(4, activation=L.LeakyReLU(negative_slope=0.1)))),
    (VECTOR, "batch normalization", chain(L.Dense(4), L.BatchNormalization(epsilon=0.01, momentum=0.9), L.ReLU())),
    (VECTOR, "batch normalization without scale", chain(L.BatchNormalization(scale=False), L.Dense(2))),
    (VECTOR, "batch normalization without offset", chain(L.BatchNormalization(center=False), L.Dense(2))),
    (VECTOR, "batch normalization alone", chain(L.BatchNormalization(center=False, scale=False))),
    (VECTOR, "frozen batch normalization", chain(L.BatchNormalization(trainable=False), L.Dense(3, trainable=False))),
    (VECTOR, "layer normalization", chain(L.Dense(6), L.LayerNormalization(epsilon=1e-5), L.Dense(2))),
    (VECTOR, "activations", chain(L.Dense(6), L.ELU(0.5), L.Dense(6), L.PReLU(), L.Dense(6), L.LeakyReLU(), L.Softmax())),
    (VECTOR, "named activations",
     chain(*(L.Dense(5, activation=one) for one in ("selu", "softplus", "softsign", "swish", "mish")))),
    (VECTOR, "more named activations",
     chain(*(L.Activation(one) for one in ("hard_sigmoid", "relu6", "gelu", "exponential", "log_softmax")))),
    (VECTOR, "rectifiers", chain(L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), L.Dense(2))),
    (VECTOR, "rescaling", chain(L.Rescaling(1 / 4, offset=-1), L.Dense(2))),
    (VECTOR, "rescaling by channel", chain(L.Rescaling([1.0, 2.0, 3.0, 4.0, 5.0], offset=[0.1, 0.2, 0.3, 0.4, 0.5]))),
    (VECTOR, "normalization", chain(L.Normalization(mean=[1.0, 2.0, 3.0, 4.0, 5.0], variance=[1.0, 2.0, 3.0, 4.0, 5.0]))),
    (VECTOR, "repeated", chain(L.RepeatVector(3), L.LSTM(4))),
    (VECTOR, "noise", chain(L.GaussianNoise(0.1), L.Dense(3), L.GaussianDropout(0.2), L.Dense(2))),
    (VECTOR, "regularized", chain(L.Dense(4, kernel_regularizer="l2", bias_regularizer=keras.regularizers.L1L2(0.1, 0.2)))),
    (VECTOR, "reshaped", chain(L.Dense(12), L.Reshape((3, 4)), L.Permute((2, 1)), L.Flatten(), L.Dense(2))),
    (VECTOR, "shared", _shared),
    (VECTOR, "nested", _nested),
    (VECTOR, "nested and shared", _nested_twice),
    (VECTOR, "nested deep", _nested_deep),
    (VECTOR, "several outputs", _several),
    (VECTOR, "arithmetic", _arithmetic),
    (VECTOR, "merging", lambda x: L.Maximum()([L.Dense(3)(x), L.Average()([L.Dense(3)(x), L.Dense(3)(x)])])),
    (VECTOR, "differences", lambda x: L.Minimum()([L.Subtract()([L.Dense(3)(x), L.Dense(3)(x)]), L.Dense(3)(x)])),
    (IMAGE, "convolution", chain(L.Conv2D(5, 3, padding="same", activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(3))),
    (IMAGE, "convolution with strides", chain(L.Conv2D(5, (3, 2), strides=2, padding="same"), L.GlobalMaxPooling2D())),
    (IMAGE, "convolution of strides and no padding", chain(L.Conv2D(5, 3, strides=(2, 1)), L.GlobalAveragePooling2D())),
    (IMAGE, "dilated convolution", chain(L.Conv2D(5, 2, dilation_rate=2, use_bias=False), L.Flatten())),
    (IMAGE, "convolution in groups", chain(L.Conv2D(6, 3, groups=2), L.Flatten())),
    (IMAGE, "depthwise convolution", chain(L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2), L.Flatten())),
    (IMAGE, "separable convolution", chain(L.SeparableConv2D(5, 3, padding="same", activation="relu6"), L.Flatten())),
    (IMAGE, "transposed convolution", chain(L.Conv2DTranspose(3, 3, strides=2, padding="same"), L.Flatten())),
    (IMAGE, "transposed convolution without padding", chain(L.Conv2DTranspose(3, 2, strides=2), L.Flatten())),
    (IMAGE, "padding", chain(L.ZeroPadding2D(((1, 2), (0, 1))), L.Conv2D(3, 3), L.Cropping2D(((1, 0), (0, 2))), L.Flatten())),
    (IMAGE, "pooling", chain(L.AveragePooling2D(3, strides=1, padding="same"), L.MaxPooling2D(2, strides=1), L.Flatten())),
    (IMAGE, "upsampling", chain(L.UpSampling2D(2), L.Conv2D(2, 3), L.UpSampling2D(2, interpolation="bilinear"), L.Flatten())),
    (IMAGE, "spatial dropout", chain(L.Conv2D(3, 3), L.SpatialDropout2D(0.3), L.GroupNormalization(3), L.Flatten())),
    (IMAGE, "group normalization", chain(L.GroupNormalization(-1, epsilon=1e-4), L.Flatten())),
    (IMAGE, "rectifier with shared slopes", chain(L.PReLU(shared_axes=[1, 2]), L.Flatten())),
    (IMAGE, "augmenting layers", chain(L.Rescaling(0.5), L.Conv2D(2, 3), L.Flatten())),
    (IMAGE, "residual", _residual),
    (IMAGE, "squeeze and excitation", _squeeze),
    (IMAGE, "pointwise dense", chain(L.Dense(3, activation="relu"), L.GlobalAveragePooling2D())),
    (SEQUENCE, "simple recurrence", chain(L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(3, activation="relu"))),
    (SEQUENCE, "long short-term memory", chain(L.LSTM(4, return_sequences=True), L.LSTM(3, go_backwards=True))),
    (SEQUENCE, "gated recurrence", chain(L.GRU(4, return_sequences=True), L.GRU(3))),
    (SEQUENCE, "gated recurrence, reset before", chain(L.GRU(4, reset_after=False))),
    (SEQUENCE, "recurrence without bias", chain(L.LSTM(4, use_bias=False, unit_forget_bias=False), L.Dense(2))),
    (SEQUENCE, "both ways",
     chain(L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum"))),
    (SEQUENCE, "both ways, multiplied", chain(L.Bidirectional(L.GRU(3, reset_after=False), merge_mode="mul"))),
    (SEQUENCE, "convolution along", chain(L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.MaxPooling1D(), L.Flatten())),
    (SEQUENCE, "pooling along",
     chain(L.ZeroPadding1D(2), L.AveragePooling1D(2), L.UpSampling1D(2), L.Cropping1D(1), L.Flatten())),
    (SEQUENCE, "each step", chain(L.TimeDistributed(L.Dense(3, activation="relu")), L.GlobalMaxPooling1D())),
    (SEQUENCE, "attention", lambda x: L.Flatten()(L.MultiHeadAttention(2, 3, value_dim=4)(x, x, use_causal_mask=True))),
    (SEQUENCE, "transformer", _transformer),
    (SEQUENCE, "spatial dropout of steps", chain(L.SpatialDropout1D(0.2), L.GRU(3))),
    (CODES, "embedding", chain(L.Embedding(9, 4), L.LSTM(3), L.Dense(1, activation="sigmoid"))),
    (VOLUME, "volumes", chain(L.Conv3D(3, 2, padding="same", activation="relu"), L.MaxPooling3D(), L.GlobalAveragePooling3D())),
    ((3, 8, 7, 4), "films", chain(L.TimeDistributed(L.Conv2D(2, 3)), L.TimeDistributed(L.Flatten()), L.LSTM(3))),
]  # fmt: skip


def test_the_table_is_long_enough():
    assert len(TABLE) >= 60


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize(("shape", "name", "build"), TABLE, ids=[name for _, name, _ in TABLE])
def test_an_imported_model_predicts_as_keras_does(shape, name, build, ending, tmp_path):
    keras.utils.set_random_seed(5)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, build(inputs))
    _unsettle(model)
    path = tmp_path / f"model.{ending}"
    _save(model, path)
    read = read_model(path)
    ours = model_of(read)
    data = classes(9, 24).reshape(4, 6).astype("f4") if shape == CODES else numbers(4, *shape)
    expected, found = model.predict(data, verbose=0), ours.predict(data)
    for one, other in zip(_as_list(expected), _as_list(found), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1.0, np.abs(one).max()))


def model_of(read):
    """A model with the layers and weights that were read."""
    model = ft.Model(read.layers, input_shape=read.inputs, outputs=list(read.outputs))
    model.network.load({f"weights/{name}": array for name, array in read.weights.items()})
    return model


def _save(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that .h5 is an old form
        model.save(path)


def _unsettle(model):
    """Weights that are not those of the beginning, so that a mix-up shows."""
    random = np.random.default_rng(6)
    for weight in model.weights:
        value = np.asarray(weight)
        if weight.dtype.startswith("float"):
            noise = random.random(value.shape) if "variance" in weight.path else 0.1 * random.normal(size=value.shape)
            weight.assign((value + noise).astype("f4"))


def _as_list(value):
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
