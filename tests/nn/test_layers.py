from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.nn import layers as nn
from fittool.nn.layers import LAYERS, Layer, Layers
from fittool.nn.layers.wrappers import WRAPPED
from fittool.nn.regularizers import L2
from fittool.nn.shapes import Shape, ShapeError
from fittool.settings import fields_of, plain

IMAGE, SEQUENCE, VOLUME = (8, 9, 3), (8, 3), (6, 5, 4, 2)

CASES: list[tuple[Layer, list[Shape], Shape, int, int]] = [
    # layer, input shapes, output shape, size of the parameters, FLOPs
    (nn.Input((4,)), [(4,)], (4,), 0, 0),
    (nn.Rescaling(1 / 255), [IMAGE], IMAGE, 0, 432),
    (nn.Normalization(), [IMAGE], IMAGE, 6, 432),
    (nn.Standardization(rescale=0.5), [IMAGE], IMAGE, 0, 216),
    (nn.Standardization(featurewise_std_normalization=True), [IMAGE], IMAGE, 6, 432),
    (nn.Dense(5), [(4,)], (5,), 25, 45),
    (nn.Dense(5, use_bias=False), [(2, 4)], (2, 5), 20, 80),
    (nn.Conv2D(4, (3, 3)), [IMAGE], (6, 7, 4), 112, 42 * 4 * 55),
    (nn.Conv2D(4, (3, 2), (2, 2), "same"), [IMAGE], (4, 5, 4), 76, 20 * 4 * 37),
    (nn.Conv2D(4, (3, 3), dilation_rate=(2, 3), use_bias=False), [IMAGE], (4, 3, 4), 108, 12 * 4 * 54),
    (nn.Conv2D(6, (3, 3), groups=3), [IMAGE], (6, 7, 6), 6 * 9 + 6, 42 * 6 * 19),
    (nn.DepthwiseConv2D((3, 3), depth_multiplier=2), [IMAGE], (6, 7, 6), 60, 42 * 6 * 19),
    (nn.SeparableConv2D(4, (3, 3), depth_multiplier=2), [IMAGE], (6, 7, 4), 54 + 24 + 4, 42 * (108 + 48 + 4)),
    (nn.Embedding(10, 4), [(6,)], (6, 4), 40, 0),
    (nn.ColumnEmbedding((1, 3), (5, 2), (3, 4)), [(4,)], (9,), 23, 0),
    (nn.RobustScaling(), [(4,)], (4,), 8, 28),
    (nn.RobustScaling(None, columns=(0, 3)), [(4,)], (4,), 4, 4),
    (nn.PiecewiseLinearEmbedding(5, 3), [(4,)], (16,), 4 * (6 + 15), 4 * 5 * 10),
    (nn.PiecewiseLinearEmbedding(5, 3, columns=(2,)), [(4,)], (7,), 6 + 15, 5 * 10),
    (nn.Conv1D(4, 3), [SEQUENCE], (6, 4), 40, 6 * 4 * 19),
    (nn.Conv1D(4, 3, 2, "causal", use_bias=False), [SEQUENCE], (4, 4), 36, 4 * 4 * 18),
    (nn.Conv1D(3, 3, groups=3), [SEQUENCE], (6, 3), 12, 6 * 3 * 7),
    (nn.Conv3D(4, (3, 2, 1), groups=2), [VOLUME], (4, 4, 4, 4), 28, 64 * 4 * 13),
    (nn.Conv3D(4, (3, 2, 1)), [VOLUME], (4, 4, 4, 4), 52, 64 * 4 * 25),
    (nn.Conv3D(4, (2, 2, 2), (2, 2, 2), "same", use_bias=False), [VOLUME], (3, 3, 2, 4), 64, 18 * 4 * 32),
    (nn.MaxPooling3D(), [VOLUME], (3, 2, 2, 2), 0, 24 * 8),
    (nn.AveragePooling3D((3, 3, 3), (2, 2, 2), "same"), [VOLUME], (3, 3, 2, 2), 0, 36 * 27),
    (nn.GlobalAveragePooling3D(), [VOLUME], (2,), 0, 240),
    (nn.GlobalMaxPooling3D(keepdims=True), [VOLUME], (1, 1, 1, 2), 0, 240),
    # 2 heads of 4 numbers: four projections of 8 positions, and mixtures of 8 · 8 weights
    (nn.MultiHeadAttention(2, 4), [SEQUENCE], (8, 3), 3 * 32 + 27, 8 * (3 * 8 * 7 + 3 * 17) + 64 * 2 * (16 + 4)),
    (
        nn.MultiHeadAttention(2, 4, 5, output_shape=(2, 3), use_bias=False),
        [(7, 6), SEQUENCE],
        (7, 2, 3),
        48 + 24 + 30 + 60,
        7 * 8 * 12 + 8 * 8 * 6 + 8 * 10 * 6 + 56 * 2 * (18 + 4) + 42 * 20,
    ),
    (nn.TimeDistributed(nn.Conv2D(4, (3, 3))), [(5, *IMAGE)], (5, 6, 7, 4), 112, 5 * 42 * 4 * 55),
    (nn.Conv2DTranspose(4, (3, 3)), [IMAGE], (10, 11, 4), 112, 72 * 27 * 2 * 4 + 440),
    (nn.Conv2DTranspose(4, (2, 2), (3, 2)), [IMAGE], (24, 18, 4), 52, 72 * 12 * 2 * 4 + 24 * 18 * 4),
    (nn.Conv2DTranspose(4, (3, 3), (2, 2), "same", use_bias=False), [IMAGE], (16, 18, 4), 108, 72 * 27 * 2 * 4),
    (nn.Conv2DTranspose(1, (3, 3), (2, 2), "same", (0, 1)), [IMAGE], (15, 18, 1), 28, 72 * 27 * 2 + 15 * 18),
    (nn.SimpleRNN(5), [SEQUENCE], (5,), 45, 8 * 5 * 20),
    (nn.LSTM(5, return_sequences=True), [SEQUENCE], (8, 5), 180, 4 * 8 * 5 * 20),
    (nn.GRU(5), [SEQUENCE], (5,), 150, 3 * 8 * 5 * 20),
    (nn.GRU(5, reset_after=False), [SEQUENCE], (5,), 135, 3 * 8 * 5 * 20),
    (nn.Bidirectional(nn.LSTM(5)), [SEQUENCE], (10,), 360, 2 * 4 * 8 * 5 * 20),
    (nn.Bidirectional(nn.LSTM(5, return_sequences=True), "ave"), [SEQUENCE], (8, 5), 360, 2 * 4 * 8 * 5 * 20 + 40),
    (nn.MaxPooling1D(), [SEQUENCE], (4, 3), 0, 24),
    (nn.AveragePooling1D(3, 2, "same"), [SEQUENCE], (4, 3), 0, 36),
    (nn.GlobalAveragePooling1D(), [SEQUENCE], (3,), 0, 24),
    (nn.GlobalMaxPooling1D(keepdims=True), [SEQUENCE], (1, 3), 0, 24),
    (nn.Permute((3, 1, 2)), [IMAGE], (3, 8, 9), 0, 0),
    (nn.RepeatVector(4), [(3,)], (4, 3), 0, 0),
    (nn.ZeroPadding1D((1, 2)), [SEQUENCE], (11, 3), 0, 0),
    (nn.Cropping1D((1, 5)), [SEQUENCE], (2, 3), 0, 0),
    (nn.ClassToken(), [SEQUENCE], (9, 3), 3, 0),
    (nn.PositionEmbedding(), [SEQUENCE], SEQUENCE, 24, 24),
    (nn.Dropout(0.5, (None, 1, 1, 3)), [IMAGE], IMAGE, 0, 216),
    (nn.SpatialDropout1D(0.5), [SEQUENCE], SEQUENCE, 0, 24),
    (nn.Cropping2D(((1, 2), (3, 4))), [IMAGE], (5, 2, 3), 0, 0),
    (nn.UpSampling1D(3), [SEQUENCE], (24, 3), 0, 0),
    (nn.GaussianNoise(0.5), [IMAGE], IMAGE, 0, 216),
    (nn.GroupNormalization(3), [IMAGE], IMAGE, 6, 1728),
    (nn.GroupNormalization(-1, scale=False), [IMAGE], IMAGE, 3, 1728),
    (nn.Subtract(), [IMAGE, IMAGE], IMAGE, 0, 216),
    (nn.Average(), [IMAGE, IMAGE], IMAGE, 0, 432),
    (nn.Maximum(), [IMAGE, IMAGE], IMAGE, 0, 216),
    (nn.Minimum(), [IMAGE, IMAGE], IMAGE, 0, 216),
    (nn.MaxPooling2D(), [IMAGE], (4, 4, 3), 0, 192),
    (nn.AveragePooling2D((3, 3), (2, 2), "same"), [IMAGE], (4, 5, 3), 0, 540),
    (nn.GlobalAveragePooling2D(), [IMAGE], (3,), 0, 216),
    (nn.GlobalMaxPooling2D(keepdims=True), [IMAGE], (1, 1, 3), 0, 216),
    (nn.Flatten(), [IMAGE], (216,), 0, 0),
    (nn.Reshape((2, -1)), [IMAGE], (2, 108), 0, 0),
    (nn.ZeroPadding2D(((1, 2), (3, 4))), [IMAGE], (11, 16, 3), 0, 0),
    (nn.UpSampling2D((2, 3)), [IMAGE], (16, 27, 3), 0, 0),
    (nn.UpSampling2D(interpolation="bilinear"), [IMAGE], (16, 18, 3), 0, 16 * 18 * 3 * 7),
    (nn.Dropout(0.5), [IMAGE], IMAGE, 0, 216),
    (nn.SpatialDropout2D(0.5), [IMAGE], IMAGE, 0, 216),
    (nn.BatchNormalization(), [IMAGE], IMAGE, 12, 432),
    (nn.BatchNormalization(center=False, scale=False), [IMAGE], IMAGE, 6, 432),
    (nn.LayerNormalization(), [IMAGE], IMAGE, 6, 1728),
    (nn.Activation("relu"), [IMAGE], IMAGE, 0, 216),
    (nn.ReLU(), [IMAGE], IMAGE, 0, 216),
    (nn.LeakyReLU(), [IMAGE], IMAGE, 0, 216),
    (nn.PReLU(), [IMAGE], IMAGE, 216, 216),
    (nn.PReLU(shared_axes=(1, 2)), [IMAGE], IMAGE, 3, 216),
    (nn.ELU(), [IMAGE], IMAGE, 0, 216),
    (nn.SELU(), [IMAGE], IMAGE, 0, 216),
    (nn.GELU(), [IMAGE], IMAGE, 0, 216),
    (nn.SiLU(), [IMAGE], IMAGE, 0, 216),
    (nn.Sigmoid(), [IMAGE], IMAGE, 0, 216),
    (nn.Tanh(), [IMAGE], IMAGE, 0, 216),
    (nn.Softmax(), [IMAGE], IMAGE, 0, 216),
    (nn.Add(), [IMAGE, IMAGE, IMAGE], IMAGE, 0, 432),
    (nn.Multiply(), [IMAGE, (1, 1, 3)], IMAGE, 0, 216),
    (nn.Concatenate(), [IMAGE, (8, 9, 2)], (8, 9, 5), 0, 0),
    (nn.Concatenate(1), [IMAGE, (2, 9, 3)], (10, 9, 3), 0, 0),
]


