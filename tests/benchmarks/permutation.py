"""A million positions of the keyed permutation against NumPy's own `permutation`."""

from __future__ import annotations

from itertools import count

import numpy as np

from fittool import rng
from tests.benchmarks.measuring import Figure, seconds, side_by_side

SIZE = 1_000_000


def figures(turns: int) -> list[Figure]:
    passes, positions = count(), np.arange(SIZE)
    sides = {
        "fittool": lambda: seconds(lambda: rng.permuted(7, "order", next(passes), positions=positions, size=SIZE)),
        "NumPy": lambda: seconds(lambda: np.random.default_rng(next(passes)).permutation(SIZE)),
    }
    took = side_by_side(sides, turns)
    note = ", ".join(f"{name} {1e3 * value:.1f} ms" for name, value in took.items())
    return [Figure("time of a million positions against NumPy", took["fittool"] / took["NumPy"], 4, most=True, note=note)]
