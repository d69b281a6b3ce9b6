"""The PyTorch engine behind the engines' contract: states, errors, and steps that wait for nothing."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from engines.torch_pair import assert_same_states, both_engines, train

from fittool.data.batch import Batch
from fittool.engines.settings import Torch
from fittool.errors import CheckpointError, DataError, MachineError
from fittool.nn import layers as nn
from fittool.nn import metrics as m
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError, SparseCategoricalCrossentropy
from fittool.nn.objectives import share_out
from fittool.nn.optimizers import SGD, Adam
from fittool.rng import keep_bits, key_of

torch = pytest.importorskip("torch")

GENERATOR = np.random.default_rng(0)
IMAGES = [
    Batch((GENERATOR.integers(0, 255, (20, 8, 8, 1), np.uint8),), (GENERATOR.integers(0, 3, 20),), weight)
    for weight in (None, GENERATOR.uniform(0, 2, 20).astype(np.float32), None)
]


def classifier() -> Graph:
    layers = [
        nn.Rescaling(1 / 255),
        nn.Conv2D(6, 3, strides=2, padding="same", activation="relu", kernel_regularizer="L2", name="conv"),
        nn.BatchNormalization(name="normal"),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Dense(16, "relu", name="hidden"),
        nn.GaussianNoise(0.1),
        nn.Dense(3, "softmax", name="last"),
    ]
    return Graph.build(layers, {"images": (8, 8, 1)})


OPTIONS: dict[str, Any] = {
    "loss": SparseCategoricalCrossentropy(),
    "metrics": (m.SparseCategoricalAccuracy(), m.SparseTopKCategoricalAccuracy(2)),
    "optimizer": Adam(0.01),
}


def torch_engine(graph: Graph | None = None, **options: Any) -> Any:
    from fittool.engines.torch_engine import TorchEngine

    return TorchEngine(classifier() if graph is None else graph, Torch("cpu", threads=1), seed=3, **OPTIONS | options)


def test_both_engines_train_alike_with_dropout_noise_weights_and_penalties() -> None:
    numpy, ours = both_engines(classifier(), **OPTIONS)
    batches = [IMAGES[step % 3] for step in range(50)]
    np.testing.assert_allclose(train(ours, batches), train(numpy, batches), rtol=1e-4)
    assert ours.metrics().keys() == numpy.metrics().keys()


@pytest.mark.parametrize("first", [0, 1])
def test_a_run_goes_on_on_the_other_engine(first: int) -> None:
    pair = both_engines(classifier(), **OPTIONS)
    begun, other = pair[first], pair[1 - first]
    train(begun, IMAGES)
    other.load_state(begun.state())
    assert_same_states(other.state(), begun.state(), tolerance=0)
    assert other.describe() == begun.describe()
    np.testing.assert_allclose(train(other, IMAGES), train(begun, IMAGES), rtol=1e-4)
    assert other.iterations == begun.iterations == 6


def test_the_same_states_give_the_same_bytes_on_this_engine() -> None:
    calm, begun, going_on = (torch_engine() for _ in range(3))
    train(calm, [*IMAGES, *IMAGES])
    train(begun, IMAGES)
    going_on.load_state(begun.state())
    train(going_on, IMAGES)
    assert_same_states(calm.state(), going_on.state(), tolerance=0)


def test_starting_weights_are_those_of_the_seed() -> None:
    numpy, ours = both_engines(classifier(), **OPTIONS)
    assert_same_states(numpy.state(), ours.state(), tolerance=0)


@pytest.mark.parametrize("count", [1, 6, 7, 70_001])
def test_hashes_on_any_device_are_those_of_the_processor(count: int) -> None:
    from fittool.engines.torch_engine.step import hash_words

    key, numbers = key_of(7, "dropout", 1, 0, 3), np.arange(count, dtype=np.uint32)
    bits = np.empty_like(numbers)
    keep_bits(key, numbers, bits, np.empty_like(numbers))
    found = hash_words(torch.arange(count, dtype=torch.int32), key).numpy().view(np.uint32)
    np.testing.assert_array_equal(found, bits)


@pytest.mark.parametrize("count", [6, 7])
def test_decisions_of_dropout_are_the_same_on_any_device(count: int) -> None:
    from fittool.engines.torch_engine.step import StepContext
    from fittool.nn.random_stream import RandomStream

    host, stream = StepContext(torch.device("cpu"), 5).begin(3, training=True), RandomStream("dropout", 2)
    elsewhere = StepContext(torch.device("cpu"), 5).begin(3, training=True)
    elsewhere.on_host = False
    assert torch.equal(host.kept(stream, 0.3, 9, count), elsewhere.kept(stream, 0.3, 9, count))


class Waits:
    """Counts calls that make the host wait for a device: numbers and arrays read from tensors."""

    def __init__(self) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode

        self.seen: Counter[str] = Counter()
        seen = self.seen

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                seen[function.overloadpacket.__name__] += 1
                return function(*args, **(kwargs or {}))

        self.mode = Mode()

    @property
    def count(self) -> int:
        return sum(self.seen[name] for name in ("_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "unique"))


def test_a_step_reads_nothing_from_the_device() -> None:
    engine, waits = torch_engine(skips_bad_steps=True), Waits()
    engine.train_step(IMAGES[0])
    with waits.mode:
        for batch in IMAGES:
            engine.train_step(batch)
            engine.test_step(batch)
    assert waits.seen["convolution_backward"] == 3
    assert waits.count == 0


@pytest.mark.parametrize("metric", [m.AUC(), m.F1Score(), m.Precision(), m.TopKCategoricalAccuracy(2), m.R2Score()], ids=str)
def test_metrics_read_nothing_from_the_device(metric: m.Metric) -> None:
    graph = Graph.build([nn.Dense(3, "softmax")], {"x": (4,)})
    options = {"loss": None, "metrics": (metric,), "target_shape": (3,), "optimizer": None}
    engine, waits = torch_engine(graph, **options), Waits()
    batch = Batch((GENERATOR.normal(size=(5, 4)),), (np.eye(3)[[0, 1, 2, 1, 0]],))
    engine.test_step(batch)
    with waits.mode:
        engine.test_step(batch)
    assert waits.seen["addmm"] == 1
    assert waits.count == 0


def test_the_first_bad_step_is_kept_and_skipped() -> None:
    engine = torch_engine(Graph.build([nn.Dense(1)], {"x": (1,)}), loss=MeanSquaredError(), metrics=(), skips_bad_steps=True,
                          target_shape=(1,))  # fmt: skip
    good = Batch((np.ones((2, 1), np.float32),), (np.ones((2, 1), np.float32),))
    bad = Batch((np.full((2, 1), np.inf, np.float32),), good.targets)
    losses = train(engine, [good])
    before = engine.state(("weights",))
    engine.train_step(bad)
    assert_same_states(before, engine.state(("weights",)), tolerance=0)
    engine.train_step(good)
    assert engine.health.first_bad_step == 2
    assert engine.health.last_finite_loss == pytest.approx(losses[0])
    assert engine.iterations == 3


def test_whole_numbers_beyond_float32_find_their_row() -> None:
    rows = 2**24 + 3
    graph = Graph.build([nn.Flatten(), nn.Embedding(rows, 1)], {"x": (2, 1)})
    table = np.zeros((rows, 1), np.float32)
    table[-2:, 0] = 1, 2
    engine = torch_engine(graph, weights={"embedding/embeddings": table}, loss=None, metrics=(), optimizer=None)
    np.testing.assert_array_equal(engine.predict_step((np.array([[[rows - 2], [rows - 1]]]),))[0], [[[1], [2]]])


def test_a_number_that_is_no_row_is_refused() -> None:
    graph = Graph.build([nn.Embedding(4, 2)], {"x": (2,)})
    engine = torch_engine(graph, loss=None, metrics=(), optimizer=None)
    with pytest.raises(DataError, match=r"embedding takes whole numbers from 0 to 3 .* sample 2 of a batch holds 4;"):
        engine.predict_step((np.array([[0, 1], [4, 2]]),))


def test_targets_are_looked_at_before_they_leave_the_host() -> None:
    with pytest.raises(DataError, match="class number 3, but the network's output has places for 0 to 2 only"):
        torch_engine().put(Batch(IMAGES[0].inputs, (np.full(20, 3),)))


def test_a_state_of_another_network_is_refused() -> None:
    with pytest.raises(CheckpointError, match="weights/last/kernel has shape"):
        torch_engine().load_state({"weights/last/kernel": np.zeros((3, 3), np.float32)})


def test_other_layers_learn_and_everything_else_goes_on() -> None:
    pair = both_engines(classifier(), **OPTIONS)
    for engine in pair:
        train(engine, IMAGES)
        engine.set_trainable({"last"})
        train(engine, IMAGES)
        engine.set_trainable({"conv", "hidden", "last"})
        train(engine, IMAGES)
    assert_same_states(*(engine.state() for engine in pair), tolerance=2e-3)


def test_several_outputs_have_their_own_losses_and_metrics() -> None:
    layers = [
        nn.Dense(4, "relu", name="shared"),
        nn.Dense(3, "softmax", name="kind", inputs=["shared"]),
        nn.Dense(1, name="size", inputs=["shared"]),
    ]
    graph = Graph.build(layers, {"x": (5,)}, ["kind", "size"])
    objectives = share_out(
        graph.outputs,
        loss={"kind": SparseCategoricalCrossentropy(), "size": MeanSquaredError()},
        metrics={"kind": [m.SparseCategoricalAccuracy()], "size": [m.MeanAbsoluteError()]},
        loss_weights={"size": 0.5},
    )
    batch = Batch((GENERATOR.normal(size=(8, 5)),), (GENERATOR.integers(0, 3, 8), GENERATOR.normal(size=(8, 1))))
    pair = both_engines(graph, objectives=objectives, optimizer=SGD(0.1))
    for engine in pair:
        train(engine, [batch] * 3)
    assert pair[1].metrics() == pytest.approx(pair[0].metrics(), rel=1e-5)


def test_metrics_worked_out_elsewhere_are_those_of_the_network() -> None:
    engine = torch_engine()
    engine.test_step(IMAGES[0])
    expected = engine.metrics()
    engine.reset_metrics()
    engine.update_metrics(engine.predict_step(IMAGES[0].inputs), IMAGES[0])
    assert engine.metrics() == pytest.approx(expected, rel=1e-5)


def test_predictions_may_be_kept_and_do_not_depend_on_the_batch() -> None:
    engine = torch_engine()
    whole = engine.predict_step(IMAGES[0].inputs)[0]
    kept = whole.copy()
    parts = [engine.predict_step((IMAGES[0].inputs[0][place : place + 7],))[0] for place in (0, 7, 14)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5)
    np.testing.assert_array_equal(whole, kept)


def test_a_step_that_does_not_fit_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = torch_engine()
    before = engine.state(("weights",))

    def allocate(*arguments: Any) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(engine, "_run", allocate)
    for step in (engine.train_step, engine.test_step, lambda batch: engine.predict_step(batch.inputs)):
        with pytest.raises(MachineError, match=r"of 20 samples does not fit in the memory of cpu.*train\.batch_size.*recompute"):
            step(IMAGES[0])
    assert_same_states(before, engine.state(("weights",)), tolerance=0)


def test_an_engine_without_an_optimizer_cannot_train() -> None:
    with pytest.raises(RuntimeError, match="without an optimizer"):
        torch_engine(optimizer=None).train_step(IMAGES[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float16, np.float64, ">f4", bool])
def test_arrays_of_any_type_enter(dtype: Any) -> None:
    graph = Graph.build([nn.Rescaling(2.0)], {"x": (3,)})
    engine = torch_engine(graph, loss=None, metrics=(), optimizer=None)
    held = np.array([[0, 1, 1]], dtype)
    held.flags.writeable = False
    np.testing.assert_array_equal(engine.predict_step((held,))[0], [[0, 2, 2]])


def test_processes_that_train_together_sum_losses_and_gradients() -> None:
    class Halves:
        """Two processes with the same half of a batch each."""

        def share(self, samples: int) -> float:
            return 0.5

        def sum(self, tensors: Any) -> None:
            for tensor in tensors:
                tensor.mul_(2)

    alone, together = torch_engine(), torch_engine()
    together.exchange = Halves()
    assert train(together, IMAGES[:1]) == pytest.approx(train(alone, IMAGES[:1]))
    assert_same_states(alone.state(), together.state(), tolerance=1e-6)


def test_the_compiler_of_pytorch_is_not_imported() -> None:
    """It takes longer than a short training."""
    script = (
        "import sys, numpy as np, fittool as ft\n"
        "model = ft.Model([ft.layers.Dense(3, 'softmax')], input_shape=(4,), engine='torch')\n"
        "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "model.fit(np.ones((8, 4), np.float32), np.zeros(8, int), verbose=0, epochs=2, validation_split=0.5)\n"
        "model.network.close()\n"
        "print([name for name in ('torch._dynamo', 'torch._inductor') if name in sys.modules])\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("collects", [True, False])
def test_making_an_engine_leaves_garbage_collection_as_it_was(collects: bool) -> None:
    import gc

    from fittool.engines.registry import create_engine

    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        create_engine(Torch("cpu", threads=1), Graph.build([nn.Dense(1)], {"x": (2,)})).close()
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()
