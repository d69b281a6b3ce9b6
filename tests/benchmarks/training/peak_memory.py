"""The most memory that a process has that trains at batch 128, its libraries included, against the peers'."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.peers.client import OURS, PEERS, Workers, missing
from tests.benchmarks.peers.work import Work

WANTED = {"simple_cnn": 0.3, "resnet20": 0.35}
JUDGE = "keras-torch"
"""The peer that the figure is wanted against; the loop by hand is for information."""


def figures(bench: Bench) -> Iterator[Figure]:
    for network, wanted in WANTED.items():
        work = Work("fit", network, bench.batches[-1], bench.size(256, 32), threads=bench.threads)
        peers = [peer for peer in ("torch", JUDGE) if peer in bench.peers and missing(peer) is None]
        called = {"fittool": OURS, **{PEERS[peer][0]: peer for peer in peers}}
        sides = {name: partial(Workers.alone, peer, work, "peak") for name, peer in called.items()}
        took = bench.compare(sides, warm=False)
        note = took.in_numbers("MB", 1e-6)
        for peer in peers:
            least = wanted if peer == JUDGE else None
            yield took.figure(f"{network}: fittool / {PEERS[peer][0]}", "fittool", PEERS[peer][0], least, most=True, note=note)
            note = ""
        if JUDGE not in peers:
            yield Figure(f"{network}: fittool / {PEERS[JUDGE][0]}", None, wanted, True, f"left out; {note}")
