from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from fittool.errors import ArgumentError
from fittool.nn import losses as l
from fittool.nn.graph import Graph
from fittool.nn.layers import (
    ColumnEmbedding,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    PiecewiseLinearEmbedding,
    Rescaling,
    RobustScaling,
)
from fittool.nn.presets import MLP, PRESETS, Linear, Preset, ResNet, ResNetImageNet, SimpleCNN, Tabular, TrainingData, output_for
from fittool.nn.presets.tabular import bins_for
from fittool.nn.table_layout import Feature, TableLayout
from fittool.settings import fields_of, plain


@pytest.mark.parametrize(
    ("preset", "shape", "parameters"),
    [
        ("mlp", (64,), 17_226), ("mlp", (8, 8), 17_226),
        ("simple_cnn", (32, 32, 3), 1_250_858), ("mini_vgg", (32, 32, 3), 2_171_178),
        ("resnet20", (32, 32, 3), 274_042), ("resnet32", (32, 32, 3), 469_370), ("resnet110", (32, 32, 3), 1_739_002),
    ],
)  # fmt: skip
def test_sizes_for_ten_classes(preset: str, shape: tuple[int, ...], parameters: int) -> None:
    graph = Graph.build(PRESETS.parse(preset).expand(10), {"input": shape})
    assert graph.parameter_count == parameters
    assert list(graph.output_shapes.values()) == [(10,)]


def test_simple_cnn_is_the_classic_one() -> None:
    conv = {"activation": "relu"}
    assert SimpleCNN().expand(10) == [
        Rescaling(1 / 255),
        Conv2D(32, (3, 3), padding="same", **conv), Conv2D(32, (3, 3), **conv), MaxPooling2D(), Dropout(0.25),
        Conv2D(64, (3, 3), padding="same", **conv), Conv2D(64, (3, 3), **conv), MaxPooling2D(), Dropout(0.25),
        Flatten(), Dense(512, "relu"), Dropout(0.5), Dense(10, "softmax"),
    ]  # fmt: skip


def test_mlp_for_a_regression() -> None:
    assert MLP((4,), "tanh", 0.1).expand(2, "linear") == [Flatten(), Dense(4, "tanh"), Dropout(0.1), Dense(2, "linear")]


@pytest.mark.parametrize(
    ("preset", "pixels", "scale"),
    [
        (MLP(), True, 1 / 255), (MLP(), False, None), (MLP(scale=0.5), True, 0.5), (MLP(scale=0.5), False, 0.5),
        (MLP(scale=1), True, None), (SimpleCNN(), True, 1 / 255),
    ],
)  # fmt: skip
def test_pixels_are_scaled_as_the_preset_says_or_else_to_1(preset: Preset, pixels: bool, scale: float | None) -> None:
    first = (preset.for_pixels() if pixels else preset).expand(3)[0]
    assert first == (Flatten() if scale is None else Rescaling(scale))


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_resnet_names_say_the_depth(depth: int) -> None:
    assert PRESETS.parse(f"resnet{depth}") == ResNet(depth) == PRESETS.parse({"ResNet": {"depth": depth}})


def test_resnet_names_take_the_other_arguments() -> None:
    assert PRESETS.parse({"resnet32": {"filters": 8}}) == ResNet(32, 8)


def test_the_depth_of_a_resnet_has_a_rule() -> None:
    with pytest.raises(ArgumentError, match=r"must be 6n \+ 2 .*; the nearest is 32"):
        ResNet(30)


def test_the_depth_is_said_once() -> None:
    with pytest.raises(PydanticCustomError, match="resnet20 says its depth"):
        PRESETS.parse({"resnet20": {"depth": 32}})


@pytest.mark.parametrize(
    ("depth", "parameters"), [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)]
)
def test_networks_for_imagenet_have_as_many_weights_as_torchvisions(depth: Any, parameters: int) -> None:
    assert Graph.build(ResNetImageNet(depth).expand(1000), {"input": (224, 224, 3)}).trainable_count == parameters


def test_a_small_stem_keeps_the_size_of_small_images() -> None:
    graph = Graph.build(ResNetImageNet(18, "small").expand(10), {"input": (32, 32, 3)})
    shapes = {node.name: node.output_shape for node in graph.nodes}
    assert (shapes["stem_relu"], shapes["stage4_block2_relu"]) == ((32, 32, 64), (4, 4, 512))


def test_unknown_presets_are_refused_with_the_nearest() -> None:
    with pytest.raises(PydanticCustomError, match="no preset is called simplecn") as caught:
        PRESETS.parse("simplecn")
    assert (caught.value.context or {})["nearest"] == "simple_cnn"


