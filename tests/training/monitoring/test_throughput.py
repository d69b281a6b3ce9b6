from __future__ import annotations

import time

from training.fake_engine import batch

from fittool.training.monitoring.throughput import Throughput
from fittool.training.steps import BatchStream


def test_waiting_adds_up_across_an_interruption():
    pace = Throughput()
    pace.stepped(10, waited=1.0)
    pace = Throughput.from_state(pace.state())
    pace.stepped(10, waited=0.5)
    assert pace.waited == 1.5


def test_a_stream_says_how_long_a_batch_was_waited_for():
    class Slow:
        samples = batch_size = steps_per_pass = 1

        def batches(self, first_step):
            time.sleep(0.05)
            yield batch(0)

    stream = BatchStream(Slow()).from_step(0)
    start = time.perf_counter()
    next(stream)
    assert 0.05 <= stream.waited <= time.perf_counter() - start
