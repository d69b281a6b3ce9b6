"""The tables of README.md out of the JSON of one or more runs; of a figure that was measured again the later one counts.

python -m tests.benchmarks --json figures.json
python -m tests.benchmarks simple_cnn --json again.json
python -m tests.benchmarks.markdown figures.json again.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.peers.client import PEERS

PEER_NAMES = [called for called, _ in PEERS.values()]
END = " / fittool"


def tables(runs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of Markdown: work by peer, then every other figure."""
    measured = {(figure["subject"], figure["name"]): figure for run in runs for figure in run["figures"]}
    found = [figure for figure in measured.values() if figure["value"] is not None]
    by_peer = [figure for figure in found if _peer(figure) is not None]
    if by_peer:
        yield from _of_peers(by_peer)
        yield ""
    others = [figure for figure in found if _peer(figure) is None]
    if others:
        yield from ("| subject | figure | measured | wanted | control |", "| --- | --- | --- | --- | --- |")
        yield from (f"| `{figure['subject']}` | {figure['name']} | {_measured(figure)} |" for figure in others)


def _of_peers(figures: list[dict[str, Any]]) -> Iterator[str]:
    """A row for each piece of work: each peer's time over ours, in parentheses what it should reach."""
    yield f"| work | a turn of ours | {' | '.join(PEER_NAMES)} | control |"
    yield "| --- " * (len(PEER_NAMES) + 3) + "|"
    works: dict[str, dict[str, dict[str, Any]]] = {}
    for figure in figures:
        works.setdefault(figure["name"].split(": ")[0], {})[str(_peer(figure))] = figure
    for work, cells in works.items():
        first = next(iter(cells.values()))
        ours = first["sides"]["fittool"]["median"]
        shown = [_cell(cells[peer]) if peer in cells else "–" for peer in PEER_NAMES]
        yield f"| {work} | {_time(ours)} | {' | '.join(shown)} | {first['control']:.2f} |"


def _peer(figure: Mapping[str, Any]) -> str | None:
    called = figure["name"].split(": ")[-1].removesuffix(END)
    return called if called in PEER_NAMES and figure["name"].endswith(END) else None


def _cell(figure: Mapping[str, Any]) -> str:
    value = f"{figure['value']:.2f}" if figure["verdict"] != "MISSED" else f"**{figure['value']:.2f}**"
    return value if figure["wanted"] is None else f"{value} ({figure['wanted']:g})"


def _measured(figure: Mapping[str, Any]) -> str:
    wanted = "–" if figure["wanted"] is None else f"{'at most' if figure['at_most'] else 'at least'} {figure['wanted']:g}"
    control = "–" if figure["control"] is None else f"{figure['control']:.2f}"
    value = f"{figure['value']:.2f}"
    return f"{value if figure['verdict'] != 'MISSED' else f'**{value}**'} | {wanted} | {control}"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


if __name__ == "__main__":
    print("\n".join(tables(json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:])))
