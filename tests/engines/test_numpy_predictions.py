"""What is predicted for a sample depends on nothing but the sample and the weights, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fittool.config.experiment_file import load_experiment
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.operations.base import EVEN_ROWS, row_product
from fittool.errors import DataError
from fittool.experiment.building.prepare import prepare
from fittool.nn import layers as nn
from fittool.nn.graph import Graph

CONFIGS = Path(__file__).parents[2] / "configs"
IMAGE = (11, 9, 3)
NETWORKS: dict[str, tuple[list[nn.Layer], tuple[int, ...]]] = {
    "dense": ([nn.Dense(13, "tanh"), nn.Dense(5, "gelu"), nn.Dense(1, "sigmoid")], (9,)),
    "convolutions": (
        [nn.Conv2D(13, 3, strides=2), nn.DepthwiseConv2D(3, padding="same"), nn.BatchNormalization(), nn.ReLU(),
         nn.SeparableConv2D(7, 2), nn.LayerNormalization(), nn.GlobalAveragePooling2D(), nn.Dense(7, "softmax")], IMAGE),
    "a large one": ([nn.Conv2D(64, 3, padding="same"), nn.Conv2D(64, 5), nn.Flatten(), nn.Dense(300), nn.Dense(3)], IMAGE),
    "enlargement": ([nn.Conv2DTranspose(6, 3, strides=2), nn.GroupNormalization(3), nn.UpSampling2D(2), nn.Flatten(),
                     nn.Dense(3)], IMAGE),
    "bilinear": ([nn.UpSampling2D(2, "bilinear"), nn.Conv2D(3, 2), nn.AveragePooling2D(), nn.Flatten(), nn.Dense(2)], IMAGE),
    "sequences": ([nn.Conv1D(17, 3, padding="causal"), nn.LSTM(33, return_sequences=True), nn.Bidirectional(nn.GRU(5)),
                   nn.Dense(2)], (20, 7)),
    "cells": ([nn.SimpleRNN(9, return_sequences=True), nn.GRU(6, reset_after=False), nn.Dense(2)], (6, 7)),
    "a large walk": ([nn.LSTM(128), nn.Dense(10, "softmax")], (40, 64)),
    "attention": ([nn.Dense(24), nn.MultiHeadAttention(3, 8, use_causal_mask=True), nn.LayerNormalization(),
                   nn.GlobalAveragePooling1D(), nn.Dense(3)], (9, 5)),
    "steps": ([nn.TimeDistributed(nn.Conv2D(5, 3)), nn.TimeDistributed(nn.Flatten()), nn.TimeDistributed(nn.Dense(6)),
               nn.TimeDistributed(nn.LayerNormalization()), nn.Flatten(), nn.Dense(2)], (5, *IMAGE)),
    "tables": ([nn.RobustScaling(columns=(0, 2)), nn.PiecewiseLinearEmbedding(70, 5, columns=(2, 3)), nn.Dense(4)], (5,)),
    "volumes": ([nn.Conv3D(5, 3), nn.MaxPooling3D(), nn.Flatten(), nn.Dense(4, "softmax")], (9, 8, 7, 2)),
}  # fmt: skip


def engine_of(layers: list[nn.Layer], shape: tuple[int, ...], threads: int = 1) -> NumpyEngine:
    """A network whose weights are all drawn, biases too."""
    graph = Graph.build(layers, {"input": shape})
    generator = np.random.default_rng(3)
    weights = {
        name: array + 0.1 * np.abs(generator.standard_normal(array.shape)) for name, array in graph.initial_weights(1).items()
    }
    return NumpyEngine(graph, weights=weights, threads=threads)


@pytest.mark.parametrize(("layers", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_a_sample_gets_the_same_alone_and_in_company(layers: list[nn.Layer], shape: tuple[int, ...]) -> None:
    inputs = np.random.default_rng(0).standard_normal((37, *shape)).astype(np.float32)
    engine = engine_of(layers, shape)
    whole = engine.predict_step((inputs,))[0]
    for size in (1, 7, 32):
        parts = [engine.predict_step((inputs[start : start + size],))[0] for start in range(0, len(inputs), size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(1).permutation(len(inputs))
    np.testing.assert_array_equal(engine.predict_step((inputs[order],))[0], whole[order])
    np.testing.assert_array_equal(engine_of(layers, shape, threads=3).predict_step((inputs,))[0], whole)


@pytest.mark.parametrize("config", ["digits_fit.yaml", "residual.yaml", "classic_fit_generator.yaml", "breast_cancer.yaml"])
def test_a_sample_of_a_shipped_experiment_gets_the_same_alone_and_in_company(config: str) -> None:
    with_data = prepare(load_experiment(CONFIGS / config))
    graph = with_data.graph
    (shape,) = graph.inputs.values()
    inputs = np.random.default_rng(0).integers(0, 256, (11, *shape)).astype(np.float32)
    engine = NumpyEngine(graph, threads=2)
    whole = engine.predict_step((inputs,))[0]
    alone = np.concatenate([engine.predict_step((inputs[number : number + 1],))[0] for number in range(len(inputs))])
    np.testing.assert_array_equal(alone, whole)


@pytest.mark.parametrize("units", [1, 2, 3, 7, 8, 10, 16, 17, 31, 64, 100, 300])
def test_equal_rows_have_equal_products_to_the_bit(units: int) -> None:
    generator = np.random.default_rng(0)
    for inputs in (1, 2, 5, 9, 16, 27, 33, 64, 100, 288, 513, 2304):
        rows = generator.standard_normal((1, inputs)).astype(np.float32).repeat(5 * EVEN_ROWS, 0)
        out = np.empty((len(rows), units), np.float32)
        row_product(rows, generator.standard_normal((inputs, units)).astype(np.float32), out, even=True)()
        assert (out == out[:1]).all()


def test_only_the_samples_that_are_there_are_computed_slice_by_slice() -> None:
    layers, shape = NETWORKS["a large one"]
    engine = engine_of(layers, shape)
    for count, last in ((1, 1), (5, 5), (40, 8)):
        engine.predict_step((np.zeros((count, *shape), np.float32),))
        assert engine._programs[last, "predict"]._parts[-1].stop == last
    assert engine._space.buffers.capacity == 32  # however many are asked for


def test_no_samples_give_no_outputs() -> None:
    assert engine_of(*NETWORKS["dense"]).predict_step((np.zeros((0, 9), np.float32),))[0].shape == (0, 1)


def test_a_wrong_number_is_named_by_its_place_in_the_whole_batch() -> None:
    numbers = np.zeros((70, 2), np.int64)
    numbers[67, 1] = 9
    with pytest.raises(DataError, match=r"but sample 68 of a batch holds 9"):
        engine_of([nn.Embedding(9, 3), nn.Flatten(), nn.Dense(1)], (2,)).predict_step((numbers,))
