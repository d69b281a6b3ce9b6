"""The NumPy engine as the trainer sees it."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.state import State
from fittool.errors import CheckpointError, ExperimentError
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import LOSSES
from fittool.nn.metrics import METRICS
from fittool.nn.optimizers import SGD, Adam
from fittool.nn.regularizers import L1, L2
from fittool.nn.schedules import ExponentialDecay

SMALL_CNN = [
    nn.Rescaling(1 / 255),
    nn.Conv2D(8, 3, padding="same", activation="relu"),
    nn.BatchNormalization(),
    nn.MaxPooling2D(),
    nn.Dropout(0.25),
    nn.Conv2D(8, 3, activation="relu"),
    nn.Flatten(),
    nn.Dense(64, "relu"),
    nn.Dropout(0.5),
    nn.Dense(4, "softmax"),
]
IMAGE = (24, 24, 3)


def make_engine(layers=SMALL_CNN, shape=IMAGE, *, loss="sparse_categorical_crossentropy", optimizer=None, **options):
    graph = Graph.build(layers, {"input": shape})
    metrics = [METRICS.parse("accuracy")] if loss == "sparse_categorical_crossentropy" else []
    return NumpyEngine(graph, loss=LOSSES.parse(loss), metrics=metrics, optimizer=optimizer or Adam(0.01), seed=3, **options)


def image_batches(count, size=32, seed=0):
    generator = np.random.default_rng(seed)
    for _ in range(count):
        labels = generator.integers(0, 4, size)
        images = generator.integers(0, 128, (size, *IMAGE), dtype=np.uint8)
        images[np.arange(size), labels * 5] += 100
        yield Batch((images,), (labels,))


def line_batch(inputs, targets, weight=None):
    weights = None if weight is None else np.asarray(weight, np.float32)
    return Batch((np.asarray(inputs, np.float32),), (np.asarray(targets, np.float32),), weights)


def a_line(kernel, **options):
    """y = kernel · x, one number in, one out, under the squared error."""
    graph_layers = [nn.Dense(1, use_bias=False, name="line", **options.pop("layer", {}))]
    engine = make_engine(graph_layers, (1,), loss="mse", target_shape=(1,), **options)
    engine.load_state({"weights/line/kernel": np.array([[kernel]], np.float32)})
    return engine


def test_it_learns():
    engine = make_engine()
    for batch in image_batches(40):
        engine.train_step(batch)
    engine.reset_metrics()
    for batch in image_batches(4, seed=1):
        engine.test_step(batch)
    assert engine.metrics()["accuracy"] > 0.9


def test_one_step_by_hand():
    engine = a_line(2.0, optimizer=SGD(0.1))
    engine.train_step(line_batch([[1], [3]], [[1], [3]]))
    # errors 1 and 3, loss (1 + 9) / 2, gradient (2·1·1 + 2·3·3) / 2 = 10
    assert engine.metrics()["loss"] == pytest.approx(5.0)
    assert engine.state()["weights/line/kernel"].item() == pytest.approx(2 - 0.1 * 10)


def test_the_loss_is_divided_by_the_number_of_samples_not_by_their_weight():
    engine = a_line(2.0, optimizer=SGD(0.1))
    engine.train_step(line_batch([[1], [3]], [[1], [3]], weight=[4, 0]))
    assert engine.metrics()["loss"] == pytest.approx(4 * 1 / 2)
    assert engine.state()["weights/line/kernel"].item() == pytest.approx(2 - 0.1 * 4 * 2 / 2)


def test_a_short_last_batch_counts_by_its_size():
    engine = a_line(2.0)
    engine.test_step(line_batch([[1], [1], [1]], [[2], [2], [2]]))
    engine.test_step(line_batch([[1]], [[0]]))
    assert engine.metrics()["loss"] == pytest.approx(4 / 4)


@pytest.mark.parametrize(("regularizer", "penalty", "gradient"), [(L2(0.5), 0.5 * 4, 2 * 0.5 * 2), (L1(0.5), 0.5 * 2, 0.5)])
def test_penalties_are_in_the_loss_and_in_the_step(regularizer, penalty, gradient):
    engine = a_line(2.0, optimizer=SGD(0.1), layer={"kernel_regularizer": regularizer})
    engine.train_step(line_batch([[1]], [[2]]))
    assert engine.metrics()["loss"] == pytest.approx(penalty)
    assert engine.state()["weights/line/kernel"].item() == pytest.approx(2 - 0.1 * gradient)


def trained_state(threads, steps=6):
    engine = make_engine(threads=threads)
    for size in (32, 7):  # the last batch of a pass is short
        for batch in image_batches(steps, size):
            engine.train_step(batch)
    return engine.state()


@pytest.fixture
def cut_finely(monkeypatch):
    """Groups and chains even for a small network, so that threads have something to share."""
    monkeypatch.setattr("fittool.engines.numpy_engine.program._WORTH_CUTTING", 0)
    monkeypatch.setattr("fittool.engines.numpy_engine.operations.dense._WORTH_CUTTING", 0)
    monkeypatch.setattr("fittool.engines.numpy_engine.optimizer_step._PIECE", 1000)


@pytest.mark.usefixtures("cut_finely")
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_any_number_of_threads_gives_the_same_bytes(threads):
    alone, together = trained_state(1), trained_state(threads)
    assert alone.keys() == together.keys()
    assert all(alone[name].tobytes() == together[name].tobytes() for name in alone)


def test_a_state_goes_on_to_the_same_bytes():
    batches = list(image_batches(8))
    straight, first, second = make_engine(), make_engine(), make_engine()
    for batch in batches:
        straight.train_step(batch)
    for batch in batches[:3]:
        first.train_step(batch)
    second.load_state(first.state())
    for batch in batches[3:]:
        second.train_step(batch)
    assert all(straight.state()[name].tobytes() == array.tobytes() for name, array in second.state().items())
    assert straight.metrics() == second.metrics()


def test_dropout_differs_from_step_to_step_and_rests_in_tests():
    engine = make_engine(
        [nn.Dropout(0.5), nn.Dense(1, use_bias=False)], (1000,), loss="mse", target_shape=(1,), optimizer=SGD(0.0)
    )
    batch = line_batch(np.ones((1, 1000)), [[0]])
    losses = []
    for step in (engine.train_step, engine.train_step, engine.test_step, engine.test_step):
        engine.reset_metrics()
        step(batch)
        losses.append(engine.metrics()["loss"])
    assert losses[0] != losses[1]
    assert losses[2] == losses[3]


def test_the_first_step_with_a_loss_that_is_not_finite_is_kept():
    engine = a_line(1.0)
    engine.train_step(line_batch([[1]], [[1]]))
    assert engine.health.first_bad_step is None
    engine.train_step(line_batch([[1]], [[np.inf]]))
    engine.train_step(line_batch([[1]], [[np.nan]]))
    assert engine.health.first_bad_step == 2


def test_predictions_do_not_depend_on_the_batch():
    engine = make_engine()
    images = next(image_batches(1)).inputs[0]
    together = engine.predict_step((images,))[0]
    alone = np.concatenate([engine.predict_step((images[start : start + 5],))[0] for start in range(0, 32, 5)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_predictions_may_be_kept():
    engine = make_engine()
    first, second = (batch.inputs for batch in image_batches(2))
    kept = engine.predict_step(first)[0]
    before = kept.copy()
    engine.predict_step(second)
    np.testing.assert_array_equal(kept, before)


def test_a_schedule_follows_the_steps_and_cannot_be_set():
    engine = a_line(1.0, optimizer=SGD(ExponentialDecay(1.0, 1, 0.5)))
    for expected in (1.0, 0.5, 0.25):
        assert engine.learning_rate == expected
        engine.train_step(line_batch([[1]], [[1]]))
    with pytest.raises(ExperimentError, match="is a schedule"):
        engine.learning_rate = 0.1


def test_a_frozen_layer_keeps_its_weights():
    layers = [nn.Dense(4, "relu", trainable=False, name="frozen"), nn.Dense(1, name="free")]
    engine = make_engine(layers, (3,), loss="mse", target_shape=(1,))
    before = engine.state()
    engine.train_step(line_batch(np.ones((2, 3)), [[5], [5]]))
    after = engine.state()
    np.testing.assert_array_equal(before["weights/frozen/kernel"], after["weights/frozen/kernel"])
    assert np.any(before["weights/free/kernel"] != after["weights/free/kernel"])


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("weights/other/kernel", np.zeros((1, 1), np.float32), "the network has no weights/other/kernel"),
        ("weights/line/kernel", np.zeros((2, 1), np.float32), r"has shape \(2, 1\), the network's has \(1, 1\)"),
        ("weights/line/kernel", np.zeros((1, 1)), "is float64, the network's is float32"),
    ],
)
def test_a_state_of_another_network_is_refused(name, array, text):
    with pytest.raises(CheckpointError, match=text):
        a_line(1.0).load_state({name: array})


def test_an_engine_without_an_optimizer_cannot_train():
    graph = Graph.build([nn.Dense(1)], {"input": (1,)})
    with pytest.raises(RuntimeError, match="without an optimizer"):
        NumpyEngine(graph).train_step(line_batch([[1]], [[1]]))


def two_layers() -> NumpyEngine:
    graph = Graph.build([nn.Dense(3, name="first"), nn.Dense(2, name="second")], {"input": (4,)})
    return NumpyEngine(graph, loss=LOSSES.parse("mean_squared_error"), target_shape=(2,), optimizer=Adam(), threads=1)


def some_batch() -> Batch:
    numbers = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    return Batch((numbers[:, :4],), (numbers[:, 4:],))


def same(one: State, other: State) -> bool:
    return {name: array.tobytes() for name, array in one.items()} == {name: array.tobytes() for name, array in other.items()}


def test_other_layers_learn_and_everything_else_goes_on() -> None:
    engine, data = two_layers(), some_batch()
    engine.train_step(data)
    before = engine.state()
    engine.set_trainable({"second"})
    assert same(engine.state(), before)
    engine.train_step(data)
    after = engine.state()
    assert np.array_equal(after["weights/first/kernel"], before["weights/first/kernel"])
    assert not np.array_equal(after["weights/second/kernel"], before["weights/second/kernel"])
    assert np.array_equal(after["optimizer/velocity/first/kernel"], before["optimizer/velocity/first/kernel"])
    engine.set_trainable({"first", "second"})
    assert np.array_equal(engine.state()["optimizer/velocity/first/kernel"], before["optimizer/velocity/first/kernel"])
    assert int(engine.state()["optimizer/iterations"]) == engine.iterations == 2


def test_a_state_with_arrays_of_layers_that_do_not_learn_is_taken() -> None:
    engine, other = two_layers(), two_layers()
    engine.train_step(some_batch())
    other.set_trainable({"second"})
    other.load_state(engine.state())
    assert same(other.state(), engine.state())
    with pytest.raises(CheckpointError, match="the network has no optimizer/velocity/third/kernel"):
        other.load_state({"optimizer/velocity/third/kernel": np.zeros((4, 3), np.float32)})


def test_the_description_is_the_form_of_the_state() -> None:
    engine = two_layers()
    for layers in ({"first", "second"}, {"second"}):
        engine.set_trainable(layers)
        assert engine.describe() == {name: (array.shape, array.dtype) for name, array in engine.state().items()}


def test_metrics_worked_out_elsewhere_are_those_of_the_network() -> None:
    engine, data = two_layers(), some_batch()
    engine.test_step(data)
    own = engine.metrics()
    engine.reset_metrics()
    engine.update_metrics(engine.predict_step(data.inputs), data)
    assert engine.metrics() == own
