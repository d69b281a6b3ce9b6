"""Folders of runs that belong together: one for each fold, or for each seed; `ensemble.json` in them says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from fittool.errors import CheckpointError, shown, visible
from fittool.runs.environment import read_json
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json
from fittool.runs.paths import RunPaths
from fittool.runs.status import load_status

FILE = "ensemble.json"
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

    def write(self) -> str | None:
        """Write ensemble.json; returns a warning or None."""
        content = {"format": FORMAT, "kind": self.kind, "members": list(self.names)}
        return atomic_write(self.root / FILE, [to_json(content, indent=2), b"\n"])


def ensemble_at(path: Path) -> Ensemble | None:
    """The ensemble that a folder holds; None where it holds none.

    Raises:
        CheckpointError: Its ensemble.json is damaged.
    """
    file = path / FILE
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
