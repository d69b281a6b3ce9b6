"""What other processes may ask of a run at work: a checkpoint now, or the end after this epoch; by files in its directory.

A file reaches the run wherever it is at work, also on another host, and whoever asks can do no harm to a process that is none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from fittool.errors import CheckpointError, UsageError, shown
from fittool.runs.directory import RunDirectory
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.lock import is_held

Request = Literal["save", "stop"]
_INTERVAL = 0.2  # seconds between two looks; a look costs as much as a very small step
_FILE = ".request-{}"


def ask(run: Path, request: Request) -> None:
    """Ask something of a run at work.

    Args:
        run: The run directory.
        request: `save`: a checkpoint after this step; `stop`: the end after this epoch.

    Raises:
        CheckpointError: It is no run.
        UsageError: Nobody is at work there.
        StorageError: The request cannot be left there.
    """
    directory = RunDirectory.open(run)
    try:
        at_work = is_held(directory.paths.root)
    except OSError as error:
        raise CheckpointError(f"cannot be looked at: {error.strerror or error}.", place=shown(run)) from error
    if not at_work:
        raise UsageError("is not at work, so nothing can be asked of it.", place=shown(run))
    atomic_write(directory.paths.root / _FILE.format(request), [])


class Requests:
    """The requests that a run finds.

    Args:
        root: The run directory.
        save_signalled: True, once, where a signal has asked for a checkpoint.
    """

    def __init__(self, root: Path, save_signalled: Callable[[], bool] = lambda: False) -> None:
        self._root, self._save_signalled = root, save_signalled
        self._next: dict[str, float] = {}

    def takes(self, request: Request, *, at_once: bool = False) -> bool:
        """True where something is asked for, which is then done with.

        Args:
            request: What.
            at_once: Whether to look although one has just looked.
        """
        if request == "save" and self._save_signalled():
            return True
        now = time.monotonic()
        if now < self._next.get(request, 0.0) and not at_once:
            return False
        self._next[request] = now + _INTERVAL
        try:
            os.unlink(self._root / _FILE.format(request))
        except OSError:
            return False
        return True

    def clear(self) -> None:
        """Forget what was asked of a run that is not at work any more."""
        for request in get_args(Request):
            with suppress(OSError):
                os.unlink(self._root / _FILE.format(request))