@pytest.mark.parametrize("preset", ["mlp", "simple_cnn", "mini_vgg", "resnet20"])
def test_presets_survive_being_written(preset: str) -> None:
    assert PRESETS.parse(plain(PRESETS.parse(preset))) == PRESETS.parse(preset)


@pytest.mark.parametrize(
    ("loss", "classes", "outputs", "expected"),
    [
        (l.SparseCategoricalCrossentropy(), 10, 1, (10, "softmax")), (l.CategoricalCrossentropy(True), 3, 1, (3, "linear")),
        (l.BinaryCrossentropy(), 2, 1, (1, "sigmoid")), (l.BinaryCrossentropy(True), None, 4, (4, "linear")),
        (l.MeanSquaredError(), None, 2, (2, "linear")), (l.CategoricalFocalCrossentropy(), 3, 1, (3, "softmax")),
        (l.BinaryFocalCrossentropy(), 2, 1, (1, "sigmoid")), (l.BinaryFocalCrossentropy(from_logits=True), 3, 1, (3, "linear")),
    ],
    ids=str,
)  # fmt: skip
def test_the_last_layer_fits_loss_and_data(loss: l.Loss, classes: int | None, outputs: int, expected: tuple[int, str]) -> None:
    assert output_for(loss, classes, outputs) == expected


@pytest.mark.parametrize("cls", PRESETS.members.values())
def test_every_field_is_described(cls: type[Preset]) -> None:
    assert all((field.description or "").endswith(".") for field in fields_of(cls).values())


LAYOUT = TableLayout(
    (
        Feature("town", "town", "code", 12, 5),
        Feature("age", "age", "number"),
        Feature("age is missing", "age", "indicator"),
        Feature("sex=f", "sex", "one_hot"),
        Feature("size", "size", "number"),
    )
)


def test_tabular_takes_each_feature_of_a_table_as_what_it_is() -> None:
    layers = Tabular().expand_for(TrainingData(5000, LAYOUT), 3)
    assert layers == [
        RobustScaling(columns=(1, 4)),
        PiecewiseLinearEmbedding(50, 8, columns=(1, 4)),
        ColumnEmbedding((0,), (12,), (5,)),
        Dense(128, "relu"), Dropout(0.15), Dense(128, "relu"), Dropout(0.15), Dense(3, "softmax"),
    ]  # fmt: skip
    # Four features without the code, two vectors of 8, one of 5.
    assert Graph.build(layers, {"input": (5,)}).nodes[2].output_shape == (4 + 2 * 8 + 5,)


def test_tabular_is_smaller_and_forgets_more_where_samples_are_few() -> None:
    layers = Tabular().expand_for(TrainingData(1999, LAYOUT), 1, "linear")
    assert layers[3:] == [Dense(64, "relu"), Dropout(0.3), Dense(64, "relu"), Dropout(0.3), Dense(1, "linear")]
    assert layers[1] == PiecewiseLinearEmbedding(19, 8, columns=(1, 4))


def test_tabular_sizes_may_be_given() -> None:
    given = Tabular((9,), "selu", dropout=0, bins=7, embedding=2)
    assert given.expand(2) == [RobustScaling(), PiecewiseLinearEmbedding(7, 2), Dense(9, "selu"), Dense(2, "softmax")]


def test_linear_has_one_dense_layer() -> None:
    layers = Linear().expand_for(TrainingData(10, LAYOUT), 2)
    assert layers == [RobustScaling(columns=(1, 4)), ColumnEmbedding((0,), (12,), (5,)), Dense(2, "softmax")]
    assert Linear().expand(1, "linear") == [RobustScaling(), Dense(1, "linear")]


@pytest.mark.parametrize("preset", [Tabular(), Linear()])
def test_a_table_without_numbers_has_no_layer_for_them(preset: Preset) -> None:
    layout = TableLayout((Feature("sex=f", "sex", "one_hot"), Feature("sex=m", "sex", "one_hot")))
    assert isinstance(preset.expand_for(TrainingData(10, layout), 2)[0], Dense)


@pytest.mark.parametrize(
    ("samples", "numbers", "bins"),
    [(10, 1, 4), (400, 1, 4), (5000, 1, 50), (10**6, 64, 128), (10**6, 100, 81), (10**6, 10**5, 4)],
)
def test_bins_follow_samples_and_are_bounded_for_wide_tables(samples: int, numbers: int, bins: int) -> None:
    assert bins_for(samples, numbers) == bins
