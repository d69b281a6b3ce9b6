"""Embeddings of a table's columns: where their vectors stand, what they learn, and which codes are refused."""

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

FIRST = np.arange(8, dtype=np.float32).reshape(4, 2)
SECOND = np.array([[10], [20]], np.float32)
ROWS = np.array([[0.5, 3, 7, 1], [1.5, 0, 8, 0], [2.5, 3, 9, 0]], np.float32)


def engine() -> NumpyEngine:
    graph = Graph.build([nn.ColumnEmbedding((1, 3), (4, 2), (2, 1), name="codes")], {"input": (4,)})
    return NumpyEngine(graph, weights={"codes/embeddings_0": FIRST, "codes/embeddings_1": SECOND})


def test_other_columns_come_first_and_vectors_behind_them() -> None:
    found = engine().predict_step((ROWS,))[0]
    np.testing.assert_array_equal(found, [[0.5, 7, 6, 7, 20], [1.5, 8, 0, 1, 10], [2.5, 9, 6, 7, 10]])


@pytest.mark.parametrize(("wrong", "found"), [(4, "4"), (-1, "-1"), (1.5, "1.5"), (np.nan, "nan")], ids=str)
def test_another_code_is_refused(wrong: float, found: str) -> None:
    rows = ROWS.copy()
    rows[1, 1] = wrong
    with pytest.raises(DataError, match=f"Layer codes takes whole numbers from 0 to 3 in column 1.*sample 2 .* holds {found};"):
        engine().predict_step((rows,))


def _trained(layers: list[nn.Layer], inputs: tuple[np.ndarray, ...], shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    weights = {
        "before/kernel": generator.standard_normal((3, 2)),
        "last/kernel": generator.standard_normal((4, 1)),
        "codes/embeddings_0": FIRST,
        "codes/embeddings": FIRST,
    }
    graph = Graph.build(layers, shapes)
    known = {f"{node.name}/{parameter.name}" for node in graph.nodes for parameter in node.parameters}
    start = {name: array.astype(np.float32) for name, array in weights.items() if name in known}
    network = NumpyEngine(graph, weights=start, loss=MeanSquaredError(), optimizer=SGD(0.1), target_shape=(1,))
    for _ in range(3):
        network.train_step(Batch(inputs, (np.ones((3, 1), np.float32),)))
    return {name: array for name, array in network.state().items() if name.startswith("weights/")}


def test_it_learns_what_an_embedding_beside_the_numbers_learns() -> None:
    numbers, codes = np.array([[0.5, 7, 2], [1.5, 8, 1], [2.5, 9, 0]], np.float32) / 9, np.array([[3], [0], [3]], np.float32)
    shapes = {"numbers": (3,), "codes_in": (1,)}
    dense, last = nn.Dense(2, "tanh", name="before", inputs=["numbers"]), nn.Dense(1, name="last")
    start = [nn.Input(name="numbers"), nn.Input(name="codes_in"), dense]
    ours = _trained(
        [*start, nn.Concatenate(inputs=["codes_in", "before"]), nn.ColumnEmbedding((0,), (4,), (2,), name="codes"), last],
        (numbers, codes),
        shapes,
    )
    beside = [nn.Embedding(4, 2, name="codes", inputs=["codes_in"]), nn.Flatten(name="flat")]
    theirs = _trained([*start, *beside, nn.Concatenate(inputs=["before", "flat"]), last], (numbers, codes), shapes)
    np.testing.assert_allclose(ours.pop("weights/codes/embeddings_0"), theirs.pop("weights/codes/embeddings"), rtol=1e-6)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=1e-6)
