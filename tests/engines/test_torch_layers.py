"""Every layer on the PyTorch engine against the NumPy engine: outputs, gradients, moving averages and states, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from engines.test_numpy_gradients import CASES, FEATURES, GRAPHS, IMAGE
from engines.torch_pair import assert_same_states, both_engines, some_weights

from fittool.data.batch import Batch
from fittool.engines.numpy_engine.layers import OPERATIONS as NUMPY_OPERATIONS
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD
from fittool.nn.shapes import Shape

pytest.importorskip("torch")

NETWORKS = [([layer], shape) for layer, shape in CASES]
NETWORKS += [(layers, IMAGE if name == "residual" else FEATURES) for name, layers in GRAPHS.items()]


DOUBLE = 1e-9
SINGLE = 2e-5
TOLERANCES: dict[type[nn.Layer], float] = {
    # Sums of many terms whose order differs, or functions that PyTorch takes from another approximation.
    nn.Standardization: 1e-4,
    nn.LSTM: 1e-4,
    nn.GRU: 1e-4,
    nn.SimpleRNN: 1e-4,
    nn.Bidirectional: 1e-4,
    nn.BatchNormalization: 1e-4,
    nn.GroupNormalization: 1e-4,
    nn.LayerNormalization: 1e-4,
}
"""How far weights may be apart after two steps in float32, for the layers where it is more than `SINGLE`."""


def trained_pair(layers: list[nn.Layer], shape: Shape, *, single: bool) -> tuple[list[np.ndarray], list[dict[str, np.ndarray]]]:
    """Predictions before and states after two steps of both engines."""
    indices = isinstance(layers[0], nn.Embedding | nn.ColumnEmbedding)
    if not indices:
        layers = [nn.Dense(shape[-1], name="before"), *layers]  # so that the layer's input needs a gradient
    graph = Graph.build(layers, {"input": shape})
    generator = np.random.default_rng(5)
    x = generator.integers(0, 4, (3, *shape)) if indices else generator.standard_normal((3, *shape))
    (form,) = graph.output_shapes.values()
    batch = Batch((x,), (generator.standard_normal((3, *form)),))
    pair = both_engines(
        graph, weights=some_weights(graph), single=single, loss=MeanSquaredError(), optimizer=SGD(0.01), target_shape=form
    )
    predictions = [engine.predict_step((x,))[0] for engine in pair]
    for engine in pair:
        engine.train_step(batch)
        engine.train_step(batch)
    return predictions, [engine.state() for engine in pair]


@pytest.mark.parametrize(("layers", "shape"), NETWORKS, ids=lambda value: repr(value)[:90])
def test_both_engines_agree_in_double_precision(layers: list[nn.Layer], shape: Shape) -> None:
    predictions, states = trained_pair(layers, shape, single=False)
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=DOUBLE, atol=DOUBLE)
    assert_same_states(*states, tolerance=DOUBLE)


@pytest.mark.parametrize(("layers", "shape"), NETWORKS, ids=lambda value: repr(value)[:90])
def test_both_engines_agree_in_single_precision(layers: list[nn.Layer], shape: Shape) -> None:
    predictions, states = trained_pair(layers, shape, single=True)
    tolerance = max(TOLERANCES.get(type(layer), SINGLE) for layer in layers)
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=tolerance, atol=tolerance)
    assert_same_states(*states, tolerance=tolerance)


def test_both_engines_have_the_same_layers() -> None:
    from fittool.engines.torch_engine.layers import OPERATIONS

    assert set(OPERATIONS) == set(NUMPY_OPERATIONS)


def test_images_may_lie_with_the_channels_first() -> None:
    from fittool.engines.settings import Torch
    from fittool.engines.torch_engine import TorchEngine

    graph = Graph.build([nn.Conv2D(4, 3, padding="same"), nn.BatchNormalization(), nn.MaxPooling2D(), nn.Flatten()], {"x": IMAGE})
    images = np.random.default_rng(0).standard_normal((2, *IMAGE), np.float32)
    outputs = [TorchEngine(graph, Torch("cpu", channels_last=last)).predict_step((images,))[0] for last in (True, False)]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)


def test_a_number_that_is_no_row_gives_nothing_finite_where_nobody_waits() -> None:
    import torch

    from fittool.engines.torch_engine.operations.embedding import rows_of

    found = rows_of(torch.eye(3), torch.tensor([[0.0, 2.0], [3.0, -1.0], [0.5, 1.0]]))
    assert torch.equal(found[0], torch.eye(3)[[0, 2]])
    assert found[1].isnan().all()
    assert found[2, 0].isnan().all() and torch.equal(found[2, 1], torch.eye(3)[1])
