"""Speed and memory as ratios, each side measured in turn in the same run, medians of several turns.

    python -m tests.benchmarks                     all figures, from the root of the repository
    python -m tests.benchmarks augmentation disk_cache
    python -m tests.benchmarks --turns 9           more turns, for a busy machine

Figures against Keras need its ImageDataGenerator: `pip install -e ".[parity]"`; without it they are left out, and said so.
Everything else needs the base install alone. Each figure says what it should reach; the exit code is 1 if one does not.
Close other programs first: a ratio is fair on a busy machine, but two workers need two free processors.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.benchmarks.measuring import Figure, heading, shown

HELPERS = ("__main__", "measuring", "inputs")
SUBJECTS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"one of {', '.join(SUBJECTS)}; by default all")
    parser.add_argument("--turns", type=int, default=5, help="how often each side is measured")
    arguments = parser.parse_args()
    unknown = set(arguments.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}. There are {', '.join(SUBJECTS)}.")
    print(heading())
    missed = 0
    for subject in arguments.subjects or SUBJECTS:
        figures: list[Figure] = importlib.import_module(f"tests.benchmarks.{subject}").figures(arguments.turns)
        for figure in figures:
            print(shown(subject, figure), flush=True)
            missed += not figure.reached
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
