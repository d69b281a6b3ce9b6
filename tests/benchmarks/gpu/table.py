"""All checks and times of a card, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure


def figures(bench: Bench) -> Iterator[Figure]:
    """For `python -m tests.benchmarks`: only where there is a card."""
    try:
        import torch
    except ImportError:
        yield Figure("everything on a graphics card", None, 1.0, note="no torch")
        return
    if torch.cuda.is_available() and not bench.short:
        yield from table("cuda", bench.turns)
    else:
        yield Figure("everything on a graphics card", None, 1.0, note="there is none, or this is the short form")


def table(device: str, turns: int) -> Iterator[Figure]:
    """The checks, then the times."""
    from tests.benchmarks.gpu.checks import Checks
    from tests.benchmarks.gpu.times import Times

    yield from Checks(device, turns).figures()
    yield from Times(device, turns).figures()
