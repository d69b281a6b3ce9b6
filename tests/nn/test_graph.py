from __future__ import annotations

import numpy as np
import pytest

from fittool.nn.graph import Graph, LayerError
from fittool.nn.initializers import Constant
from fittool.nn.layers import Add, BatchNormalization, Concatenate, Conv2D, Dense, Flatten, Input, Layer, MaxPooling2D, ReLU

IMAGE = {"input": (8, 8, 1)}
RESIDUAL: list[Layer] = [
    Conv2D(4, (3, 3), name="first"),
    BatchNormalization(),
    Conv2D(4, (3, 3), padding="same"),
    Add(inputs=("first", "conv2d"), name="sum"),
    ReLU(),
    Flatten(),
    Dense(10),
]


def refused(
    layers: list[Layer], shapes: dict[str, tuple[int, ...]] | None = None, outputs: list[str] | None = None
) -> list[tuple[int, str]]:
    with pytest.raises(LayerError, match=r".") as caught:
        Graph.build(layers, shapes or IMAGE, outputs)
    return [(problem.index, problem.text) for problem in caught.value.problems]  # type: ignore[attr-defined]


def test_a_chain() -> None:
    graph = Graph.build([Conv2D(2, (3, 3)), MaxPooling2D(), Flatten(), Dense(5)], IMAGE)
    assert [(node.name, node.inputs, node.output_shape) for node in graph.nodes] == [
        ("conv2d", ("input",), (6, 6, 2)),
        ("max_pooling2d", ("conv2d",), (3, 3, 2)),
        ("flatten", ("max_pooling2d",), (18,)),
        ("dense", ("flatten",), (5,)),
    ]
    assert graph.output_shapes == {"dense": (5,)}


def test_a_residual_network() -> None:
    graph = Graph.build(RESIDUAL, IMAGE)
    assert graph.nodes[3].inputs == ("first", "conv2d")
    assert (graph.parameter_count, graph.trainable_count) == (40 + 16 + 148 + 1450, 40 + 8 + 148 + 1450)


def test_names_are_kerass_and_unique() -> None:
    layers = [Dense(2), Dense(2, name="dense_1"), Dense(2), ReLU(), Conv2D(1, (1, 1))]
    graph = Graph.build(layers, IMAGE)
    assert [node.name for node in graph.nodes] == ["dense", "dense_1", "dense_2", "re_lu", "conv2d"]


def test_several_inputs_are_named_by_input_layers() -> None:
    layers = [Input(name="left"), Dense(2), Input(name="right"), Concatenate(inputs=("dense", "right"))]
    graph = Graph.build(layers, {"x": (3,), "y": (4,)})
    assert graph.inputs == {"left": (3,), "right": (4,)}
    assert graph.nodes[-1].output_shape == (6,)


def test_several_outputs() -> None:
    graph = Graph.build([Dense(2, name="a"), Dense(3, name="b", inputs=("a",))], {"input": (4,)}, ["a", "b"])
    assert graph.output_shapes == {"a": (2,), "b": (3,)}


def test_a_layer_that_is_not_trainable_has_no_trainable_parameters() -> None:
    graph = Graph.build([Dense(2, trainable=False), Dense(1)], {"input": (4,)})
    assert (graph.parameter_count, graph.trainable_count) == (13, 3)


def test_initial_weights_depend_on_seed_and_order_not_on_names() -> None:
    first = Graph.build(RESIDUAL, IMAGE).initial_weights(7)
    renamed = Graph.build([*RESIDUAL[:6], Dense(10, name="head")], IMAGE).initial_weights(7)
    other = Graph.build(RESIDUAL, IMAGE).initial_weights(8)
    assert list(first)[:3] == ["first/kernel", "first/bias", "batch_normalization/gamma"]
    np.testing.assert_array_equal(first["dense/kernel"], renamed["head/kernel"])
    assert not np.array_equal(first["dense/kernel"], other["dense/kernel"])


def test_equal_layers_start_differently() -> None:
    weights = Graph.build([Dense(4), Dense(4)], {"input": (4,)}).initial_weights(0)
    assert not np.array_equal(weights["dense/kernel"], weights["dense_1/kernel"])


def test_initial_weights_follow_their_initializer() -> None:
    weights = Graph.build([Dense(2, bias_initializer=Constant(0.5))], {"input": (4,)}).initial_weights(0)
    assert weights["dense/bias"].tolist() == [0.5, 0.5]
    assert weights["dense/bias"].dtype == np.float32


def test_the_summary() -> None:
    row = Graph.build(RESIDUAL, IMAGE).describe()[0]
    assert (row.name, row.kind, row.inputs, row.output_shape, row.parameters, row.flops) == (
        "first", "Conv2D", ("input",), (6, 6, 4), 40, 2736,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "index", "text"),
    [
        ([Conv2D(4, (9, 9))], 0, 'layer 0 (Conv2D "conv2d"): a window of 9 does not fit into 8 without padding.'),
        (
            [Dense(2, name="one"), Add(inputs=("one", "oen"))],
            1,
            'takes "oen", but no layer or input is called that. Did you mean "one"?',
        ),
        ([Add(inputs=("x", "input"))], 0, "Known here: input."),
        ([Add(inputs=("input", "late")), Dense(1, name="late")], 0, 'takes "late", which comes only after it; put "late" first.'),
        ([Dense(2, name="a"), Dense(2, name="a")], 1, 'the name "a" is taken by an earlier layer or input'),
        ([Dense(2, name="input")], 0, 'the name "input" is taken'),
        ([Dense(2), Dense(1, inputs=("input",))], 0, 'nothing takes "dense", and it is no output of the network'),
        ([], -1, "the network has no layers"),
        ([Input(), Input(name="b"), Add(inputs=("input", "b"))], 1, "the data have 1 inputs, but this is Input number 2"),
        ([Input((4,)), Dense(1)], 0, "expected inputs of shape (4,), got (8, 8, 1) from the data"),
    ],
    ids=str,
)
def test_a_wrong_graph_is_refused(layers: list[Layer], index: int, text: str) -> None:
    problems = refused(layers)
    assert index in [at for at, _ in problems]
    assert any(text in message for _, message in problems)


def test_the_first_layer_of_several_inputs_must_choose() -> None:
    ((index, text),) = [item for item in refused([Dense(1)], {"a": (2,), "b": (3,)}) if item[0] == 0]
    assert (index, text) == (
        0,
        'layer 0 (Dense "dense"): the network has several inputs (a, b); name the one to take with `inputs:`.',
    )


def test_inputs_without_an_input_layer_are_refused() -> None:
    problems = refused([Input(name="a"), Dense(1)], {"x": (2,), "y": (3,)})
    assert problems == [(0, 'layer 0 (Input "a"): the data have 2 inputs, but the network has 1 Input layers.')]


def test_unknown_outputs_are_refused() -> None:
    problems = refused([Dense(1, name="score")], {"input": (2,)}, ["skore", "score"])
    assert problems == [(-1, 'the output "skore" is no layer of the network. Did you mean "score"?')]


def test_all_problems_come_at_once_and_none_twice() -> None:
    layers = [Conv2D(4, (9, 9)), Flatten(), Dense(1, inputs=("flaten",)), ReLU()]
    assert [index for index, _ in refused(layers)] == [0, 1, 2]
