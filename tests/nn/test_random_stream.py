from __future__ import annotations

from fittool.nn.graph import Graph
from fittool.nn.layers import GRU, LSTM, Bidirectional, Dense, Dropout, GaussianNoise, Layer, ReLU, RepeatVector
from fittool.nn.random_stream import RandomStream


def numbers(*layers: Layer) -> dict[str, int]:
    """The number of each layer that draws."""
    return {node.name: node.random_index for node in Graph.build(layers, {"input": (4,)}).nodes if node.layer.is_random}


def test_layers_that_draw_are_numbered_among_themselves() -> None:
    layers = [GaussianNoise(0.1), Dense(4, "relu"), Dropout(0.5), ReLU(), Dropout(0.0), RepeatVector(2), GRU(3, dropout=0.1)]
    assert numbers(*layers) == {"gaussian_noise": 0, "dropout": 1, "gru": 2}


def test_recurrent_layers_draw_where_they_drop() -> None:
    assert numbers(RepeatVector(2), LSTM(3)) == {}
    assert numbers(RepeatVector(2), LSTM(3, recurrent_dropout=0.1)) == {"lstm": 0}
    assert numbers(RepeatVector(2), Bidirectional(GRU(3, dropout=0.1))) == {"bidirectional": 0}


def test_a_graph_knows_whether_it_draws() -> None:
    assert not Graph.build([Dense(4), Dropout(0.0)], {"input": (4,)}).is_random
    assert Graph.build([Dense(4), GaussianNoise(0.1)], {"input": (4,)}).is_random


def test_everything_that_names_a_stream_counts() -> None:
    node = Graph.build([Dropout(0.5)], {"input": (4,)}).nodes[0]
    streams = [
        node.random_stream("dropout"), node.random_stream("dropout", 5), node.random_stream("noise"),
        node.random_stream("dropout", use=1), RandomStream("dropout", 1),
    ]  # fmt: skip
    keys = [stream.key(seed, step) for stream in streams for seed in (0, 1) for step in (0, 1)]
    assert len(set(keys)) == len(keys)


def test_a_key_stays_what_it_is() -> None:
    assert RandomStream("dropout", 1, 2).key(seed=7, step=3) == 11577778240989887062
