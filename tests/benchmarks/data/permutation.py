"""A million positions of the keyed permutation against NumPy's own `permutation`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np

from fittool import rng
from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure, processor_seconds

SIZE = 1_000_000


def figures(bench: Bench) -> Iterator[Figure]:
    size = bench.size(SIZE, 1000)
    passes, positions = count(), np.arange(size)
    sides = {
        "fittool": lambda: processor_seconds(lambda: rng.permuted(7, "order", next(passes), positions=positions, size=size)),
        "NumPy": lambda: processor_seconds(lambda: np.random.default_rng(next(passes)).permutation(size)),
    }
    took = bench.compare(sides)
    name = "time of a million positions against NumPy"
    yield took.figure(name, "fittool", "NumPy", 4, most=True, note=took.in_numbers("ms", 1e3))
