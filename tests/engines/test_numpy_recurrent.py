"""Recurrent layers against numbers worked out by hand, and what their dropout drops."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.operations.sequences.recurrent import Recurrent
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

STEPS = np.array([[[1.0], [2.0], [4.0]]], np.float32)


def engine(layer: nn.Layer, weights: list[object], shape: tuple[int, ...] = (3, 1), **settings: object) -> NumpyEngine:
    graph = Graph.build([layer], {"input": shape})
    names = [name for name, _ in graph.weights()]
    arrays = {name: np.asarray(array, np.float32) for name, array in zip(names, weights, strict=True)}
    return NumpyEngine(graph, weights=arrays, dtype=np.float64, **settings)


def outputs(layer: nn.Layer, weights: list[object], inputs: np.ndarray = STEPS) -> np.ndarray:
    return engine(layer, weights, inputs.shape[1:]).predict_step((inputs,))[0][0]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1 + 0.5 * (2 + 0.5 * 4)]),
        ({"return_sequences": True}, [[4], [4], [3]]),
    ],
)
def test_going_backwards_starts_at_the_last_step(settings: dict[str, bool], expected: list[object]) -> None:
    layer = nn.SimpleRNN(1, None, False, go_backwards=True, **settings)
    np.testing.assert_allclose(outputs(layer, [[[1]], [[0.5]]]), expected)


def test_a_simple_state_is_carried_from_step_to_step() -> None:
    layer = nn.SimpleRNN(1, None, return_sequences=True)
    np.testing.assert_allclose(outputs(layer, [[[2]], [[0.5]], [1]]), [[3], [6.5], [12.25]])


def test_the_gates_of_an_lstm_come_in_the_order_input_forget_candidate_output() -> None:
    layer = nn.LSTM(1, None, None, use_bias=False, return_sequences=True)
    # with linear gates of 1, 2, 3 and 5 times the input: carry = i · c + f · carry, state = o · carry
    first, second = 1 * 3, (2 * 6) + 4 * 3
    third = 4 * 12 + 8 * second
    expected = [[5 * first], [10 * second], [20 * third]]
    np.testing.assert_allclose(outputs(layer, [[[1, 2, 3, 5]], [[0, 0, 0, 0]]]), expected)


def test_the_update_gate_of_a_gru_keeps_the_state() -> None:
    layer = nn.GRU(1, None, "sigmoid", return_sequences=True)
    weights = [[[0, 0, 1]], [[0, 0, 0]], [[np.log(3), 0, 0], [0, 0, 0]]]  # z = 3/4 always, the candidate is the input
    np.testing.assert_allclose(outputs(layer, weights), [[1 / 4], [3 / 16 + 1 / 2], [9 / 64 + 3 / 8 + 1]], rtol=1e-6)


@pytest.mark.parametrize(("reset_after", "bias", "expected"), [(True, [[0, 0, 0], [0, 0, 6]], 5), (False, [0, 0, 6], 8)])
def test_the_reset_gate_of_a_gru_halves_the_bias_of_the_state_only(
    reset_after: bool, bias: list[object], expected: float
) -> None:
    layer = nn.GRU(1, None, reset_after=reset_after)
    state = outputs(layer, [[[0, 0, 2]], [[0, 0, 0]], bias], STEPS[:, :1])  # z = r = 1/2
    np.testing.assert_allclose(state, [expected / 2], rtol=1e-6)


@pytest.mark.parametrize(("merge_mode", "expected"), [("concat", [[1, 7], [3, 6], [7, 4]]), ("sum", [[8], [9], [11]])])
def test_both_directions_meet_at_the_same_step(merge_mode: str, expected: list[list[float]]) -> None:
    layer = nn.Bidirectional(nn.SimpleRNN(1, None, False, return_sequences=True), merge_mode)
    np.testing.assert_allclose(outputs(layer, [[[1]], [[1]]] * 2), expected)


@pytest.mark.parametrize(("merge_mode", "expected"), [("mul", 28), ("ave", 5.5)])
def test_mixtures_of_both_directions(merge_mode: str, expected: float) -> None:
    layer = nn.Bidirectional(nn.SimpleRNN(1, None, False), merge_mode)
    np.testing.assert_allclose(outputs(layer, [[[1]], [[1]], [[4]], [[0]]]), [expected])


def kept(**settings: float) -> np.ndarray:
    """The output of a sum over three steps of ones, in training: how much of inputs and state each of 400 samples kept."""
    layer = nn.SimpleRNN(1, None, False, **settings)
    network = engine(layer, [[[1]], [[1]]], loss=MeanSquaredError(), optimizer=SGD(0.0), target_shape=(1,), seed=3)
    network.train_step(Batch((np.ones((400, 3, 1)),), (np.zeros((400, 1)),)))
    return next(iter(network._programs.values())).outputs[0][:, 0]


def test_dropped_inputs_are_the_same_at_every_step() -> None:
    assert set(kept(dropout=0.5)) == {0.0, 6.0}


def test_a_dropped_state_is_the_same_at_every_step() -> None:
    assert set(kept(recurrent_dropout=0.5)) == {1.0, 7.0}


def test_nothing_is_dropped_after_training() -> None:
    layer = nn.SimpleRNN(1, None, False, dropout=0.9, recurrent_dropout=0.9)
    np.testing.assert_allclose(outputs(layer, [[[1]], [[1]]]), [7])


def test_the_directions_drop_different_inputs() -> None:
    layer = nn.Bidirectional(nn.SimpleRNN(1, None, False, dropout=0.5))
    network = engine(layer, [[[1]], [[1]]] * 2, loss=MeanSquaredError(), optimizer=SGD(0.0), target_shape=(2,), seed=3)
    network.train_step(Batch((np.ones((400, 3, 1)),), (np.zeros((400, 2)),)))
    forward, backward = next(iter(network._programs.values())).outputs[0].T
    assert 100 < (forward != backward).sum() < 300


def test_a_smaller_batch_after_a_larger_one_starts_from_zeros() -> None:
    network = engine(nn.SimpleRNN(1, None, False, return_sequences=True), [[[1]], [[1]]])
    network.predict_step((np.ones((7, 3, 1)),))
    np.testing.assert_allclose(network.predict_step((STEPS,))[0][0], [[1], [3], [7]])


@pytest.mark.parametrize("layer", [nn.SimpleRNN(8), nn.LSTM(8), nn.GRU(8), nn.GRU(8, reset_after=False)], ids=str)
def test_the_rows_of_a_step_are_neighbours_in_memory(layer: nn.Layer) -> None:
    graph = Graph.build([layer], {"input": (5, 3)})
    network = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(), target_shape=(8,), kernels="numpy")
    network.train_step(Batch((np.ones((6, 5, 3)),), (np.zeros((6, 8)),)))
    (program,) = network._programs.values()
    (context,) = program._contexts.values()
    walk = program._workspace.plan.instructions[0].operation
    assert isinstance(walk, Recurrent)
    for step in walk._time_steps(context, slice(1, 4)):
        views = [step.sums, step.gates, step.previous, step.state, step.gradient, *step.kept.values()]
        assert all(len(view) == 3 and view.flags.c_contiguous for view in views)


def test_the_inputs_are_laid_out_step_by_step_in_one_call() -> None:
    graph = Graph.build([nn.LSTM(8)], {"input": (50, 3)})
    network = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(), target_shape=(8,), kernels="numpy")
    network.train_step(Batch((np.ones((6, 50, 3)),), (np.zeros((6, 8)),)))
    (program,) = network._programs.values()
    (inputs,) = next(iter(program._contexts.values())).x
    calls = [task for stage in program._stages for chain in stage for task in chain if isinstance(task, partial)]
    reading = [
        task for task in calls if any(isinstance(one, np.ndarray) and np.shares_memory(one, inputs) for one in task.args[:2])
    ]
    assert [task.func for task in reading] == [np.copyto]
