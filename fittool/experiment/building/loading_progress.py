"""Shows how far reading data into memory is; only on a terminal, and only where it takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from fittool.data.dataset import Progress
from fittool.training.display.terminal import Verbose, can_be_live

Loading = Callable[[str], Progress | None]
"""Given what is loaded ("training data"), what shows how far it is."""
_PATIENCE = 0.5  # seconds before anything is shown
_INTERVAL = 0.1


def silent(what: str) -> Progress | None:
    """Shows nothing."""
    return None


def loading_shown(verbose: Verbose) -> Loading:
    """For a level of `verbose`: a bar where there is a terminal to show it on, else nothing."""
    return _bar if verbose in (1, "auto") and can_be_live(sys.stderr) else silent


def _bar(what: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, auto_refresh=False,
    )  # fmt: skip
    task = bar.add_task(f"Reading {what}")
    begun = shown = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - begun < _PATIENCE:
            return
        if not bar.live.is_started:
            bar.start()
            bar.console.show_cursor()  # who stops the process finds the terminal as it was
        if now - shown >= _INTERVAL or done >= total:
            shown = now
            bar.update(task, completed=done, total=total, refresh=True)
        if done >= total:
            bar.stop()

    return progress
