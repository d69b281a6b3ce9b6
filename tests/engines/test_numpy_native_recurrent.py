"""Recurrent kernels against NumPy's walks, on random layers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from engines.native_pair import Pair, close, needs_kernels

from fittool.data.batch import Batch
from fittool.kernels.library import find_library

pytestmark = needs_kernels
Random = np.random.Generator
TOLERANCE = 2e-3
"""Weights as large as `Pair` draws make some walks chaotic: there both paths are 1e-4 from the gradients in float64."""
UNITS = (1, 2, 5, 8, 15, 16, 17, 31, 32, 33, 40, 70)


def layer(rng: Random) -> dict[str, Any]:
    """Any cell: all its steps or the last, from either end, in both directions, with dropout."""
    name = str(rng.choice(["SimpleRNN", "LSTM", "GRU"]))
    settings: dict[str, Any] = {"units": int(rng.choice(UNITS)), "use_bias": bool(rng.integers(4))}
    settings["return_sequences"] = bool(rng.integers(2))
    if not rng.integers(3):
        settings["recurrent_dropout"] = 0.3
    if name == "GRU":
        settings["reset_after"] = bool(rng.integers(2))
    if rng.integers(3):
        return {name: {**settings, "go_backwards": bool(rng.integers(2))}}
    return {"Bidirectional": {"layer": {name: settings}, "merge_mode": str(rng.choice(["concat", "sum"]))}}


def layers(rng: Random) -> tuple[list[Any], tuple[int, ...]]:
    """Such a layer, alone or behind another, which then gets a gradient through it."""
    shape = int(rng.integers(1, 12)), int(rng.choice([1, 2, 3, 9, 16, 35]))
    first = [{"Dense": {"units": int(rng.choice([1, 4, 17, 33])), "activation": "tanh"}}] if rng.integers(2) else []
    return [*first, layer(rng)], shape


def compare(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen, shape = layers(rng)
    pair = Pair(chosen, shape, seed=seed, threads=1 + seed % 3)
    count = int(rng.choice([1, 2, 3, 7, 16, 33]))
    x = rng.normal(size=(count, *shape)).astype(np.float32)
    y = rng.normal(size=(count, *pair.graph.output_shapes[pair.graph.outputs[0]])).astype(np.float32)
    try:
        pair.step(Batch((x,), (y,)))
        pair.assert_close(TOLERANCE)
        for ours, theirs in zip(pair.native.predict_step((x,)), pair.numpy.predict_step((x,)), strict=True):
            close(ours, theirs, TOLERANCE, "the output")
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {chosen} on {count} of {shape}: {error}") from error
    finally:
        pair.close()


def test_walks_agree_with_numpy() -> None:
    for seed in range(200):
        compare(seed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_walks_of_very_many_shapes_agree_with_numpy() -> None:
    for seed in range(1000, 11_000):
        compare(seed)


@pytest.mark.parametrize("cell", [{"SimpleRNN": {}}, {"LSTM": {}}, {"GRU": {}}, {"GRU": {"reset_after": False}}], ids=str)
def test_cells_have_kernels(cell: dict[str, Any]) -> None:
    ((name, settings),) = cell.items()
    pair = Pair([{name: {"units": 3, **settings}}], (4, 2))
    (instruction,) = pair.native._space.plan.instructions
    assert type(instruction.operation).__name__ == "NativeRecurrent"
    pair.close()


@pytest.mark.parametrize("settings", [{"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"}], ids=str)
def test_other_activations_are_numpy_s(settings: dict[str, Any]) -> None:
    pair = Pair([{"LSTM": {"units": 3, **settings}}], (4, 2))
    (instruction,) = pair.native._space.plan.instructions
    assert type(instruction.operation).__name__ == "LongShortTermCell"
    pair.close()


def test_a_sequence_gives_the_same_bytes_in_any_company() -> None:
    pair = Pair([{"GRU": {"units": 19}}], (6, 5))
    x = np.random.default_rng(0).normal(size=(40, 6, 5)).astype(np.float32)
    (together,) = pair.native.predict_step((x,))
    together = together.copy()
    for number in (0, 17, 39):
        (alone,) = pair.native.predict_step((x[number : number + 1],))
        assert alone.tobytes() == together[number : number + 1].tobytes()
    pair.close()


_DIGEST = """
import hashlib, sys, numpy as np
import fittool as ft
from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import Adam
digest = hashlib.sha256()
for name, settings in (("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})):
    layers = [{"Dense": {"units": 21, "activation": "tanh"}}, {name: {"units": 37, **settings}}]
    graph = ft.Model(layers, input_shape=(23, 7), seed=0).graph
    shape = graph.output_shapes[graph.outputs[0]]
    options = {"loss": MeanSquaredError(), "optimizer": Adam(), "seed": 0, "target_shape": shape}
    engine = NumpyEngine(graph, threads=int(sys.argv[1]), kernels="native", **options)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x, y = (rng.normal(size=(70, *one)).astype(np.float32) for one in ((23, 7), shape))
        engine.train_step(Batch((x,), (y,)))
    digest.update(engine._store.trainable.tobytes())
    engine.close()
print(digest.hexdigest())
"""


def test_all_instruction_sets_and_numbers_of_threads_give_the_same_bytes() -> None:
    known = [name for name in ("avx512", "avx2", "neon") if find_library(name)[0] is not None]
    said = set()
    for name in known:
        for threads in ("1", "2", "3"):
            command = [sys.executable, "-c", _DIGEST, threads]
            environment = {**os.environ, "FITTOOL_INSTRUCTION_SET": name}
            said.add(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    assert len(said) == 1
