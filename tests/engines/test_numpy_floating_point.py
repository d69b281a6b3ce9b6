"""Faults of the arithmetic are counted, in every thread, and never shown as warnings."""

from __future__ import annotations

from threading import Thread

import numpy as np

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.floating_point import FloatingPointMonitor
from fittool.engines.numpy_engine.thread_pool import ThreadPool
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

HUGE = np.full(4, 3e38, np.float32)


def overflow() -> None:
    np.multiply(HUGE, HUGE)


def test_faults_are_counted_by_kind() -> None:
    monitor = FloatingPointMonitor()
    with monitor.watched():
        overflow()
        np.divide(HUGE, np.float32(0))
        np.subtract(HUGE * 2, HUGE * 2)
    assert monitor.faults == {"overflow": 3, "divide by zero": 1, "invalid value": 1}


def test_underflow_is_no_fault() -> None:
    monitor = FloatingPointMonitor()
    with monitor.watched():
        np.multiply(np.float32(1e-30), np.float32(1e-30))
    assert not monitor.faults


def test_threads_count_into_the_same_place() -> None:
    monitor = FloatingPointMonitor()

    def work() -> None:
        monitor.watch_this_thread()
        overflow()

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert monitor.faults == {"overflow": 1}


def test_the_pool_s_threads_are_watched() -> None:
    monitor = FloatingPointMonitor()
    pool = ThreadPool(2, monitor)
    with monitor.watched():
        pool.run([[overflow], [overflow]])
    pool.close()
    assert monitor.faults == {"overflow": 2}


def _engine(skips: bool) -> NumpyEngine:
    graph = Graph.build([Dense(1)], {"input": (2,)})
    return NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(0.1), skips_bad_steps=skips, threads=1)


def test_a_bad_step_is_passed_over_where_that_is_wanted() -> None:
    good = Batch((np.ones((3, 2), np.float32),), (np.ones((3, 1), np.float32),))
    bad = Batch((np.full((3, 2), 1e30, np.float32),), good.targets)
    for skips in (True, False):
        engine = _engine(skips)
        engine.train_step(good)
        before = engine.state()["weights/dense/kernel"]
        engine.train_step(bad)
        assert np.array_equal(engine.state()["weights/dense/kernel"], before) is skips
        assert engine.health.first_bad_step == engine.iterations == 2
        assert engine.health.last_finite_loss is not None
        engine.close()
