"""The classic example's augmentation through `ImageDataGenerator.flow` against Keras's, small and large images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.benchmarks.bench import Bench
from tests.benchmarks.inputs import BATCH, classic, images
from tests.benchmarks.measuring import Figure, processor_seconds
from tests.benchmarks.peers.client import KERAS, OURS, missing
from tests.benchmarks.peers.work import Work

WANTED = {32: 14, 224: 15}
SAMPLES = {32: 1280, 224: 64}


def figures(bench: Bench) -> Iterator[Figure]:
    """Keras's generator is NumPy and SciPy whatever the backend, so one backend is asked; it works on float images."""
    keras = next((peer for peer in KERAS if peer in bench.peers and missing(peer) is None), None)
    for side, wanted in WANTED.items():
        work = Work("flow", str(side), BATCH, bench.size(SAMPLES[side], BATCH))
        sides = {"fittool": bench.side(OURS, work)}
        if keras is not None:
            sides["Keras"] = bench.side(keras, work)
        took = bench.compare(sides)
        note, name = took.in_numbers("µs an image", 1e6 / work.samples), f"flow of uint8 {side}x{side}: Keras / fittool"
        if keras is None:
            yield Figure(name, None, wanted, note=f"no Keras; {note}")
        else:
            yield took.figure(name, "Keras", "fittool", wanted, note=note)


def augment_seconds(side: int, count: int, **changes: Any) -> Callable[[], float]:
    """Seconds of `augment` alone for so many batches."""
    batch, change = images(BATCH, side), classic(**changes)
    return lambda: processor_seconds(lambda: [change(batch, 0, number, np.arange(BATCH)) for number in range(count)])