@pytest.mark.parametrize(
    ("layer", "shapes", "output", "size", "flops"), CASES, ids=[str(plain(case[0], defaults=False)) for case in CASES]
)
def test_shapes_sizes_and_flops(layer: Layer, shapes: list[Shape], output: Shape, size: int, flops: int) -> None:
    assert layer.output_shape(shapes) == output
    assert sum(parameter.size for parameter in layer.parameters(shapes)) == size
    assert layer.flops(shapes) == flops


def test_every_layer_is_checked() -> None:
    assert {type(case[0]) for case in CASES} == set(LAYERS.members.values())


@pytest.mark.parametrize("layer", [case[0] for case in CASES], ids=str)
def test_layers_survive_being_written(layer: Layer) -> None:
    assert LAYERS.parse(plain(layer)) == layer
    assert LAYERS.parse(json.loads(json.dumps(plain(layer, defaults=False)))) == layer


@pytest.mark.parametrize("cls", LAYERS.members.values())
def test_every_field_is_described(cls: type[Layer]) -> None:
    for name, field in fields_of(cls).items():
        assert (field.description or "").endswith("."), name


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (nn.Input((4,)), [(5,)], r"expected inputs of shape \(4,\), got \(5,\) from the data"),
        (nn.Dense(3), [()], "at least one axis beside the batch"),
        (nn.Conv2D(4, (3, 3)), [(8, 8)], r"expected images \(height, width, channels\), got shape \(8, 8\)"),
        (nn.Conv2D(4, (9, 9)), [IMAGE], "a window of 9 does not fit into 8"),
        (nn.MaxPooling2D((10, 10)), [IMAGE], "a window of 10 does not fit into 8"),
        (nn.SpatialDropout2D(0.5), [(4,)], "expected images"),
        (nn.Reshape((5, 5)), [IMAGE], r"cannot reshape \(8, 9, 3\), 216 elements, to \(5, 5\)"),
        (nn.Reshape((5, -1)), [IMAGE], "cannot reshape"),
        (nn.Normalization(mean=(1.0, 2.0), variance=(1.0,)), [IMAGE], "mean has 2 numbers, but inputs .* have 3 channels"),
        (nn.Add(), [IMAGE], "expected two inputs or more, got 1"),
        (nn.Add(), [IMAGE, (8, 9)], r"expected inputs of one shape, got \(8, 9, 3\) and \(8, 9\)"),
        (nn.Multiply(), [IMAGE, (8, 3, 3)], "expected inputs of one shape"),
        (nn.Concatenate(), [IMAGE, (8, 8, 3)], "differ along axis -1 only"),
        (nn.Concatenate(0), [IMAGE, IMAGE], "is the batch axis"),
        (nn.Softmax(4), [IMAGE], "there is no axis 4"),
        (nn.PReLU(shared_axes=(0,)), [IMAGE], "is the batch axis"),
        (nn.ReLU(), [IMAGE, IMAGE], "expected one input, got 2"),
        (nn.Conv1D(4, 3), [IMAGE], r"expected sequences \(steps, channels\), got shape \(8, 9, 3\)"),
        (nn.Conv1D(4, 9), [SEQUENCE], "a window of 9 does not fit into 8"),
        (nn.LSTM(4), [(8,)], "expected sequences"),
        (nn.Bidirectional(nn.GRU(4)), [(8,)], "expected sequences"),
        (nn.Conv2DTranspose(4, 2, 2, "same", 0), [(1, 1, 3)], "leave no output"),
        (nn.Cropping2D(4), [IMAGE], "leaves nothing of images"),
        (nn.Cropping1D(4), [SEQUENCE], "leaves nothing of sequences"),
        (nn.ClassToken(), [(8,)], "expected sequences"),
        (nn.Conv2D(4, (3, 3), groups=2), [IMAGE], "3 input channels cannot be split into 2 groups"),
        (nn.Conv2D(4, (3, 3), groups=3), [IMAGE], "4 filters cannot be split into 3 groups"),
        (nn.Dropout(0.5, (None, 1)), [IMAGE], r"noise_shape \[None, 1\] does not fit inputs of shape \(8, 9, 3\)"),
        (nn.Dropout(0.5, (1, 8, 9, 3)), [IMAGE], "does not fit inputs"),
        (nn.Dropout(0.5, (None, 2, 1, 1)), [IMAGE], "does not fit inputs"),
        (nn.Conv3D(4, 3), [IMAGE], r"expected volumes \(depth, height, width, channels\), got shape \(8, 9, 3\)"),
        (nn.MaxPooling3D(5), [VOLUME], "a window of 5 does not fit into 4"),
        (nn.MultiHeadAttention(2, 4), [(8,)], r"expected sequences \(steps, channels\), got shape \(8,\)"),
        (nn.MultiHeadAttention(2, 4), [SEQUENCE] * 4, "expected a query, .* got 4 inputs"),
        (nn.MultiHeadAttention(2, 4), [SEQUENCE, SEQUENCE, (7, 3)], r"a key for each value, got shapes \(7, 3\) and \(8, 3\)"),
        (nn.TimeDistributed(nn.Dense(4)), [(8,)], r"expected sequences \(steps, …\) of at least two axes"),
        (nn.TimeDistributed(nn.Conv2D(4, 3)), [SEQUENCE], r"expected images .*, got shape \(3,\)"),
        (nn.Permute((2, 1)), [IMAGE], r"dims \(2, 1\) name 2 axes"),
        (nn.RepeatVector(2), [SEQUENCE], r"expected vectors \(channels,\), got shape \(8, 3\)"),
        (nn.Standardization(zca_whitening=True), [(224, 224, 3)], "up to 12,288 values in an image, .* have 150,528"),
        (nn.Standardization(rescale=0.5), [(4,)], r"expected images of shape .*, got inputs of shape \(4,\)"),
        (nn.ColumnEmbedding((4,), (2,), (2,)), [(4,)], "takes column 4, but there are only 4 columns, 0 to 3"),
        (nn.RobustScaling(columns=(4,)), [(4,)], "takes column 4, but there are only 4 columns, 0 to 3"),
        (nn.PiecewiseLinearEmbedding(), [IMAGE], r"expected features of shape \(F,\)"),
        (nn.ColumnEmbedding((0,), (2,), (2,)), [IMAGE], r"expected features of shape \(F,\)"),
        (nn.GroupNormalization(2), [IMAGE], "3 channels cannot be split into 2 groups"),
        (nn.Subtract(), [IMAGE, IMAGE, IMAGE], "expected two inputs, got 3"),
    ],
    ids=str,
)
def test_wrong_shapes_are_refused(layer: Layer, shapes: list[Shape], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer.output_shape(shapes)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"Conv2D": {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "cannot be combined"),
        ({"DepthwiseConv2D": {"kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "cannot be combined"),
        ({"Conv2D": {"filters": 4, "kernel_size": 0}}, "must be 1 or more"),
        ({"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "full"}}, "'valid' or 'same'"),
        ({"Dense": {"units": 0}}, "greater than or equal to 1"),
        ({"Dense": {"units": 2.0}}, "valid integer"),
        ({"Dense": {"units": 2, "activation": "rellu"}}, "no activation is called rellu"),
        ({"Dense": {"units": 2, "kernel_regularizer": "l3"}}, "no regularizer is called l3"),
        ({"Dense": {"units": 2, "name": "a/b"}}, "should match pattern"),
        ({"Dropout": {"rate": 1.0}}, "less than 1"),
        ({"Reshape": {"target_shape": [-1, -1]}}, "at most one -1"),
        ({"Normalization": {"mean": 0.5}}, "given together"),
        ({"BatchNormalization": {"axis": 1}}, "Input should be -1"),
        ({"Conv1D": {"filters": 4, "kernel_size": [3, 3]}}, "valid integer"),
        ({"Conv1D": {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "cannot be combined"),
        ({"Conv2DTranspose": {"filters": 4, "kernel_size": 3, "output_padding": 1}}, "less than strides"),
        ({"Conv2DTranspose": {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "cannot be combined"),
        ({"Permute": {"dims": [1, 3]}}, "each number from 1 to the number of axes once"),
        ({"GroupNormalization": {"groups": 0}}, "1 or more, or -1"),
        ({"Conv3D": {"filters": 4, "kernel_size": [3, 3]}}, "Field required"),
        ({"Conv3D": {"filters": 4, "kernel_size": 0}}, "must be 1 or more"),
        ({"Conv3D": {"filters": 4, "kernel_size": "3"}}, "must be a whole number, or three for depth, height and width"),
        ({"Conv3D": {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}, "cannot be combined"),
        ({"MultiHeadAttention": {"num_heads": 0, "key_dim": 4}}, "greater than or equal to 1"),
        ({"MultiHeadAttention": {"num_heads": 2, "key_dim": 4, "output_shape": [0]}}, "greater than or equal to 1"),
        ({"MultiHeadAttention": {"num_heads": 2, "key_dim": 4, "dropout": 1}}, "less than 1"),
        ({"TimeDistributed": {"layer": "TimeDistributed"}}, "no wrapped layer is called TimeDistributed"),
        ({"TimeDistributed": {"layer": "BatchNormalization"}}, "takes all steps together by itself: leave TimeDistributed out"),
        ({"TimeDistributed": {"layer": {"Dense": {"units": 4, "inputs": "a"}}}}, "give `inputs` there"),
        ({"Bidirectional": {"layer": "Dense"}}, "no recurrence is called Dense"),
        ({"Bidirectional": {"layer": {"LSTM": {"units": 4, "go_backwards": True}}}}, "must not have go_backwards"),
        ({"Bidirectional": {"layer": {"LSTM": {"units": 0}}}}, "greater than or equal to 1"),
        ({"Bidirectional": {"layer": {"LSTM": {"units": 4}}, "merge_mode": None}}, "'concat', 'sum', 'mul' or 'ave'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LAYERS.parse(written)


def test_kerass_short_forms() -> None:
    written = ["MaxPool2D", {"Conv2D": {"filters": 2, "kernel_size": 3, "strides": [1, 2], "kernel_regularizer": "l2"}}]
    written += [{"ZeroPadding2D": {"padding": 2}}, {"ZeroPadding2D": {"padding": [1, 2]}}, {"Add": {"inputs": "a"}}]
    expected = [nn.MaxPooling2D(), nn.Conv2D(2, (3, 3), (1, 2), kernel_regularizer=L2()), nn.ZeroPadding2D(((2, 2), (2, 2)))]
    expected += [nn.ZeroPadding2D(((1, 1), (2, 2))), nn.Add(inputs=("a",))]
    assert TypeAdapter(Layers).validate_python(written) == expected


def test_arguments_may_be_positional_in_kerass_order() -> None:
    layer = nn.Conv2D(32, 3, 2, "same", 1, 1, "relu", False)  # type: ignore[arg-type]
    assert layer == nn.Conv2D(
        filters=32,
        kernel_size=(3, 3),
        strides=(2, 2),
        padding="same",
        dilation_rate=(1, 1),
        groups=1,
        activation="relu",
        use_bias=False,
    )


TAIL = "activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer"
DEPTHWISE = "activation use_bias depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer"
SEPARABLE = (
    "activation use_bias depthwise_initializer pointwise_initializer bias_initializer "
    "depthwise_regularizer pointwise_regularizer bias_regularizer"
)
ATTENTION = "kernel_initializer bias_initializer kernel_regularizer bias_regularizer seed"
STARTS = "use_bias kernel_initializer recurrent_initializer bias_initializer"
WALK = "kernel_regularizer recurrent_regularizer bias_regularizer dropout recurrent_dropout seed return_sequences go_backwards"


@pytest.mark.parametrize(
    ("cls", "order"),
    [
        (nn.Dense, f"units {TAIL}"),
        (nn.Conv1D, f"filters kernel_size strides padding dilation_rate groups {TAIL}"),
        (nn.Conv2D, f"filters kernel_size strides padding dilation_rate groups {TAIL}"),
        (nn.Conv3D, f"filters kernel_size strides padding dilation_rate groups {TAIL}"),
        (nn.Conv2DTranspose, f"filters kernel_size strides padding output_padding dilation_rate {TAIL}"),
        (nn.MultiHeadAttention, f"num_heads key_dim value_dim dropout use_bias output_shape_ {ATTENTION}"),
        (nn.MaxPooling3D, "pool_size strides padding"),
        (nn.DepthwiseConv2D, f"kernel_size strides padding depth_multiplier dilation_rate {DEPTHWISE}"),
        (nn.SeparableConv2D, f"filters kernel_size strides padding dilation_rate depth_multiplier {SEPARABLE}"),
        (nn.SimpleRNN, f"units activation {STARTS} {WALK}"),
        (nn.LSTM, f"units activation recurrent_activation {STARTS} unit_forget_bias {WALK}"),
        (nn.GRU, f"units activation recurrent_activation {STARTS} {WALK} reset_after"),
    ],
)
def test_the_order_of_all_arguments_is_kerass(cls: type[Layer], order: str) -> None:
    assert [field.name for field in dataclasses.fields(cls) if not field.kw_only] == order.split()


def test_every_argument_reaches_its_place_by_position() -> None:
    values = [5, "relu", "tanh", False, "he_normal", "zeros", "ones", False, "l1", "l2", None, 0.1, 0.2, 3, True, True]
    names = [field.name for field in dataclasses.fields(nn.LSTM) if not field.kw_only]
    assert nn.LSTM(*values) == nn.LSTM(**dict(zip(names, values, strict=True)))


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (nn.SeparableConv2D(4, (3, 3)), ["depthwise_kernel", "pointwise_kernel", "bias"]),
        (nn.BatchNormalization(), ["gamma", "beta", "moving_mean", "moving_variance"]),
        (nn.Normalization(), ["mean", "variance"]),
        (nn.Standardization(featurewise_std_normalization=True), ["mean", "std"]),
        (nn.Standardization(zca_whitening=True, featurewise_std_normalization=True), ["mean", "zca"]),
        (nn.GroupNormalization(3), ["gamma", "beta"]),
    ],
    ids=str,
)
def test_parameters_come_in_kerass_order(layer: Layer, names: list[str]) -> None:
    assert [parameter.name for parameter in layer.parameters([IMAGE])] == names


def test_a_bidirectional_layer_has_the_parameters_of_both_directions() -> None:
    names = [parameter.name for parameter in nn.Bidirectional(nn.GRU(2)).parameters([SEQUENCE])]
    parts = ["kernel", "recurrent_kernel", "bias"]
    assert names == [f"forward_{part}" for part in parts] + [f"backward_{part}" for part in parts]


def test_attention_has_the_parameters_of_its_projections_in_kerass_order_and_shapes() -> None:
    weights = nn.MultiHeadAttention(2, 4, 5).parameters([(7, 6), SEQUENCE, (8, 9)])
    assert [(one.name, one.shape) for one in weights] == [
        ("query_kernel", (6, 2, 4)), ("query_bias", (2, 4)), ("key_kernel", (9, 2, 4)), ("key_bias", (2, 4)),
        ("value_kernel", (3, 2, 5)), ("value_bias", (2, 5)),
        ("attention_output_kernel", (2, 5, 6)), ("attention_output_bias", (6,)),
    ]  # fmt: skip


def test_a_layer_of_each_step_keeps_its_names_and_may_rest() -> None:
    weights = nn.TimeDistributed(nn.Dense(4, trainable=False)).parameters([SEQUENCE])
    assert [(one.name, one.trainable) for one in weights] == [("kernel", False), ("bias", False)]


def test_every_layer_of_one_input_but_those_of_tables_may_be_wrapped() -> None:
    of_several = {"Input", "TimeDistributed", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
    of_tables = {"ColumnEmbedding", "RobustScaling", "PiecewiseLinearEmbedding"}
    assert set(WRAPPED.members) == set(LAYERS.members) - of_several - of_tables


def test_a_list_of_one_is_one_number() -> None:
    assert LAYERS.parse({"Conv1D": {"filters": 2, "kernel_size": [3], "strides": [2]}}) == nn.Conv1D(2, 3, 2)


@pytest.mark.parametrize(("layer", "expected"), [(nn.LSTM(1), [0, 1, 0, 0]), (nn.LSTM(1, unit_forget_bias=False), [0, 0, 0, 0])])
def test_the_forget_gate_starts_open(layer: nn.LSTM, expected: list[float]) -> None:
    bias = layer.parameters([SEQUENCE])[2]
    np.testing.assert_array_equal(bias.initializer.draw(bias.shape, np.random.default_rng(0)), expected)


def test_a_recurrent_kernel_starts_orthogonal() -> None:
    kernel = nn.SimpleRNN(6).parameters([SEQUENCE])[1]
    matrix = kernel.initializer.draw(kernel.shape, np.random.default_rng(0))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(6), atol=1e-6)


def test_moving_averages_are_not_trainable() -> None:
    trainable = [parameter.trainable for parameter in nn.BatchNormalization().parameters([IMAGE])]
    assert trainable == [True, True, False, False]


@pytest.mark.parametrize(
    ("layer", "adapts"), [(nn.Normalization(), True), (nn.Normalization(mean=(0.0,), variance=(2.0,)), False)]
)
def test_normalization_adapts_unless_told(layer: nn.Normalization, adapts: bool) -> None:
    assert layer.adapts is adapts


def test_the_schema_knows_every_layer() -> None:
    schema = json.dumps(TypeAdapter(Layers).json_schema())
    assert all(f'"{name}"' in schema for name in LAYERS.members)
