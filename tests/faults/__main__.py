"""The fault matrix: python -m tests.faults, from the root of the repository.

    python -m tests.faults                 the quick numbers, some minutes
    python -m tests.faults --full          the numbers of a release
    python -m tests.faults --long          ten times as much, for a night
    python -m tests.faults --row K02 S01   some rows

Rows that this machine cannot play (no root, no strace, no loop device) are shown as skipped. `--table` writes README.md here.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.listening import hear_signals

from . import matrix
from .harness import Bench
from .rows import Row, Unavailable, played


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the numbers of a release")
    parser.add_argument("--long", action="store_true", help="ten times as much")
    parser.add_argument("--row", nargs="+", metavar="ID", help="only these")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the random instants")
    parser.add_argument("--table", action="store_true", help="write what was seen to README.md")
    arguments = parser.parse_args()
    hear_signals()
    level = 2 if arguments.long else 1 if arguments.full else 0
    print(f"seed {arguments.seed}", flush=True)
    known = matrix.all_rows()
    rows = [known[number] for number in arguments.row or sorted(known)]
    seen = [(row, *judged(row, level, arguments.seed)) for row in rows]
    if arguments.table:
        matrix.write_table(Path(__file__).with_name("README.md"), seen, level)
    states = [state for _, state, _ in seen]
    print(f"{states.count('passed')} passed, {states.count('failed')} failed, {states.count('skipped')} skipped")
    return 1 if "failed" in states else 0


def judged(row: Row, level: int, seed: int) -> tuple[str, str]:
    """Play a row: `passed`, `failed` or `skipped`, and the figures or the reason."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fittool-faults-") as folder:
        try:
            state, text = "passed", played(row, Bench(Path(folder), level, random.Random(f"{seed}{row.id}")))
        except Unavailable as reason:
            state, text = "skipped", str(reason)
        except Exception as error:
            state, text = "failed", f"{type(error).__name__}: {error}"
    print(f"{row.id} {state}: {text} ({time.monotonic() - begun:.0f} s)", flush=True)
    return state, text


if __name__ == "__main__":
    sys.exit(main())
