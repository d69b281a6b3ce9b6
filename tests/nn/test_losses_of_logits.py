"""Which losses are computed from the logits behind an output."""

from __future__ import annotations

import pytest

from fittool.nn.graph import Graph
from fittool.nn.layers import LSTM, Activation, Average, Conv2D, Dense, Flatten, Layer, Permute, Sigmoid, Softmax
from fittool.nn.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    KLDivergence,
    Loss,
    SparseCategoricalCrossentropy,
)
from fittool.nn.objectives import losses_of_logits, share_out

SPARSE, CATEGORICAL, BINARY = SparseCategoricalCrossentropy(), CategoricalCrossentropy(label_smoothing=0.1), BinaryCrossentropy()


@pytest.mark.parametrize(
    ("layers", "shape", "loss", "meets"),
    [
        ([Dense(3, "softmax")], (4,), SPARSE, True),
        ([Dense(3, "softmax")], (4,), CATEGORICAL, True),
        ([Dense(3, "softmax")], (5, 4), SPARSE, True),
        ([Conv2D(3, (1, 1), activation="softmax")], (5, 5, 4), SPARSE, True),
        ([Dense(3), Activation("softmax")], (4,), SPARSE, True),
        ([Dense(3), Softmax()], (5, 4), SPARSE, True),
        ([Dense(3), Softmax(axis=2)], (5, 4), SPARSE, True),
        ([Dense(3), Softmax(axis=1)], (5, 4), SPARSE, False),
        ([Dense(1, "sigmoid")], (4,), BINARY, True),
        ([Dense(3), Sigmoid()], (4,), BINARY, True),
        ([Dense(3, "sigmoid")], (4,), SPARSE, False),
        ([Dense(3, "softmax")], (4,), BINARY, False),
        ([Dense(3)], (4,), SPARSE, False),
        ([Dense(3, "softmax")], (4,), SparseCategoricalCrossentropy(from_logits=True), False),
        ([Dense(3, "softmax")], (4,), CategoricalFocalCrossentropy(), False),
        ([Dense(3, "sigmoid")], (4,), BinaryFocalCrossentropy(), False),
        ([Dense(3, "softmax")], (4,), KLDivergence(), False),
        ([Dense(3, "softmax"), Flatten()], (4,), SPARSE, False),
        ([Dense(3, "softmax"), Permute((1, 2))], (5, 4), CategoricalFocalCrossentropy(), False),
        ([LSTM(3, "softmax")], (5, 4), SPARSE, False),
        ([Dense(3, "softmax", name="a"), Dense(3, "softmax", inputs=("input",), name="b"), Average(inputs=("a", "b"))], (4,),
         SPARSE, False),
    ],
)  # fmt: skip
def test_losses_of_logits(layers: list[Layer], shape: tuple[int, ...], loss: Loss, meets: bool) -> None:
    graph = Graph.build(layers, {"input": shape})
    found = losses_of_logits(graph, share_out(graph.outputs, loss=loss))
    assert list(found) == list(graph.outputs) * meets
    assert all(type(one) is type(loss) and one.from_logits for one in found.values())  # type: ignore[attr-defined]


def test_each_output_has_its_own_loss() -> None:
    graph = Graph.build(
        [Dense(3, "softmax", name="a"), Dense(1, "sigmoid", inputs=("input",), name="b"), Dense(1, inputs=("input",), name="c")],
        {"input": (4,)},
        ("a", "b", "c"),
    )
    losses = losses_of_logits(graph, share_out(graph.outputs, loss={"a": SPARSE, "b": BINARY}))
    assert losses == {"a": SparseCategoricalCrossentropy(from_logits=True), "b": BinaryCrossentropy(from_logits=True)}
