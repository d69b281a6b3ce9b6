"""Makes the wheels of all platforms from one machine: `python fittool/kernels/wheels.py [PLATFORM ...]`, into `dist/`.

Needs `pip install ziglang`, which holds a compiler for all of them; run with the Python that has it, in a clone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Make the wheels that are asked for, by default all."""
    import ziglang  # the package of that name

    sys.path.insert(0, str(ROOT))
    from fittool.kernels.compiling import PLATFORMS, WHEEL_VARIABLE

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"one of {', '.join(PLATFORMS)}; by default all")
    parser.add_argument("--out", default="dist", help="the folder for the wheels")
    asked = parser.parse_args()
    # Its program itself: pip hides the packages of this Python from those that it starts while it builds.
    zig = Path(ziglang.__file__).with_name("zig")
    for name in asked.platforms or PLATFORMS:
        environment = {**os.environ, WHEEL_VARIABLE: name, "CXX": f"{zig} c++"}
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", asked.out, str(ROOT)]
        subprocess.run(command, check=True, env=environment)
        print(f"{name}: made in {asked.out}")


if __name__ == "__main__":
    main()
