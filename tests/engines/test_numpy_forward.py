"""What layers give for inputs small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

LINE = [[1], [2], [4], [8], [16]]
SQUARE = [[[1], [2]], [[3], [4]]]

CASES = [
    # layer, input, weights, output
    (nn.Conv1D(1, 2), LINE, [[[[1]], [[10]]], [0.5]], [[21.5], [42.5], [84.5], [168.5]]),
    (nn.Conv1D(1, 2, padding="same", use_bias=False), LINE, [[[[1]], [[10]]]], [[21], [42], [84], [168], [16]]),
    (nn.Conv1D(1, 2, padding="causal", use_bias=False), LINE, [[[[1]], [[10]]]], [[10], [21], [42], [84], [168]]),
    (nn.Conv1D(1, 2, 2, "causal", use_bias=False), LINE, [[[[1]], [[10]]]], [[10], [42], [168]]),
    (nn.Conv1D(1, 2, dilation_rate=3, use_bias=False), LINE, [[[[1]], [[10]]]], [[81], [162]]),
    (nn.MaxPooling1D(), LINE, [], [[2], [8]]),
    (nn.MaxPooling1D(3, 2, "same"), LINE, [], [[2], [8], [16]]),
    (nn.AveragePooling1D(), LINE, [], [[1.5], [6]]),
    (nn.AveragePooling1D(2, 2, "same"), LINE, [], [[1.5], [6], [16]]),
    (nn.GlobalAveragePooling1D(), LINE, [], [6.2]),
    (nn.GlobalMaxPooling1D(), LINE, [], [16]),
    (nn.ZeroPadding1D((1, 2)), [[1], [2]], [], [[0], [1], [2], [0], [0]]),
    (nn.UpSampling1D(), [[1], [2]], [], [[1], [1], [2], [2]]),
    (nn.RepeatVector(2), [1, 2], [], [[1, 2], [1, 2]]),
    (nn.Permute((2, 1)), [[1, 2, 3], [4, 5, 6]], [], [[1, 4], [2, 5], [3, 6]]),
    (nn.Cropping2D(((1, 0), (0, 1))), SQUARE, [], [[[3]]]),
    (nn.Conv2DTranspose(1, (1, 2)), SQUARE, [[[[[1]], [[10]]]], [0.5]], [[[1.5], [12.5], [20.5]], [[3.5], [34.5], [40.5]]]),
    (nn.Conv2DTranspose(1, (1, 3), (1, 2), "same", use_bias=False), [[[1], [2]]], [[[[[1]], [[10]], [[100]]]]],
     [[[1], [10], [102], [20]]]),
    (nn.Conv2DTranspose(1, 1, 2, use_bias=False), [[[1], [2]]], [[[[[3]]]]], [[[3], [0], [6], [0]], [[0], [0], [0], [0]]]),
    (nn.Conv3D(1, (1, 1, 2), use_bias=False), [SQUARE, [[[5], [6]], [[7], [8]]]], [[[[[[1]], [[10]]]]]],
     [[[[21]], [[43]]], [[[65]], [[87]]]]),
    (nn.MaxPooling3D((2, 1, 2)), [SQUARE, [[[5], [6]], [[7], [8]]]], [], [[[[6]], [[8]]]]),
    (nn.AveragePooling3D(2, 1, "same"), [SQUARE], [], [[[[2.5], [3]], [[3.5], [4]]]]),
    (nn.GlobalAveragePooling3D(), [SQUARE, SQUARE], [], [2.5]),
    # A query of 0 likes all keys alike: each position gets the mean of all values, with a mask of those so far.
    (nn.MultiHeadAttention(1, 1, use_bias=False), LINE, [[[[0]]], [[[1]]], [[[10]]], [[[1]]]], [[62]] * 5),
    (nn.MultiHeadAttention(1, 1, use_causal_mask=True), LINE, [[[[0]]], [[0]], [[[1]]], [[0]], [[[1]]], [[6]], [[[1]]], [1]],
     [[8], [8.5], [7 + 7 / 3], [10.75], [13.2]]),
    # exp(20 · 16 / √4) of the last key leaves nothing to the others, and two heads are two sums.
    (nn.MultiHeadAttention(2, 4, 1, use_bias=False), LINE,
     [[[[10] * 4] * 2], [[[1] * 4] * 2], [[[1], [2]]], [[[1]], [[100]]]], [[16 + 3200]] * 5),
    (nn.TimeDistributed(nn.Dense(1)), LINE, [[[2]], [1]], [[3], [5], [9], [17], [33]]),
    (nn.TimeDistributed(nn.Flatten()), SQUARE, [], [[1, 2], [3, 4]]),
    (nn.TimeDistributed(nn.MaxPooling1D()), SQUARE, [], [[[2]], [[4]]]),
    (nn.GroupNormalization(2, epsilon=1.0), [[0, 1, 5, 5], [2, 3, 5, 5]], [[2, 2, 2, 1], [0, 0, 0, 7]],
     [[-2, -2 / 3, 0, 7], [2 / 3, 2, 0, 7]]),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "inputs", "weights", "expected"), CASES, ids=lambda value: repr(value)[:60])
def test_output_of_layer(layer, inputs, weights, expected):
    inputs = np.array([inputs], np.float32)
    graph = Graph.build([layer], {"input": inputs.shape[1:]})
    arrays = {name: np.array(array) for (name, _), array in zip(graph.weights(), weights, strict=True)}
    output = NumpyEngine(graph, weights=arrays, dtype=np.float64).predict_step((inputs,))[0]
    np.testing.assert_allclose(output, [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [(nn.Subtract, [-3, 3, 0]), (nn.Average, [2.5, 3.5, 2]), (nn.Maximum, [4, 5, 2]), (nn.Minimum, [1, 2, 2])],
)
def test_output_of_merging_layer(layer, expected):
    graph = Graph.build([nn.Input(name="a"), nn.Input(name="b"), layer(inputs=["a", "b"])], {"a": (3,), "b": (3,)})
    first, second = np.array([[1.0, 5.0, 2.0]]), np.array([[4.0, 2.0, 2.0]])
    np.testing.assert_allclose(NumpyEngine(graph).predict_step((first, second))[0], [expected])


@pytest.mark.parametrize("layer", [nn.Maximum, nn.Minimum])
def test_equal_inputs_share_the_gradient(layer):
    layers = [nn.Dense(1, use_bias=False, name=name, inputs="input") for name in ("a", "b")]
    graph = Graph.build([*layers, layer(inputs=["a", "b"])], {"input": (1,)})
    weights = {"a/kernel": np.array([[2.0]]), "b/kernel": np.array([[2.0]])}
    engine = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(0.1), target_shape=(1,), weights=weights)
    engine.train_step(Batch((np.ones((1, 1)),), (np.zeros((1, 1)),)))  # the gradient is 4
    assert engine.state()["weights/a/kernel"] == engine.state()["weights/b/kernel"] == pytest.approx(1.8)


class TestNoise:
    def noise(self, batch=1000, step=0, **settings):
        graph = Graph.build([nn.GaussianNoise(0.5, **settings)], {"input": (3,)})
        engine = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(0.0), target_shape=(3,), seed=4)
        for _ in range(step + 1):
            engine.train_step(Batch((np.ones((batch, 3)),), (np.zeros((batch, 3)),)))
        return next(iter(engine._programs.values())).outputs[0].copy() - 1

    def test_has_the_given_deviation(self):
        noise = self.noise()
        assert noise.mean() == pytest.approx(0, abs=0.03)
        assert noise.std() == pytest.approx(0.5, abs=0.03)

    def test_of_a_sample_does_not_depend_on_the_batch_size(self):
        np.testing.assert_array_equal(self.noise(batch=4), self.noise(batch=9)[:4])

    @pytest.mark.parametrize("settings", [{"step": 1}, {"seed": 1}])
    def test_differs_between_steps_and_seeds(self, settings):
        assert (self.noise(batch=4, **settings) != self.noise(batch=4)).all()

    def test_is_absent_after_training(self):
        graph = Graph.build([nn.GaussianNoise(0.5)], {"input": (3,)})
        np.testing.assert_array_equal(NumpyEngine(graph).predict_step((np.ones((2, 3)),))[0], np.ones((2, 3)))
