"""Epochs of `fit` on the NumPy engine against a plain PyTorch loop and Keras on each of its backends, the same networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.work import Work

SAMPLES = {"digits-mlp": 1797, "simple_cnn": 256, "resnet20": 128, "depthwise": 128, "lstm": 128}
EPOCHS = {"digits-mlp": 10}
"""How many are timed together, where one is short."""
WANTED: dict[str, dict[str, float | None]] = {
    "simple_cnn": {"torch": 1.15, "keras-tensorflow": 1.2, "keras-torch": 2.2, "keras-jax": 3.2},
    "resnet20": {"torch": 0.95, "keras-tensorflow": 1.2, "keras-torch": 2.0, "keras-jax": None},
    "depthwise": {"torch": 1.0, "keras-tensorflow": None, "keras-torch": None, "keras-jax": None},
    "digits-mlp": {"torch": 4.0, "keras-tensorflow": None, "keras-torch": None, "keras-jax": 3.0},
    "lstm": {"torch": None, "keras-tensorflow": 1.0, "keras-torch": 1.0, "keras-jax": 1.0},
}
"""By network and peer what the peer's time over ours should reach; the fastest of the LSTMs is wanted, which is all of them."""


def figures(bench: Bench, network: str) -> Iterator[Figure]:
    for batch in bench.batches:
        work = epochs(bench, network, batch)
        alone = replace(work, kernels="numpy")
        yield from bench.against_peers(f"{network}, batch {batch}", work, WANTED[network], numpy=alone)


def epochs(bench: Bench, network: str, batch: int) -> Work:
    """What a turn is, of any peer."""
    return Work("fit", network, batch, bench.size(SAMPLES[network], batch), epochs=bench.size(EPOCHS.get(network, 1), 1))
