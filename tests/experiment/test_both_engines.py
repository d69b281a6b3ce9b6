"""The shipped experiments on both engines, from the same weights: the same losses, step by step, dropout included."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.torch_pair import both_engines, train

from fittool.config.experiment_file import load_experiment
from fittool.experiment.session import Session

pytest.importorskip("torch")

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
STEPS = 50
CHAOTIC = {"classic_fit_generator", "residual"}
"""Here Adam makes whole steps of gradients that are rounding alone, such as those of a bias in front of a normalization, and the
NumPy engine itself is percents from its own float64 after fifty steps. With plain gradient descent rounding grows less."""
CASES = [(config, 5 if config.stem in CHAOTIC else STEPS) for config in CONFIGS]
LONG_CASES = [(config, STEPS) for config in CONFIGS if config.stem in CHAOTIC]


def named(value: Any) -> str:
    return str(getattr(value, "stem", value))


def losses(config: Path, steps: int, *overrides: str, single: bool) -> list[list[float]]:
    """The loss of each of the first steps on both engines."""
    session = Session.of(load_experiment(config, overrides))
    session.begin()
    prepared, engine = session.prepared, session.engine
    batches = list(islice(prepared.train_loader().batches(0), steps))
    weights: dict[str, Any] = {name.removeprefix("weights/"): array for name, array in engine.state(("weights",)).items()}
    experiment, graph = prepared.loaded.experiment, engine.graph
    session.close()
    options = {"objectives": prepared.objectives, "optimizer": experiment.compile.optimizer, "seed": experiment.seed}
    return [train(one, batches) for one in both_engines(graph, weights=weights, single=single, **options)]


@pytest.mark.parametrize(("config", "steps"), CASES, ids=named)
def test_in_double_precision_they_are_the_same(config: Path, steps: int) -> None:
    numpy, torch = losses(config, steps, single=False)
    assert len(numpy) == steps
    np.testing.assert_allclose(torch, numpy, rtol=1e-9)


@pytest.mark.parametrize(("config", "steps"), CASES, ids=named)
def test_in_single_precision_they_are_near(config: Path, steps: int) -> None:
    numpy, torch = losses(config, steps, *_plain_descent(config), single=True)
    np.testing.assert_allclose(torch, numpy, rtol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize(("config", "steps"), LONG_CASES, ids=named)
def test_chaotic_ones_stay_together(config: Path, steps: int) -> None:
    numpy, torch = losses(config, steps, single=False)
    np.testing.assert_allclose(torch, numpy, rtol=1e-9)
    numpy, torch = losses(config, steps, *_plain_descent(config), single=True)
    np.testing.assert_allclose(torch, numpy, rtol=2e-3)


def _plain_descent(config: Path) -> list[str]:
    return ["compile.optimizer={SGD: {learning_rate: 0.01}}"] if config.stem in CHAOTIC else []
