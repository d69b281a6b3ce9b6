"""Everything about the PyTorch engine on a graphics card, checked and timed in one call of a few minutes, as a table.

    python -m tests.benchmarks.gpu                      on the first card
    CIFAR10=/data/cifar10 python -m tests.benchmarks.gpu   trains on CIFAR-10 too: folders train/ and test/, one for each class
    python -m tests.benchmarks.gpu --device cpu         a test of the script itself, with less of everything

Needs the extra `torch` and pytest. The exit code is 1 if a check fails or a figure is missed.
"""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks.gpu.table import table
from tests.benchmarks.output import shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu for a test of the script itself")
    parser.add_argument("--turns", type=int, help="how often each side is measured; by default 5, on the processor 1")
    arguments = parser.parse_args()
    missed = 0
    for figure in table(arguments.device, arguments.turns or (1 if arguments.device == "cpu" else 5)):
        print(shown("gpu", figure), flush=True)
        missed += not figure.reached
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
