"""Two workers against one, as threads and as processes, on arrays in memory with the classic augmentation."""

from __future__ import annotations

from functools import partial

from fittool.data.loading.batch_loader import DatasetLoader
from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import BATCH, classic, dataset, rate
from tests.benchmarks.measuring import Figure

WANTED = {32: 1.5, 224: 1.7}
BATCHES = {32: 400, 224: 40}


def figures(bench: Bench) -> list[Figure]:
    return [figure for side in WANTED for figure in _figures(bench, side)]


def _figures(bench: Bench, side: int) -> list[Figure]:
    data = dataset(8 * BATCH, side)
    sides = {
        f"{workers} {kind}": partial(
            rate,
            DatasetLoader(data, BATCH, augment=classic(), workers=workers, use_multiprocessing=kind == "processes"),
            bench.size(BATCHES[side], 4),
        )
        for kind in ("threads", "processes")
        for workers in (1, 2)
    }
    rates = bench.compare(sides, on_two=True)
    better, note = "2 threads" if rates["2 threads"] > rates["2 processes"] else "2 processes", rates.in_numbers("images/s")
    return [
        rates.figure(f"two processes against one, {side}x{side}", "2 processes", "1 processes", WANTED[side], note=note),
        rates.figure(f"best of two workers against one thread, {side}x{side}", better, "1 threads", 1.0),
    ]
