"""What shells complete beside commands and options: runs, the values that they can be sorted by, names of ready experiments.

click asks for it when `_FITTOOL_COMPLETE` is set, as its completion scripts do. Nothing here may fail or take long: what
cannot be found is not offered.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import click
from click.shell_completion import CompletionItem

_MOST = 500
_RUNS = "runs"
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_runs(incomplete: str) -> list[CompletionItem]:
    """The run directories that a path so far may mean: those below ./runs, or below the folder that is typed.

    With them are the links `latest`. Where there are none, files and folders are offered as for any other path.
    """
    found = sorted(path for path in _runs_below(_folder_of(incomplete)) if path.startswith(incomplete))
    return [CompletionItem(path) for path in found] or [CompletionItem(incomplete, type="file")]


def _folder_of(incomplete: str) -> str:
    """The folder to look in: the one that is typed as far as it is there."""
    folder = os.path.dirname(incomplete)
    return folder if folder and os.path.isdir(folder) else _RUNS


def _runs_below(folder: str) -> Iterator[str]:
    from fittool.runs.listing.find import run_paths

    holders: set[str] = set()
    for path in islice(run_paths(folder), _MOST):
        yield path
        holder = os.path.dirname(path)
        if holder not in holders and os.path.islink(latest := os.path.join(holder, "latest")):
            yield latest
        holders.add(holder)


def completing(names: Callable[[click.Context], Iterable[str]]) -> Completer:
    """A completion that offers those of the names that begin as what is typed."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found: list[str] = []
        with suppress(Exception):  # a completion that fails would print a traceback into a command that is being typed
            found = list(names(context))
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]

    return complete


def values_of_runs(context: click.Context) -> Iterator[str]:
    """The names of the values in the rows of a run below the folder that is typed, or below ./runs."""
    from fittool.runs.listing.find import run_paths

    for path in islice(run_paths(str(context.params.get("folder") or _RUNS)), _MOST):
        rows: dict[str, Any] = {}
        with suppress(OSError, ValueError), open(os.path.join(path, "metrics.jsonl"), encoding="utf-8") as file:
            rows = json.loads(file.readline())
        if rows:
            yield from (name for name in rows if name not in ("epoch", "stage"))
            return


def sort_keys(context: click.Context) -> Iterator[str]:
    """The keys of a list of runs, and the values in their rows."""
    from fittool.runs.listing.order import KEYS

    yield from KEYS
    yield from (name for name in values_of_runs(context) if name not in KEYS)


def criteria(_: click.Context) -> Iterator[str]:
    """What a threshold can be best by."""
    yield from ("f1", "balanced_accuracy", "precision@0.9", "recall@0.9", "cost(1,5)")


def templates(_: click.Context) -> Iterator[str]:
    """The names of ready experiments."""
    from fittool.scaffold.templates import template_names

    yield from template_names()


def engines(_: click.Context) -> Iterator[str]:
    """The names of the engines."""
    yield from ("numpy", "torch", "auto")
