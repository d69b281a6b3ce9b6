"""Two threads against one on the NumPy engine, on the clock; only turns count in which two cores were free."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.client import OURS
from tests.benchmarks.peers.work import Work

SAMPLES = {"simple_cnn": 256, "resnet20": 128}


def figures(bench: Bench) -> Iterator[Figure]:
    for network, samples in SAMPLES.items():
        for batch in bench.batches:
            works = [Work("fit", network, batch, bench.size(samples, batch), threads) for threads in (1, 2)]
            sides = {f"{work.threads} threads": bench.workers.side(OURS, work, "wall") for work in works}
            took = bench.compare(sides, on_two=True)
            note = took.in_numbers("ms", 1e3)
            yield took.figure(f"{network}, batch {batch}: one thread / two", "1 threads", "2 threads", 1.8, note=note)
