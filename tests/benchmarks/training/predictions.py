"""`predict` of 10,000 images by `simple_cnn`, against Keras on each backend and PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.work import Work

IMAGES = 10_000
WANTED: dict[str, float | None] = {"torch": None, "keras-tensorflow": 1.2, "keras-torch": 1.2, "keras-jax": 1.2}


def figures(bench: Bench) -> Iterator[Figure]:
    for batch in bench.batches:
        images = bench.size(IMAGES, batch)
        work = Work("predict", "simple_cnn", batch, images)
        yield from bench.against_peers(f"predict of {images:,} images, batch {batch}", work, WANTED)
