"""`status.json`: how a run stands, for people, cron and CI."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from fittool.errors import CheckpointError, shown, visible
from fittool.runs.files.json_text import from_json, to_json
from fittool.runs.files.storage_errors import read_whole


def utc_text() -> str:
    """The present as in `2026-11-22T23:15:01Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def utc_stamp() -> str:
    """The present as in `20261122-231501`, for names of directories."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())


KILLED = 128 + 9
"""The exit code of a run that could not record its end; whoever finds it killed writes it down."""

_NONE = type(None)
_KINDS: dict[str, type | tuple[type, ...]] = {
    "reason": str, "epoch": int, "step": int, "best": (dict, _NONE), "exit_code": (int, _NONE), "pid": (int, _NONE),
    "started": str, "updated": str, "final": (str, _NONE), "seconds": (int, float, _NONE),
}  # fmt: skip
State = Literal["running", "completed", "stopped", "interrupted", "diverged", "failed"]


@dataclass(frozen=True)
class Status:
    """The state of a run.

    Attributes:
        state: `running`, or how it ended: `completed` all epochs, `stopped` earlier because a callback asked for it,
            `interrupted` by a signal or a time limit, `diverged`, `failed`. A killed run stays `running`; only its lock tells.
        reason: Why it ended, a sentence; "" while it runs.
        epoch: How many epochs are finished.
        step: How many training steps are done.
        best: The best epoch so far: `epoch`, `monitor`, `value`; None before there is one.
        final: The checkpoint with the weights that training ended with; None where it did not, and in runs of 0.1.0.
        exit_code: What the process exits with; None while it runs.
        pid: The process; filled in by the run directory, as are the times.
        started: When the run began, UTC.
        updated: When this was written, UTC.
        seconds: The time that the finished epochs took; None where it was not noted, as older releases did not.
    """

    state: State
    reason: str = ""
    epoch: int = 0
    step: int = 0
    best: Mapping[str, Any] | None = None
    exit_code: int | None = None
    pid: int | None = None
    started: str = ""
    updated: str = ""
    final: str | None = None
    seconds: float | None = None

    @property
    def is_finished(self) -> bool:
        """True where nothing is left to do, so that resuming does nothing."""
        return self.state in ("completed", "stopped")


def encode_status(status: Status) -> bytes:
    """The content of status.json."""
    return to_json(dataclasses.asdict(status), indent=2) + b"\n"


def load_status(path: Path) -> Status:
    """Read status.json; keys that are not known are passed over.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    known = {field.name for field in dataclasses.fields(Status)}
    try:
        said = from_json(read_whole(path))
        status = Status(**{name: value for name, value in said.items() if name in known})
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError("is not a status that fittool wrote.", place=shown(path)) from error
    if wrong := [name for name, kinds in _KINDS.items() if not isinstance(getattr(status, name), kinds)]:
        raise CheckpointError(f"is not a status that fittool wrote: {wrong[0]} is damaged.", place=shown(path))
    if status.state not in get_args(State):
        raise CheckpointError(f"has the unknown state {visible(str(status.state))}.", place=shown(path))
    return status
