"""How much slower the other fill modes are than the classic example's `nearest`."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.data.augmentation import augment_seconds
from tests.benchmarks.measuring import Figure

MODES = ("nearest", "constant", "reflect", "wrap")
BATCHES = {32: 80, 224: 8}


def figures(bench: Bench) -> Iterator[Figure]:
    for side, count in BATCHES.items():
        batches = bench.size(count, 1)
        took = bench.compare({mode: augment_seconds(side, batches, fill_mode=mode) for mode in MODES})
        note = took.in_numbers("ms a batch", 1e3 / batches)
        for mode in MODES[1:]:
            yield took.figure(f"{mode}, {side}x{side}: nearest / {mode}", "nearest", mode, 0.7, note=note)
            note = ""
