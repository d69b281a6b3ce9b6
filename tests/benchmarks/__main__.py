"""Speed and memory as ratios, against every peer that is installed, each side measured in turn, medians of several turns.

    python -m tests.benchmarks                       all figures, from the root of the repository
    python -m tests.benchmarks simple_cnn lstm       some of them
    python -m tests.benchmarks --turns 9             more turns, for a busy machine
    python -m tests.benchmarks --json figures.json   everything that was measured, turn by turn, as JSON as well
    python -m tests.benchmarks --short               once, on little: proves only that everything runs

Times are those of the processor, everything pinned to one core, which is fair on a busy machine; `--wall` reads the clock
while two threads compute, and keeps only turns in which a control without any lock says that two cores were free. Beside each
figure stands its control: the first side measured twice. A peer that is not installed is left out, and said so.
The exit code is 1 if a figure misses what it should reach, with `--short` only if something does not run.
README.md beside this file has the peers' packages and what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.bench import Bench
from tests.benchmarks.measuring import Figure
from tests.benchmarks.output import as_data, heading, shown
from tests.benchmarks.peers.client import PEERS
from tests.benchmarks.subjects import SUBJECTS


def main() -> int:
    arguments = _arguments()
    core = None if arguments.wall else machine.pin(arguments.core)
    os.environ.setdefault("OMP_NUM_THREADS", "2" if arguments.wall else "1")  # of what is measured in this process
    bench = Bench(1 if arguments.short else arguments.turns, arguments.short, arguments.wall, arguments.former, arguments.peers)
    way = "time on the clock, two threads" if arguments.wall else f"processor time on core {'any' if core is None else core}"
    data: dict[str, Any] = {**machine.facts(), "way": way, "turns": bench.turns, "short": bench.short, "figures": []}
    print(f"{data['processor']}, {data['cores']} cores, load {data['load'][0]:.1f}; {way}; {bench.turns} turns\n{heading()}")
    try:
        return 1 if _measured(bench, arguments.subjects or list(SUBJECTS), data, arguments.json) else 0
    finally:
        bench.workers.close()


def _measured(bench: Bench, subjects: list[str], data: dict[str, Any], file: Path | None) -> int:
    """How many figures fail; the file is written at once and after each subject, as all of them may take an hour."""
    failed = 0
    _write(data, file)
    for subject in subjects:
        for figure in _figures(bench, subject):
            print(shown(subject, figure, judged=not bench.short), flush=True)
            data["figures"].append(as_data(subject, figure, judged=not bench.short))
            failed += figure.broken if bench.short else not figure.reached
        _write({**data, "load_at_the_end": list(os.getloadavg())}, file)
    return failed


def _write(data: dict[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _figures(bench: Bench, subject: str) -> Iterator[Figure]:
    """A subject's figures; one that fails is told, and the others go on."""
    try:
        yield from SUBJECTS[subject].figures(bench)
    except Exception as error:
        traceback.print_exc()
        yield Figure(f"{type(error).__name__}: see above", None, None, broken=True)


def _arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"one of {', '.join(SUBJECTS)}; by default all")
    parser.add_argument("--turns", type=_turns, default=5, metavar="N", help="how often each side is measured; by default 5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write everything that was measured")
    parser.add_argument("--short", action="store_true", help="one turn on little, to prove that everything runs")
    parser.add_argument("--wall", action="store_true", help="the clock with two threads, where two cores are free")
    parser.add_argument("--core", type=int, metavar="N", help="which core is used; by default the last")
    parser.add_argument("--peers", type=_peers, default=tuple(PEERS), metavar="NAMES", help=f"some of {','.join(PEERS)}")
    parser.add_argument("--former", type=Path, metavar="PATH", help="another build for `check`: an environment or a checkout")
    arguments = parser.parse_args()
    unknown = set(arguments.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}. There are {', '.join(SUBJECTS)}.")
    return arguments


def _turns(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else ()
    unknown = set(names) - set(PEERS)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}. There are {', '.join(PEERS)}.")
    return names


if __name__ == "__main__":
    sys.exit(main())
