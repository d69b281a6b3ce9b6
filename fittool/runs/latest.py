"""The link `latest` beside the runs of one name, which leads to the newest of them.

A file system without links has none, and no run fails for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from fittool.runs.paths import ENSEMBLE, RunPaths

LATEST = "latest"


def point_to(run: Path) -> None:
    """Let `latest` beside a run lead to it, at one instant; a file or directory of that name is left alone."""
    link = run.parent / LATEST
    with suppress(OSError):
        if link.exists() and not link.is_symlink():
            return
        temporary = run.parent / f".{LATEST}-{run.name}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(run.name)
        os.replace(temporary, link)


def leave(run: Path) -> None:
    """Mend `latest` after a run is gone to which it led: it leads to the newest run that is left, or is removed with the last."""
    link = run.parent / LATEST
    with suppress(OSError):
        if not link.is_symlink() or os.readlink(link) != run.name:
            return
        with os.scandir(run.parent) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
        if others := sorted(name for name in names if _has_run(run.parent / name)):
            point_to(run.parent / others[-1])
        else:
            link.unlink()


def _has_run(folder: Path) -> bool:
    """True for a run, and for a folder of several that belong together."""
    return RunPaths(folder).environment.exists() or (folder / ENSEMBLE).exists()
