"""The random numbers of a layer belong to the layer, whatever stands before it and however both are computed."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

FEATURES = 12
INPUTS = np.random.default_rng(0).normal(1.0, 0.3, (64, FEATURES)).astype(np.float32)


def outputs(*layers: nn.Layer, inputs: np.ndarray = INPUTS) -> np.ndarray:
    """What the layers give in the first step of training, (64, …)."""
    graph = Graph.build(layers, {"input": inputs.shape[1:]})
    shape = next(iter(graph.output_shapes.values()))
    engine = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(0.0), target_shape=shape, seed=3)
    engine.train_step(Batch((inputs,), (np.zeros((len(inputs), *shape)),)))
    return next(iter(engine._programs.values())).outputs[0].copy()


def kept(*layers: nn.Layer) -> np.ndarray:
    """Which elements the last layer keeps of inputs that are nowhere 0."""
    return outputs(*layers) != 0


@pytest.mark.parametrize(
    "before",
    [
        [nn.Dense(FEATURES, "sigmoid")],
        [nn.Dense(FEATURES), nn.Activation("sigmoid")],
        [nn.Activation("elu")],
        [nn.Dense(FEATURES), nn.BatchNormalization()],
        [nn.Dense(FEATURES), nn.BatchNormalization(), nn.Activation("gelu")],
        [nn.Dense(FEATURES), nn.Dropout(0.0)],
        [nn.RepeatVector(3), nn.LSTM(FEATURES)],
    ],
    ids=lambda before: ", ".join(type(layer).__name__ for layer in before),
)
def test_a_mask_is_the_same_with_other_layers_in_front(before: list[nn.Layer]) -> None:
    alone = kept(nn.Dense(FEATURES), nn.Dropout(0.5))
    np.testing.assert_array_equal(kept(*before, nn.Dropout(0.5)), alone)
    assert 0.4 < alone.mean() < 0.6


def test_a_mask_of_channels_is_the_same_with_an_activation_in_front() -> None:
    images = np.random.default_rng(1).normal(1.0, 0.3, (64, 3, 3, 8)).astype(np.float32)
    plain, activated = (nn.Conv2D(8, 1, activation=activation) for activation in (None, "sigmoid"))
    first, second = (outputs(layer, nn.SpatialDropout2D(0.5), inputs=images) != 0 for layer in (plain, activated))
    np.testing.assert_array_equal(first, second)


def test_noise_is_the_same_with_an_activation_in_front() -> None:
    activated = outputs(nn.Activation("sigmoid"), nn.GaussianNoise(0.5)) - outputs(nn.Activation("sigmoid"))
    np.testing.assert_allclose(activated, outputs(nn.GaussianNoise(0.5)) - INPUTS, atol=1e-6)


def test_masks_of_a_recurrent_layer_are_the_same_with_an_activation_in_front() -> None:
    steps = np.ones((64, 3, 1), np.float32)
    ones = nn.Activation("linear"), nn.Activation("relu")
    walk = nn.SimpleRNN(4, None, dropout=0.5, recurrent_dropout=0.5)
    np.testing.assert_array_equal(outputs(walk, inputs=steps) != 0, outputs(*ones, walk, inputs=steps) != 0)


def test_two_layers_draw_different_masks() -> None:
    assert 0.15 < kept(nn.Dropout(0.5), nn.Dropout(0.5)).mean() < 0.35


def test_inputs_and_state_of_a_layer_have_different_masks() -> None:
    layer = nn.SimpleRNN(1, None, False, "ones", "ones", dropout=0.5, recurrent_dropout=0.5)
    # Of three ones: 0 without inputs, 2 without the state, 2 + 4 + 8 with both; one mask for both would leave out the 2.
    assert set(outputs(layer, inputs=np.ones((64, 3, 1), np.float32)).ravel()) == {0.0, 2.0, 14.0}


def test_a_mask_of_the_state_is_the_same_with_and_without_one_of_the_inputs() -> None:
    inputs = np.ones((64, 2, 1), np.float32)
    both, state = (
        outputs(nn.SimpleRNN(1, None, False, "ones", "ones", dropout=dropout, recurrent_dropout=0.5), inputs=inputs).ravel()
        for dropout in (0.5, 0.0)
    )
    seen = both != 0  # 2 · (1 + mask) where the inputs are kept, else nothing
    np.testing.assert_array_equal(both[seen], 2 * state[seen])
    assert 16 < seen.sum() < 48


def test_the_first_mask_stays_what_it_is() -> None:
    first = kept(nn.Dropout(0.5))[0]
    assert "".join("x" if one else "." for one in first) == "x.xx.x.x..xx"
