"""`sweep.json`, what a sweep's directory is for, and `trials.jsonl`, what became of each trial: a line before, a line after it.

A line is on disk before its trial begins, so that no kill loses a trial or tries one twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from fittool.errors import CheckpointError, ExperimentError, Problem, UsageError, shown, visible
from fittool.runs.environment import read_json
from fittool.runs.files.append_only import append_line, drop_torn_line, sync
from fittool.runs.files.atomic import atomic_write, make_folder
from fittool.runs.files.json_text import from_json, to_json
from fittool.runs.files.storage_errors import read_whole
from fittool.runs.files.temporary_names import is_temporary
from fittool.search.space import Values

SWEEP, TRIALS = "sweep.json", "trials.jsonl"
FORMAT = 1
End = Literal["finished", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One combination of values, and what became of it.

    Attributes:
        number: From 0.
        values: What was tried.
        end: How it ended: `finished`, `pruned` before its end by the search, `failed`; None as long as it has not.
        value: The metric in its best epoch, where there is one.
        epoch: The number of that epoch.
        epochs: How many were trained.
        seconds: The time that they took.
        reason: Why it ended.
    """

    number: int
    values: Values
    end: End | None = None
    value: float | None = None
    epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of its run directory."""
        return f"trial-{self.number:04d}"


@dataclass
class Record:
    """The trials of a sweep, in its directory.

    Attributes:
        root: The directory.
        identity: Tells the sweep from others in a storage that they share.
        trials: Those that were begun, in their order.
    """

    root: Path
    identity: str
    trials: list[Trial] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The file of the trials."""
        return self.root / TRIALS

    def directory(self, trial: Trial) -> Path:
        """The run directory of a trial."""
        return self.root / trial.name

    def begin(self, values: Values) -> Trial:
        """Write down that a trial begins; comes before it does."""
        trial = Trial(len(self.trials), dict(values))
        self._append({"trial": trial.number, "begins": dict(values)})
        self.trials.append(trial)
        return trial

    def end(self, trial: Trial) -> None:
        """Write down how a trial ended."""
        assert trial.end is not None
        row = {
            "trial": trial.number, "ends": trial.end, "value": trial.value, "epoch": trial.epoch, "epochs": trial.epochs,
            "seconds": trial.seconds, "reason": trial.reason,
        }  # fmt: skip
        self._append(row)
        self.trials[trial.number] = trial

    def _append(self, row: Mapping[str, Any]) -> None:
        append_line(self.path, to_json(row))
        sync(self.path)


def open_record(root: Path, described: Mapping[str, Any]) -> Record:
    """The record in a sweep's directory, which must be locked; it is begun in one that is empty.

    Args:
        root: The directory.
        described: The sweep as plain data: what decides which values are tried, and the experiment.

    Raises:
        UsageError: The directory holds something else.
        ExperimentError: It holds another sweep; says what differs.
        CheckpointError: Its files are damaged.
    """
    if not (root / SWEEP).exists():
        if others := sorted(name for name in os.listdir(root) if name != ".lock" and not is_temporary(name)):
            text = f"holds files that are of no sweep, such as {visible(others[0])}. Choose another directory with --dir."
            raise UsageError(text, place=shown(root))
        atomic_write(root / SWEEP, [to_json({"format": FORMAT, "id": os.urandom(8).hex(), **described}, indent=2), b"\n"])
    known = read_json(root / SWEEP)
    if not isinstance(known, dict) or not isinstance(known.get("id"), str):
        raise CheckpointError("is not of a sweep that fittool began.", place=shown(root / SWEEP))
    _refuse_another(root, known, from_json(to_json(described)))
    drop_torn_line(root / TRIALS)
    return Record(root, known["id"], _read(root / TRIALS))


def _refuse_another(root: Path, known: Mapping[str, Any], described: Mapping[str, Any]) -> None:
    before = {path: value for name in described for path, value in _leaves(known.get(name), name).items()}
    now = {path: value for name in described for path, value in _leaves(described[name], name).items()}
    problems = [
        Problem(f"{key} was {_text(before.get(key))} when the sweep began, and is {_text(now.get(key))} now.")
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if problems:
        mend = "Change it back, or choose another directory with --dir."
        problems[-1] = replace(problems[-1], text=f"{problems[-1].text} {mend}")
        raise ExperimentError([replace(problem, place=shown(root)) for problem in problems])


def _leaves(data: Any, name: str) -> dict[str, Any]:
    if isinstance(data, dict) and data:
        return {path: value for key, item in data.items() for path, value in _leaves(item, f"{name}.{key}").items()}
    return {name: data}


def _text(value: Any) -> str:
    return "absent" if value is None else visible(to_json(value).decode("utf-8", "replace"))


def _read(path: Path) -> list[Trial]:
    """The trials as the lines say it."""
    if not path.exists():
        return []
    trials: list[Trial] = []
    for number, line in enumerate(read_whole(path).splitlines(), 1):
        try:
            _take(trials, from_json(line))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise CheckpointError("is not what fittool wrote.", place=f"{shown(path)}:{number}") from error
    return trials


def _take(trials: list[Trial], row: Mapping[str, Any]) -> None:
    number = row["trial"]
    if "begins" in row:
        if number != len(trials) or not isinstance(row["begins"], dict):
            raise ValueError("trials do not stand in their order")
        trials.append(Trial(number, row["begins"]))
    else:
        if row["ends"] not in get_args(End) or not 0 <= number < len(trials):
            raise ValueError("an unknown end")
        trials[number] = replace(
            trials[number], end=row["ends"], value=None if row["value"] is None else float(row["value"]), epoch=row["epoch"],
            epochs=int(row["epochs"]), seconds=float(row["seconds"]), reason=str(row["reason"]),
        )  # fmt: skip


def make_directory(root: Path) -> None:
    """Make the directory of a sweep where it is missing.

    Raises:
        UsageError: It is a file.
        StorageError: It cannot be made.
    """
    if root.exists() and not root.is_dir():
        raise UsageError("is a file; --dir names a directory.", place=shown(root))
    make_folder(root)
