"""The time of a step must not grow: with ten and a hundred times the data, and after 10,000 steps."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.client import OURS
from tests.benchmarks.peers.work import Work

SAMPLES, BATCH = 1792, 32
"""Of the digits, in whole batches: 56 steps."""
EPOCHS = 100
AFTER = 10_000
FLAT = 1.03


def figures(bench: Bench) -> Iterator[Figure]:
    epochs = bench.size(EPOCHS, 2)
    times = (1, 10, 100) if not bench.short else (1, 2)
    works = {many: Work("fit", "digits-mlp", BATCH, many * SAMPLES, epochs=epochs // many) for many in times}
    took = bench.compare({f"{many} times": bench.side(OURS, work) for many, work in works.items()})
    note = took.in_numbers("µs a step", 1e6 / (epochs * SAMPLES / BATCH))
    for many in times[1:]:
        name = f"time of a step with {many} times the data against once"
        yield took.figure(name, f"{many} times", "1 times", FLAT, most=True, note=note)
        note = ""
    yield _later(bench)


def _later(bench: Bench) -> Figure:
    """New weights each turn, timed after their first 280 steps, against weights that have learnt for long."""
    epochs, after = bench.size(20, 1), -(-bench.size(AFTER, 56) * BATCH // SAMPLES)
    sides = {
        "first": bench.side(OURS, Work("fit", "digits-mlp", BATCH, SAMPLES, epochs=epochs, before=5, anew=True)),
        "later": bench.side(OURS, Work("fit", "digits-mlp", BATCH, SAMPLES, epochs=epochs, before=after)),
    }
    took = bench.compare(sides)
    note = took.in_numbers("µs a step", 1e6 / (epochs * SAMPLES / BATCH))
    name = f"time of a step after {AFTER:,} steps against the first ones"
    return took.figure(name, "later", "first", FLAT, most=True, note=note)
