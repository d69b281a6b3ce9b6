"""Removing runs for good."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fittool.runs.files.lock import RunLock
from fittool.runs.files.storage_errors import storing
from fittool.runs.latest import leave

_REMOVED = ".fittool-removed-"


def remove_run(path: Path) -> None:
    """Remove a run directory with everything in it; the link `latest` beside it then leads to the newest that is left.

    It is renamed first, so that a kill leaves no half of a run: what is left then is removed by the next call beside it.

    Raises:
        RunInUseError: A live process has it.
        StorageError: It cannot be removed.
    """
    real = Path(os.path.realpath(path))
    with RunLock(real), storing(real):
        hidden = real.with_name(_REMOVED + real.name)
        if hidden.exists():
            shutil.rmtree(hidden)
        real.rename(hidden)
    for left in real.parent.glob(f"{_REMOVED}*"):
        with storing(left):
            shutil.rmtree(left)
    leave(real)
