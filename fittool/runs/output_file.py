"""The name of a command's output, held against what must not be replaced before anything is computed."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from fittool.errors import UsageError, shown
from fittool.runs.paths import run_around


def check_output(path: Path, *, inputs: Sequence[str | os.PathLike[str]], endings: Sequence[str], option: str = "--out") -> None:
    """Refuse the name of an output that is no such file, has no folder, or would replace an input or a file of a run.

    Args:
        path: The output.
        inputs: What the command reads: files, folders with everything in them, patterns; what is not there is passed over.
        endings: Those that the name may have, in any case, such as `.csv`.
        option: What names the output.

    Raises:
        UsageError: The name will not do.
    """
    if path.suffix.lower() not in endings:
        *others, last = endings
        names = f"{', '.join(others)} or {last}" if others else last
        raise UsageError(f"{option} {shown(path)}: the name must end in {names}.")
    if not path.parent.is_dir():
        raise UsageError(
            f"{option} {shown(path)}: there is no folder {shown(path.parent)}. Make it first, or choose another name."
        )
    if any(_is_of(path, name) for one in inputs for name in _find(os.fspath(one))):
        text = "is read by this command, which would replace it. Choose another name."
        raise UsageError(f"{option} {shown(path)} {text}")
    if (run := run_around(path)) is not None:
        text = f"lies in the run directory {shown(run)}, whose files are the run's own. Choose another place."
        raise UsageError(f"{option} {shown(path)} {text}")


def _find(name: str) -> list[str]:
    return [name] if os.path.exists(name) else glob.glob(name)


def _is_of(path: Path, name: str) -> bool:
    """True where a file is the one of this name, or one that is there in the folder of this name."""
    if not path.exists():
        return False
    if not os.path.isdir(name):
        return os.path.samefile(path, name)
    folder = os.path.realpath(name)
    return os.path.realpath(path).startswith(folder.rstrip(os.sep) + os.sep)
