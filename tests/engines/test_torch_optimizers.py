"""The optimizers of the PyTorch engine against textbooks, and against the NumPy engine through all that surrounds a step."""

from __future__ import annotations

import numpy as np
import pytest
from engines.test_numpy_optimizers import GRADIENTS, SETTINGS, START, by_hand
from engines.torch_pair import assert_same_states, both_engines, some_weights

from fittool.data.batch import Batch
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Muon, Nadam, Optimizer, RMSprop
from fittool.nn.schedules import ExponentialDecay

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_two_steps(setting: Optimizer) -> None:
    from fittool.engines.torch_engine.optimizers import update_rule

    rule, weights = update_rule(setting), torch.from_numpy(START.copy())
    slots = {name: torch.full((3,), start, dtype=torch.float64) for name, start in setting.slots().items()}
    for iteration, gradient in enumerate(GRADIENTS, 1):
        rule.update(weights, torch.from_numpy(gradient.copy()), slots, 0.1, iteration)
    np.testing.assert_allclose(weights.numpy(), by_hand(setting), rtol=1e-7)


def test_both_engines_have_the_same_optimizers() -> None:
    from fittool.engines.torch_engine.optimizers import RULES

    assert set(RULES) == set(OPTIMIZERS.members.values())


SURROUNDED = [
    SGD(ExponentialDecay(0.1, 2, 0.5), momentum=0.9),
    SGD(0.1, clipvalue=0.05),
    Adam(0.05, clipnorm=0.1),
    Adam(0.05, global_clipnorm=0.1, weight_decay=0.1),
    Adam(0.05, amsgrad=True),
    AdamW(0.05, use_ema=True, ema_momentum=0.8),
    RMSprop(0.05, momentum=0.5, centered=True, gradient_accumulation_steps=2),
    Muon(0.05, use_ema=True, gradient_accumulation_steps=2, exclude_layers=("^last",)),
    Nadam(0.05, gradient_accumulation_steps=3, use_ema=True, ema_overwrite_frequency=2, global_clipnorm=0.5),
]


@pytest.mark.parametrize("optimizer", SURROUNDED, ids=str)
def test_clipping_decay_groups_and_averages(optimizer: Optimizer) -> None:
    layers = [nn.Dense(5, "tanh", kernel_regularizer="L1L2"), nn.Conv1D(3, 2, bias_regularizer={"L2": {"l2": 0.1}})]
    graph = Graph.build(
        [layers[0], nn.Dense(4, name="wide"), nn.Reshape((4, 1)), layers[1], nn.Dense(3, name="last")], {"x": (4,)}
    )
    generator = np.random.default_rng(1)
    batches = [Batch((generator.standard_normal((6, 4)),), (generator.standard_normal((6, 3, 3)),)) for _ in range(7)]
    pair = both_engines(
        graph, weights=some_weights(graph), single=False, loss=MeanSquaredError(), optimizer=optimizer, target_shape=(3, 3)
    )
    for engine in pair:
        for batch in batches:
            engine.train_step(batch)
    assert_same_states(*(engine.state() for engine in pair), tolerance=1e-9)
    for engine in pair:
        engine.finish_training()
    assert_same_states(*(engine.state(("weights",)) for engine in pair), tolerance=1e-9)


@pytest.mark.parametrize("optimizer", [*SURROUNDED[-3:], SGD(0.1, momentum=0.9), Adam(0.05)], ids=str)
def test_a_step_that_only_the_device_knows_to_be_bad_changes_nothing_but_the_count(optimizer: Optimizer) -> None:
    from fittool.engines.torch_engine.optimizer_step import OptimizerStep
    from fittool.engines.torch_engine.parameters import ParameterStore

    graph = Graph.build([nn.Dense(3)], {"x": (4,)})
    store = ParameterStore(graph, torch.float32, torch.device("cpu"))
    store.load(graph.initial_weights(3))
    update = OptimizerStep(optimizer, store)

    def gradients(value: float) -> list[torch.Tensor]:
        return [torch.full_like(leaf, value).detach() for leaf in store.leaves()]

    for step in range(3):
        update.step(gradients(0.1 * (step + 1)), torch.tensor(0.0))
    before = update.state() | store.copies()
    update.step(gradients(np.nan), torch.tensor(1.0))
    after = update.state() | store.copies()
    assert after.pop("optimizer/iterations") == before.pop("optimizer/iterations") + 1
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)
