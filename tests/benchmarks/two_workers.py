"""Two workers against one, as threads and as processes, on arrays in memory with the classic augmentation."""

from __future__ import annotations

from functools import partial

from fittool.data.loading.batch_loader import DatasetLoader
from tests.benchmarks.inputs import BATCH, classic, dataset, rate
from tests.benchmarks.measuring import Figure, side_by_side

WANTED = {32: 1.5, 224: 1.7}
BATCHES = {32: 400, 224: 40}


def figures(turns: int) -> list[Figure]:
    return [figure for side in WANTED for figure in _figures(side, turns)]


def _figures(side: int, turns: int) -> list[Figure]:
    data = dataset(8 * BATCH, side)
    sides = {
        f"{workers} {kind}": partial(
            rate,
            DatasetLoader(data, BATCH, augment=classic(), workers=workers, use_multiprocessing=kind == "processes"),
            BATCHES[side],
        )
        for kind in ("threads", "processes")
        for workers in (1, 2)
    }
    rates = side_by_side(sides, turns)
    best = max(rates["2 threads"], rates["2 processes"]) / rates["1 threads"]
    note = ", ".join(f"{name} {value:,.0f}" for name, value in rates.items()) + " images/s"
    return [
        Figure(f"two processes against one, {side}x{side}", rates["2 processes"] / rates["1 processes"], WANTED[side], note=note),
        Figure(f"best of two workers against one thread, {side}x{side}", best, 1.0),
    ]
