"""Every layer's backward half against numerical derivatives of its forward half, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.buffers import Buffers
from fittool.engines.numpy_engine.layers import OPERATIONS
from fittool.engines.numpy_engine.lowering import lower
from fittool.engines.numpy_engine.operations.base import Scratch, StepInputs
from fittool.engines.numpy_engine.parameters import ParameterStore
from fittool.engines.numpy_engine.program import Program, Workspace
from fittool.engines.numpy_engine.thread_pool import ThreadPool
from fittool.nn import layers as nn
from fittool.nn.graph import Graph

IMAGE, SEQUENCE, FEATURES, VOLUME = (7, 6, 3), (6, 3), (5,), (4, 5, 3, 2)

CASES = [
    (nn.Conv2D(filters=3, kernel_size=2, padding="same"), (4, 5, 3)),  # its gradient is padded on the other side
    (nn.Rescaling(0.5, 1.0), FEATURES),
    (nn.Normalization(mean=[1, 2, 3], variance=[4, 5, 6]), IMAGE),
    (nn.Standardization(rescale=0.5, samplewise_std_normalization=True), IMAGE),
    (nn.Standardization(samplewise_center=True, featurewise_std_normalization=True), IMAGE),
    (nn.Standardization(rescale=3, zca_whitening=True), (3, 2, 2)),
    (nn.Dense(4, "tanh"), FEATURES),
    (nn.Dense(4, use_bias=False), IMAGE),
    (nn.Conv2D(4, 3, padding="same"), IMAGE),
    (nn.Conv2D(4, (2, 3), activation="gelu"), IMAGE),
    (nn.Conv2D(4, 3, strides=2, padding="same"), IMAGE),
    (nn.Conv2D(4, 3, strides=(1, 2), use_bias=False), IMAGE),
    (nn.Conv2D(2, 2, dilation_rate=2, padding="same"), IMAGE),
    (nn.Conv2D(2, (3, 2), dilation_rate=(1, 2)), IMAGE),
    (nn.Conv2D(4, 1, strides=2), IMAGE),
    (nn.Conv2D(6, 3, groups=3, padding="same", activation="tanh"), IMAGE),
    (nn.Conv2D(6, (2, 3), strides=2, groups=3, use_bias=False), IMAGE),
    (nn.Conv2D(3, 2, groups=3, dilation_rate=2), IMAGE),
    (nn.Conv1D(6, 3, groups=3, padding="causal"), SEQUENCE),
    (nn.Conv3D(4, 2, groups=2), VOLUME),
    (nn.Dropout(0.4, (None, 1, 1, 1)), IMAGE),
    (nn.SpatialDropout1D(0.4), SEQUENCE),
    (nn.Cropping1D((1, 2)), SEQUENCE),
    (nn.ClassToken(), SEQUENCE),
    (nn.PositionEmbedding(), SEQUENCE),
    (nn.DepthwiseConv2D(3, padding="same"), IMAGE),
    (nn.DepthwiseConv2D(3, strides=2, depth_multiplier=2), IMAGE),
    (nn.DepthwiseConv2D(2, dilation_rate=2, use_bias=False), IMAGE),
    (nn.SeparableConv2D(4, 3, padding="same", depth_multiplier=2, activation="sigmoid"), IMAGE),
    (nn.MaxPooling2D(), IMAGE),
    (nn.MaxPooling2D(3, strides=2, padding="same"), IMAGE),
    (nn.MaxPooling2D((3, 2), strides=1), IMAGE),
    (nn.AveragePooling2D(), IMAGE),
    (nn.AveragePooling2D(3, strides=2, padding="same"), IMAGE),
    (nn.GlobalAveragePooling2D(), IMAGE),
    (nn.GlobalAveragePooling2D(keepdims=True), IMAGE),
    (nn.GlobalMaxPooling2D(), IMAGE),
    (nn.Flatten(), IMAGE),
    (nn.Reshape((6, -1)), IMAGE),
    (nn.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    (nn.UpSampling2D((2, 3)), IMAGE),
    (nn.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    (nn.Dropout(0.4), IMAGE),
    (nn.SpatialDropout2D(0.4), IMAGE),
    (nn.BatchNormalization(), IMAGE),
    (nn.BatchNormalization(scale=False), FEATURES),
    (nn.BatchNormalization(center=False), IMAGE),
    (nn.BatchNormalization(trainable=False), IMAGE),
    (nn.LayerNormalization(), IMAGE),
    (nn.LayerNormalization(scale=False, center=False), FEATURES),
    (nn.Activation("softplus"), IMAGE),
    (nn.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), IMAGE),
    (nn.ReLU(), IMAGE),
    (nn.LeakyReLU(0.2), IMAGE),
    (nn.PReLU(alpha_initializer={"Constant": {"value": 0.25}}), IMAGE),
    (nn.PReLU(alpha_initializer={"Constant": {"value": 0.25}}, shared_axes=[1, 2]), IMAGE),
    (nn.ELU(1.5), IMAGE),
    (nn.SELU(), IMAGE),
    (nn.GELU(), IMAGE),
    (nn.GELU(approximate=True), IMAGE),
    (nn.SiLU(), IMAGE),
    (nn.Sigmoid(), IMAGE),
    (nn.Tanh(), IMAGE),
    (nn.Softmax(), IMAGE),
    (nn.Softmax(axis=1), IMAGE),
    (nn.Conv1D(4, 3), SEQUENCE),
    (nn.Conv1D(4, 3, padding="same", activation="gelu"), SEQUENCE),
    (nn.Conv1D(4, 2, padding="causal", dilation_rate=2, use_bias=False), SEQUENCE),
    (nn.Conv1D(4, 3, strides=2, padding="causal"), SEQUENCE),
    (nn.Conv2DTranspose(4, 3), IMAGE),
    (nn.Conv2DTranspose(4, 3, strides=2, padding="same", activation="tanh"), IMAGE),
    (nn.Conv2DTranspose(4, (2, 1), strides=(3, 2), use_bias=False), IMAGE),
    (nn.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=(0, 1)), IMAGE),
    (nn.Conv2DTranspose(2, 2, padding="same", dilation_rate=2), IMAGE),
    (nn.MaxPooling1D(), SEQUENCE),
    (nn.MaxPooling1D(3, strides=2, padding="same"), SEQUENCE),
    (nn.AveragePooling1D(4, strides=1, padding="same"), SEQUENCE),
    (nn.GlobalAveragePooling1D(), SEQUENCE),
    (nn.GlobalMaxPooling1D(keepdims=True), SEQUENCE),
    (nn.ZeroPadding1D((2, 1)), SEQUENCE),
    (nn.UpSampling1D(3), SEQUENCE),
    (nn.Cropping2D(((1, 2), (0, 3))), IMAGE),
    (nn.Permute((2, 3, 1)), IMAGE),
    (nn.RepeatVector(3), FEATURES),
    (nn.GaussianNoise(0.5), IMAGE),
    (nn.GroupNormalization(1), IMAGE),
    (nn.GroupNormalization(-1, center=False), SEQUENCE),
    (nn.GroupNormalization(2, scale=False), (2, 4)),
    (nn.SimpleRNN(4), SEQUENCE),
    (nn.SimpleRNN(4, "gelu", False, return_sequences=True, go_backwards=True, recurrent_dropout=0.4), SEQUENCE),
    (nn.LSTM(4), SEQUENCE),
    (nn.LSTM(4, "softplus", "hard_sigmoid", use_bias=False, return_sequences=True), SEQUENCE),
    (nn.LSTM(4, "gelu", "silu", dropout=0.3, recurrent_dropout=0.4, go_backwards=True), SEQUENCE),
    (nn.GRU(4), SEQUENCE),
    (nn.GRU(4, None, "silu", use_bias=False, return_sequences=True, dropout=0.3, recurrent_dropout=0.4), SEQUENCE),
    (nn.GRU(4, reset_after=False), SEQUENCE),
    (nn.GRU(4, "gelu", reset_after=False, recurrent_dropout=0.4, go_backwards=True, return_sequences=True), SEQUENCE),
    (nn.Bidirectional(nn.LSTM(3, return_sequences=True)), SEQUENCE),
    (nn.Bidirectional(nn.GRU(3, dropout=0.3)), SEQUENCE),
    (nn.Bidirectional(nn.SimpleRNN(3), "sum"), SEQUENCE),
    (nn.Bidirectional(nn.SimpleRNN(3, return_sequences=True), "mul"), SEQUENCE),
    (nn.Bidirectional(nn.LSTM(3), "ave"), SEQUENCE),
    (nn.Embedding(9, 4), (2, 3)),
    (nn.ColumnEmbedding((3, 0), (4, 6), (2, 3)), (4,)),
    (nn.RobustScaling(), FEATURES),
    (nn.RobustScaling(1.5, columns=(3, 0)), FEATURES),
    (nn.RobustScaling(None), FEATURES),
    (nn.PiecewiseLinearEmbedding(3, 2), FEATURES),
    (nn.PiecewiseLinearEmbedding(4, 3, columns=(4, 1)), FEATURES),
    (nn.Conv3D(3, 3, padding="same"), VOLUME),
    (nn.Conv3D(3, (2, 3, 1), activation="gelu"), VOLUME),
    (nn.Conv3D(3, 2, strides=(1, 2, 2), padding="same", use_bias=False), VOLUME),
    (nn.Conv3D(2, 2, dilation_rate=2, padding="same"), VOLUME),
    (nn.MaxPooling3D(), VOLUME),
    (nn.MaxPooling3D((3, 2, 2), strides=1, padding="same"), VOLUME),
    (nn.AveragePooling3D(2), VOLUME),
    (nn.AveragePooling3D(3, strides=2, padding="same"), VOLUME),
    (nn.GlobalAveragePooling3D(), VOLUME),
    (nn.GlobalMaxPooling3D(keepdims=True), VOLUME),
    (nn.MultiHeadAttention(2, 4), SEQUENCE),
    (nn.MultiHeadAttention(3, 2, 5, dropout=0.3, use_causal_mask=True), SEQUENCE),
    (nn.MultiHeadAttention(2, 3, use_bias=False, output_shape=(2, 2)), IMAGE),
    (nn.TimeDistributed(nn.Dense(4, "gelu")), SEQUENCE),
    (nn.TimeDistributed(nn.Conv2D(3, 2, activation="relu")), VOLUME),
    (nn.TimeDistributed(nn.DepthwiseConv2D(2, padding="same")), VOLUME),
    (nn.TimeDistributed(nn.MaxPooling2D()), VOLUME),
    (nn.TimeDistributed(nn.Flatten()), IMAGE),
    (nn.TimeDistributed(nn.Dropout(0.4)), IMAGE),
    (nn.TimeDistributed(nn.Bidirectional(nn.GRU(3, dropout=0.3))), IMAGE),
    (nn.TimeDistributed(nn.MultiHeadAttention(2, 3, dropout=0.3)), IMAGE),
    (nn.TimeDistributed(nn.Conv1D(3, 2)), IMAGE),
    (nn.TimeDistributed(nn.PReLU(alpha_initializer={"Constant": {"value": 0.25}})), IMAGE),
]

GRAPHS = {
    "residual": [
        nn.Conv2D(3, 3, padding="same", name="a"),
        nn.BatchNormalization(),
        nn.ReLU(),
        nn.Conv2D(3, 3, padding="same", name="b"),
        nn.Add(inputs=["a", "b"]),
        nn.Activation("tanh"),
        nn.GlobalAveragePooling2D(),
        nn.Dense(2),
    ],
    "three readers of one layer": [
        nn.Dense(4, "tanh", name="a"),
        nn.Dense(4, name="b", inputs=["a"]),
        nn.Multiply(inputs=["a", "b"], name="c"),
        nn.Concatenate(inputs=["a", "c", "b"]),
        nn.Dense(2),
    ],
    "a view with two readers": [
        nn.Dense(6, "tanh"),
        nn.Reshape((3, 2), name="a"),
        nn.Dense(2, name="b", inputs=["a"]),
        nn.Add(inputs=["a", "b"]),
        nn.Flatten(),
        nn.Dense(2),
    ],
    "mixtures of inputs": [
        nn.Dense(4, name="a"),
        nn.Dense(4, "tanh", name="b", inputs=["a"]),
        nn.Dense(1, name="c", inputs=["a"]),
        nn.Maximum(inputs=["a", "b", "c"], name="d"),
        nn.Minimum(inputs=["a", "b"], name="e"),
        nn.Subtract(inputs=["c", "d"], name="f"),
        nn.Average(inputs=["f", "e", "a"], name="g"),
        nn.Subtract(inputs=["g", "c"]),
    ],
    "attention to another sequence": [
        nn.Dense(12, "tanh"),
        nn.Reshape((4, 3), name="a"),
        nn.Conv1D(5, 2, name="b", inputs=["a"]),
        nn.Dense(2, name="c", inputs=["b"]),
        nn.MultiHeadAttention(2, 3, 2, dropout=0.2, inputs=["a", "b"], name="d"),
        nn.MultiHeadAttention(2, 3, inputs=["d", "c", "b"], name="e"),
        nn.Add(inputs=["a", "e"]),
    ],
    "attention that is given one layer twice": [
        nn.Dense(6, "tanh"),
        nn.Reshape((3, 2), name="a"),
        nn.MultiHeadAttention(2, 3, inputs=["a", "a", "a"], use_causal_mask=True),
    ],
    "broadcast": [
        nn.Dense(4, name="a"),
        nn.Dense(1, name="b", inputs=["a"]),
        nn.Multiply(inputs=["a", "b"], name="c"),
        nn.Add(inputs=["b", "c"]),
    ],
}


class Bench:
    """A graph with a linear loss on its outputs, so that any derivative can be had by differences."""

    def __init__(self, layers: list[nn.Layer], shape: tuple[int, ...], batch: int, threads: int = 1) -> None:
        indices = isinstance(layers[0], nn.Embedding | nn.ColumnEmbedding)
        if not indices:
            layers = [nn.Dense(shape[-1], name="before"), *layers]  # so that the layer's input needs a gradient
        self.graph = Graph.build(layers, {"input": shape})
        self.store = ParameterStore(self.graph, np.float64)
        self.store.load(self.graph.initial_weights(3))
        generator = np.random.default_rng(5)
        self.store.trainable += 0.1 * generator.standard_normal(self.store.trainable.size)
        self._take_statistics(generator)
        plan = lower(self.graph)
        slots = plan.gradient_slots()
        buffers = Buffers(plan.sizes, slots.sizes, np.float64)
        buffers.grow(batch)
        space = Workspace(plan, slots, self.store, buffers, Scratch(np.float64), StepInputs(1), ThreadPool(threads))
        whole, real = generator.integers(0, 4, (batch, *shape)), generator.standard_normal((batch, *shape))
        space.step_inputs.inputs = (whole if indices else real,)
        self.program = Program(space, batch, training=True, update_metrics=self._linear_loss, backward=True)
        self.direction = generator.standard_normal(self.program.outputs[0].shape)

    def _take_statistics(self, generator: np.random.Generator) -> None:
        """Edges, centres and scales as of some data, in place of those before any were seen."""
        for name in self.store.views:
            if name.endswith("/edges"):
                self.store.weights(name)[...] = np.sort(generator.standard_normal(self.store.views[name].shape), axis=1)
            if name.startswith("robust_scaling/"):
                self.store.weights(name)[...] = generator.uniform(0.5, 2, self.store.views[name].shape)

    def _linear_loss(self, outputs, logits, gradients):
        self.loss = float((outputs[0] * self.direction).sum())
        gradients[0][...] = self.direction

    def check(self) -> None:
        self.program.run()
        gradients = self.store.gradients.copy()
        for index in np.random.default_rng(0).permutation(self.store.trainable.size)[:60]:
            assert gradients[index] == pytest.approx(self._difference(index), rel=1e-5, abs=1e-6)

    def _difference(self, index: int, step: float = 1e-5) -> float:
        held, losses = self.store.trainable[index], []
        for moved in (held + step, held - step):
            self.store.trainable[index] = moved
            self.program.run()
            losses.append(self.loss)
        self.store.trainable[index] = held
        return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=lambda value: repr(value)[:90])
def test_gradient_of_layer(layer, shape):
    Bench([layer], shape, batch=3).check()


@pytest.mark.parametrize("name", GRAPHS)
def test_gradient_of_graph(name):
    Bench(GRAPHS[name], IMAGE if name == "residual" else FEATURES, batch=4).check()


def test_every_layer_is_checked():
    merging = {nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum, nn.Concatenate}
    assert {type(layer) for layer, _ in CASES} | merging == set(nn.LAYERS.members.values()) - {nn.Input} == set(OPERATIONS)


def test_a_view_may_come_first():
    graph = Graph.build([nn.Flatten(), nn.Dense(2)], {"input": (2, 2)})
    engine = NumpyEngine(graph, weights={"dense/kernel": np.ones((4, 2)), "dense/bias": np.zeros(2)})
    np.testing.assert_allclose(engine.predict_step((np.arange(8).reshape(2, 2, 2),))[0], [[6, 6], [22, 22]])


@pytest.mark.parametrize("threads", [1, 2])
def test_many_slices_and_groups_give_the_same_gradient_as_one(monkeypatch, threads):
    layers = [nn.Conv2D(4, 3), nn.BatchNormalization(), nn.DepthwiseConv2D(2), nn.LayerNormalization()]
    layers += [nn.Conv2DTranspose(4, 2), nn.GroupNormalization(2), nn.GaussianNoise(0.1), nn.Reshape((5, -1))]
    layers += [nn.TimeDistributed(nn.PReLU(alpha_initializer="ones")), nn.MultiHeadAttention(2, 3, dropout=0.2)]
    layers += [nn.Bidirectional(nn.GRU(3, recurrent_dropout=0.5)), nn.Dense(3)]
    layers += [nn.RobustScaling(columns=(1,)), nn.PiecewiseLinearEmbedding(3, 2), nn.Dense(2)]
    whole = Bench(layers, IMAGE, batch=12)
    whole.program.run()
    monkeypatch.setattr("fittool.engines.numpy_engine.program._WORTH_CUTTING", 0)
    monkeypatch.setattr("fittool.engines.numpy_engine.program._SLICE_ELEMENTS", 1)
    monkeypatch.setattr("fittool.engines.numpy_engine.operations.dense._WORTH_CUTTING", 0)
    monkeypatch.setattr("fittool.engines.numpy_engine.operations.sequences.recurrent._WORTH_CUTTING", 0)
    monkeypatch.setattr("fittool.engines.numpy_engine.operations.sequences.recurrent._CHAIN_SAMPLES", 5)
    cut = Bench(layers, IMAGE, batch=12, threads=threads)
    cut.program.run()
    assert len(cut.program._parts) == 12
    np.testing.assert_allclose(cut.store.gradients, whole.store.gradients, rtol=1e-9, atol=1e-12)
