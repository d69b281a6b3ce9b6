"""Embeddings: which rows are read and moved, and which numbers are refused."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import DataError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

TABLE = np.arange(8, dtype=np.float32).reshape(4, 2)


def engine(**settings: object) -> NumpyEngine:
    graph = Graph.build([nn.Embedding(4, 2, name="table")], {"input": (3,)})
    return NumpyEngine(graph, weights={"table/embeddings": TABLE}, **settings)


def test_rows_are_picked() -> None:
    picked = engine().predict_step((np.array([[3, 0, 3]], np.uint8),))[0]
    np.testing.assert_array_equal(picked, [[[6, 7], [0, 1], [6, 7]]])


def test_the_same_number_twice_adds_both_gradients() -> None:
    network = engine(loss=MeanSquaredError(), optimizer=SGD(1.0), target_shape=(3, 2))
    network.train_step(Batch((np.array([[1, 3, 1]]),), (np.zeros((1, 3, 2)),)))
    moved = network.state()["weights/table/embeddings"]
    np.testing.assert_allclose(moved, [[0, 1], [2 - 4 / 3, 3 - 6 / 3], [4, 5], [6 - 6 / 3, 7 - 7 / 3]], rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "found"), [(4, "4"), (-1, "-1"), (1.5, "1.5"), (np.nan, "nan"), (1e12, "1000000000000")], ids=str
)
def test_a_number_outside_the_table_is_refused(wrong: float, found: str) -> None:
    message = f"Layer table takes whole numbers from 0 to 3 .*sample 2 of a batch holds {found};"
    with pytest.raises(DataError, match=message):
        engine().predict_step((np.array([[0, 1, 2], [0, 1, wrong]]),))


def test_numbers_that_float32_cannot_tell_apart_are_told_apart() -> None:
    graph = Graph.build([nn.Flatten(), nn.Embedding(4, 2)], {"input": (1, 1)})
    with pytest.raises(DataError, match=f"holds {2**24 + 1};"):
        NumpyEngine(graph).predict_step((np.array([[[2**24 + 1]]]),))


def test_an_input_of_whole_numbers_may_be_read_as_numbers_too() -> None:
    layers = [nn.Input(name="x"), nn.Embedding(4, 2, name="table"), nn.Flatten(), nn.Rescaling(2.0, inputs="x", name="twice")]
    graph = Graph.build([*layers, nn.Concatenate(inputs=["flatten", "twice"])], {"x": (1,)})
    picked = NumpyEngine(graph, weights={"table/embeddings": TABLE}).predict_step((np.array([[3]]),))[0]
    np.testing.assert_array_equal(picked, [[6, 7, 6]])
