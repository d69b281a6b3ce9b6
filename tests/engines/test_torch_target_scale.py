"""The scale of targets in the PyTorch engine against the NumPy engine: losses, metrics of each target, predictions."""

from __future__ import annotations

import numpy as np
import pytest
from engines.torch_pair import assert_same_states, both_engines, train

from fittool.data.batch import Batch
from fittool.nn import losses, metrics
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import Adam
from fittool.nn.output_targets import OutputTargets, TargetScale

pytest.importorskip("torch")

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(24, 3)).astype(np.float32)
Y = CHANCE.normal(size=(24, 2)) * [800, 14] + [4200, 200]
BATCHES = [Batch((X[at : at + 8],), (Y[at : at + 8],), np.linspace(0.5, 2, 8, dtype=np.float32)) for at in (0, 8, 16)]
GRAPH = Graph.build([Dense(units=4, activation="relu"), Dense(units=2, name="out")], {"input": (3,)})
MEASURED = (metrics.MeanAbsoluteError(), metrics.RootMeanSquaredError(), metrics.R2Score())


@pytest.mark.parametrize("loss", [losses.MeanSquaredError(), losses.Huber()], ids=lambda loss: loss.keras_name)
@pytest.mark.parametrize("kind", ["standard", "log"])
def test_both_engines_learn_and_tell_the_same(kind: str, loss: losses.Loss) -> None:
    numbers = OutputTargets(("grams", "mm"), TargetScale.learn(kind, Y, 2))
    asked = {"out": Objective(loss, metrics=MEASURED, weighted_metrics=MEASURED[:1], target_shape=(2,), numbers=numbers)}
    numpy, torch = both_engines(GRAPH, objectives=asked, optimizer=Adam(0.01), single=False)
    np.testing.assert_allclose(train(torch, BATCHES), train(numpy, BATCHES), rtol=1e-9)
    assert torch.metrics() == pytest.approx(numpy.metrics(), rel=1e-9)
    assert "mean_absolute_error_mm" in torch.metrics()
    assert_same_states(numpy.state(("weights",)), torch.state(("weights",)), tolerance=1e-9)
    (one,), (other,) = numpy.predict_step((X,)), torch.predict_step((X,))
    np.testing.assert_allclose(other, one, rtol=1e-9)
    for engine in (numpy, torch):
        engine.reset_metrics()
        engine.update_metrics((one,), Batch((X,), (Y,)))
    assert torch.metrics() == pytest.approx(numpy.metrics(), rel=1e-9)
