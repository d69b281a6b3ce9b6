"""A peer in a process of its own: reads one piece of work a line, answers with the seconds that one turn of it took.

    python -m tests.benchmarks.peers.worker keras-jax

Keras's backend is one for each process, so sides that are to alternate are processes that live on between their turns.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict

from tests.benchmarks.peers.work import Turn, Work, peak_bytes

MODULES = {"fittool": "fittool_work", "torch": "torch_work", "keras": "keras_work"}


def serve(peer: str) -> None:
    """Answer until there are no more lines."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not stand among the answers
    module, _, variant = peer.partition("-")
    prepare = importlib.import_module(f"tests.benchmarks.peers.{MODULES[module]}").prepare
    ready: dict[Work, Turn] = {}
    for line in sys.stdin:
        work = Work(**json.loads(line))
        if any((work.kind, work.network, work.batch) != (one.kind, one.network, one.batch) for one in ready):
            ready.clear()  # sides of one figure stay, earlier figures leave
        if work not in ready:
            ready[work] = prepare(work, variant)
        answers.write(json.dumps({**asdict(ready[work]()), "peak": peak_bytes()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
