"""The PyTorch engine against a plain PyTorch loop over the same networks: what our loop costs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.client import OURS_ON_TORCH, missing
from tests.benchmarks.training import whole_command
from tests.benchmarks.training.networks import epochs

WANTED = {"digits-mlp": 0.9, "simple_cnn": 0.97, "resnet20": 0.97}


def figures(bench: Bench) -> Iterator[Figure]:
    if missing("torch"):
        yield Figure("plain loop / engine", None, 1.0, note="no torch")
        return
    for network, wanted in WANTED.items():
        for batch in bench.batches:
            work = epochs(bench, network, batch)
            took = bench.compare({"plain": bench.side("torch", work), "engine": bench.side(OURS_ON_TORCH, work)})
            note = took.in_numbers("ms", 1e3)
            yield took.figure(f"{network}, batch {batch}: plain loop / engine", "plain", "engine", wanted, note=note)
    yield from whole_command.on_torch(bench)
