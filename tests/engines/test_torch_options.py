"""The options of the PyTorch engine, as far as a processor can show them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines.torch_pair import train

from fittool.data.batch import Batch
from fittool.engines.settings import Torch
from fittool.errors import MachineError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.metrics import SparseCategoricalAccuracy
from fittool.nn.optimizers import Adam

torch = pytest.importorskip("torch")

GENERATOR = np.random.default_rng(0)
BATCHES = [Batch((GENERATOR.integers(0, 255, (16, 8, 8, 1), np.uint8),), (GENERATOR.integers(0, 3, 16),)) for _ in range(6)]


def network() -> Graph:
    layers = [
        nn.Rescaling(1 / 255),
        nn.Conv2D(8, 3, padding="same", name="first"),
        nn.BatchNormalization(name="normal"),
        nn.ReLU(name="bent"),
        nn.MaxPooling2D(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Dense(3, "softmax"),
    ]
    return Graph.build(layers, {"images": (8, 8, 1)})


def engine(setting: Torch, graph: Graph | None = None, **options: Any) -> Any:
    from fittool.engines.torch_engine import TorchEngine

    metrics = (SparseCategoricalAccuracy(),)
    return TorchEngine(
        graph or network(),
        setting,
        loss=SparseCategoricalCrossentropy(),
        metrics=metrics,
        optimizer=Adam(0.01),
        seed=1,
        **options,
    )


def losses(setting: Torch) -> list[float]:
    return train(engine(setting), BATCHES)


@pytest.mark.parametrize("recompute", [("first",), ("first", "normal", "b*"), ("*",)])
def test_what_is_computed_anew_is_the_same(recompute: tuple[str, ...]) -> None:
    np.testing.assert_allclose(losses(Torch("cpu", recompute=recompute)), losses(Torch("cpu")), rtol=1e-6)


def test_a_recomputed_layer_moves_its_averages_once() -> None:
    states = []
    for recompute in ((), ("*",)):
        made = engine(Torch("cpu", recompute=recompute))
        made.train_step(BATCHES[0])
        states.append(made.state())
    np.testing.assert_allclose(states[1]["weights/normal/moving_mean"], states[0]["weights/normal/moving_mean"], rtol=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "float16"])
def test_half_precision_is_near(monkeypatch: pytest.MonkeyPatch, precision: Any) -> None:
    monkeypatch.setattr("fittool.engines.torch_engine.device.FIRST_SCALE", 16.0)  # so that no step of so few is skipped
    near, exact = losses(Torch("cpu", precision)), losses(Torch("cpu"))
    assert near != exact
    np.testing.assert_allclose(near, exact, rtol=0.05)


def test_weights_and_state_stay_in_single_precision() -> None:
    made = engine(Torch("cpu", "bf16"))
    made.train_step(BATCHES[0])
    assert {array.dtype for name, array in made.state().items() if name.startswith("weights/")} == {np.dtype(np.float32)}
    assert made.predict_step(BATCHES[0].inputs)[0].dtype == np.float32


def test_gradients_that_overflow_change_nothing_and_halve_the_scale() -> None:
    from fittool.engines.torch_engine.device import LossScale

    scale = LossScale(torch.device("cpu"))
    gradients = [torch.tensor([65536.0, -131072.0])]
    assert float(scale.take_back(gradients)) == 0
    assert gradients[0].tolist() == [1, -2]
    assert float(scale.take_back([torch.tensor([torch.inf])])) == 1
    assert float(scale.scaled(torch.tensor(1.0))) == 2**15


def test_a_step_that_overflows_is_skipped() -> None:
    made = engine(Torch("cpu", "float16"))
    made._scale._scale.fill_(torch.inf)
    before = made.state(("weights",))
    made.train_step(BATCHES[0])
    after = made.state(("weights",))
    assert made.iterations == 1
    assert all(np.array_equal(after[name], before[name]) for name in before if "moving" not in name)


def test_only_deterministic_algorithms_are_asked_for_until_the_engine_is_closed() -> None:
    made = engine(Torch("cpu", deterministic=True))
    assert torch.are_deterministic_algorithms_enabled()
    train(made, BATCHES[:2])
    made.close()
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(MachineError, match=r"engine\.torch\.device is cuda:99, but PyTorch .* sees .*Use device: auto or cpu"):
        engine(Torch("cuda:99"))


def test_the_label_says_what_it_runs_on() -> None:
    version = ".".join(torch.__version__.split(".")[:2])
    assert engine(Torch("cpu", "bf16", threads=1)).label == f"torch {version}, 1 thread, bf16"


@pytest.mark.long  # a compiler runs for half a minute
@pytest.mark.filterwarnings("ignore")  # PyTorch's compiler warns of its own parts
def test_a_compiled_network_gives_the_same(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    np.testing.assert_allclose(losses(Torch("cpu", compile=True)), losses(Torch("cpu")), rtol=1e-4)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_takes_a_short_last_batch(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    short = Batch(tuple(one[:13] for one in BATCHES[2].inputs), tuple(one[:13] for one in BATCHES[2].targets))
    convolutions = [nn.Conv2D(8, 3, padding="same", activation="relu"), nn.Conv2D(8, 3, padding="same", activation="relu")]
    layers = [nn.Rescaling(1 / 255), *convolutions, nn.MaxPooling2D(), nn.Flatten(), nn.Dropout(0.25), nn.Dense(3, "softmax")]
    graph = Graph.build(layers, {"images": (8, 8, 1)})
    made = [train(engine(Torch("cpu", compile=compiles), graph), [*BATCHES[:2], short]) for compiles in (True, False)]
    np.testing.assert_allclose(made[0], made[1], rtol=1e-4)


@pytest.mark.long  # the compiler's import takes seconds
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("option", ["compile", "cuda_graphs"])
def test_a_compiler_that_fails_is_told_with_what_to_do(option: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    expected = rf"engine\.torch\.{option}: PyTorch's compiler.*C\+\+.*set {option}: false"
    with config.patch({"cpp.cxx": (str(tmp_path / "no-compiler"),)}), pytest.raises(MachineError, match=expected):
        train(engine(Torch("cpu", **{option: True})), BATCHES[:1])
