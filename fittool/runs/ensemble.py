"""Folders of runs that belong together: one for each fold, or for each seed; `ensemble.json` in them says so."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from fittool.errors import CheckpointError, UsageError, shown, visible
from fittool.runs.directory import new_id
from fittool.runs.environment import read_json
from fittool.runs.files.atomic import atomic_write, make_folder, sync_folder
from fittool.runs.files.json_text import to_json
from fittool.runs.files.storage_errors import storing
from fittool.runs.files.temporary_names import is_temporary
from fittool.runs.paths import ENSEMBLE, RunPaths
from fittool.runs.status import load_status

FORMAT = 1
Kind = Literal["folds", "seeds"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Ensemble:
    """Runs that belong together.

    Attributes:
        root: The folder that they are in.
        kind: `folds`, which validate each on another part of the same samples, or `seeds`, which differ in their seed alone.
        names: The directories of the members, in their order.
    """

    root: Path
    kind: Kind
    names: tuple[str, ...]

    @property
    def members(self) -> tuple[Path, ...]:
        """The run directories of the members, in their order; those that have not begun are missing."""
        return tuple(self.root / name for name in self.names)

    def write(self, results: Mapping[str, Any] | None = None) -> str | None:
        """Write ensemble.json; returns a warning or None.

        Args:
            results: What came of the members, as plain data.
        """
        content = {"format": FORMAT, "kind": self.kind, "members": list(self.names)} | ({"results": results} if results else {})
        return atomic_write(self.root / ENSEMBLE, [to_json(content, indent=2), b"\n"])


def take_folder(path: Path, kind: Kind, names: Sequence[str], *, resume: bool) -> Ensemble:
    """The ensemble in a folder of the user's choice; the folder is made where it is missing, and gets its file.

    Args:
        path: The folder.
        kind, names: What is to be in it; more members than it has are welcome.
        resume: Whether to go on with what is there.

    Raises:
        UsageError: It is not empty, and going on was not asked for; or something else is in it.
        StorageError: It cannot be made.
    """
    make_folder(path)
    if not path.is_dir():
        raise UsageError("is a file; --run-dir names a directory.", place=shown(path))
    there = sorted(name for name in os.listdir(path) if name != ".lock" and not is_temporary(name))
    if there and not resume:
        text = "is not empty. Add --resume to continue the runs in it, or choose another directory."
        raise UsageError(text, place=shown(path))
    before = ensemble_at(path)
    if before is None and there:
        text = f"holds files that are of no {kind}, such as {visible(there[0])}. Choose another directory."
        raise UsageError(text, place=shown(path))
    if before is not None and (before.kind != kind or set(before.names) - set(names)):
        text = f"holds other runs: {', '.join(before.names)}. Call it with the options of then, or choose another directory."
        raise UsageError(text, place=shown(path))
    found = Ensemble(path, kind, tuple(names))
    if before != found:
        found.write()
    return found


def new_folder(root: Path, name: str) -> Path:
    """Make `root/name/<UTC time>-<id>`, as for a run.

    Raises:
        StorageError: It cannot be made.
    """
    make_folder(root / name)
    with storing(root / name):
        while True:
            path = root / name / new_id()
            try:
                path.mkdir()
            except FileExistsError:
                continue
            sync_folder(path.parent)
            return path


def in_words(ensemble: Ensemble) -> str:
    """`5 folds`."""
    count = len(ensemble.names)
    return f"{count:,} {ensemble.kind if count != 1 else ensemble.kind.removesuffix('s')}"


def ensemble_at(path: Path) -> Ensemble | None:
    """The ensemble that a folder holds; None where it holds none.

    Raises:
        CheckpointError: Its ensemble.json is damaged.
    """
    file = path / ENSEMBLE
    if not file.is_file():
        return None
    found = read_json(file)
    if not _is_whole(found):
        raise CheckpointError("names no runs that fittool wrote.", place=shown(file))
    return Ensemble(path, found["kind"], tuple(found["members"]))


def _is_whole(found: Any) -> bool:
    """True for what `Ensemble.write` writes: a folder may come from anybody, and no name in it may lead out of it."""
    if not isinstance(found, dict) or found.get("kind") not in get_args(Kind) or not isinstance(found.get("members"), list):
        return False
    names = found["members"]
    return bool(names) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)


def members_of(path: Path) -> tuple[Path, ...]:
    """The run directories of the members of an ensemble, in their order; nothing where a folder is no ensemble, as a run is not.

    `predict`, `evaluate` and `export` of the folder take all of them together.

    Args:
        path: A folder that `train --kfold N` or `train --seeds N` has made, or another one.

    Raises:
        CheckpointError: ensemble.json is damaged, or a member is not finished.
    """
    found = ensemble_at(path)
    if found is None:
        return ()
    for member in found.members:
        state = load_status(RunPaths(member).status) if RunPaths(member).status.exists() else None
        if state is None or not state.is_finished:
            stands = "has not begun" if state is None else f"is {visible(state.state)}"
            text = f"{member.name} {stands}, and all members are needed. Call its training again, with --run-dir and --resume."
            raise CheckpointError(text, place=shown(path))
    return found.members
