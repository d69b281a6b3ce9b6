"""The directory of one run: its files, the right to write them, and the ways to make, continue and read it."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from fittool.errors import CheckpointError, ExperimentError, FittoolError, Problem, StorageError, UsageError, shown, visible
from fittool.runs.checkpoint import CheckpointFacts, save_checkpoint
from fittool.runs.checkpoint_store import CheckpointStore, State
from fittool.runs.environment import read_environment, read_json, run_id_in
from fittool.runs.files.append_only import append_line, drop_torn_line, take_apart
from fittool.runs.files.atomic import (
    atomic_write,
    make_folder,
    overwritten,
    remove_temporary_files,
    sync_folder,
)
from fittool.runs.files.json_text import to_json
from fittool.runs.files.lock import RunLock, is_held
from fittool.runs.files.spreadsheet_text import csv_table
from fittool.runs.files.storage_errors import read_whole, storing
from fittool.runs.files.temporary_names import is_temporary
from fittool.runs.metrics_log import MetricsLog
from fittool.runs.paths import DISCARDED, RunPaths, of_the_beginning, sentence_about_no_run
from fittool.runs.status import Status, encode_status, load_status, utc_stamp, utc_text

_TRIAL = "fittool-trial-"


class RunDirectory:
    """A run directory. Made by `create`, `at` or `temporary` to be written, by `open` to be read or written.

    Every file is either replaced as a whole, durably (`write_…`, checkpoints), or appended to (metrics, log), which is
    durable after the next checkpoint. So a reader needs no lock. Every method that writes raises StorageError, and returns a
    warning text or None where it says so.

    Attributes:
        path: The directory as it was named.
        paths: Where each file is, whatever becomes of the working directory.
        id: The identity of the run; it stays when the directory is moved or copied.
        metrics: The rows of the finished epochs.
        checkpoints: Last, previous and best.
    """

    def __init__(self, path: Path, run_id: str, lock: RunLock | None, *, folder_stays: bool = False) -> None:
        self.path = path
        self.paths = RunPaths(_absolute(path))
        self.id = run_id
        self.metrics = MetricsLog(self.paths.metrics)
        self.checkpoints = CheckpointStore(self.paths.checkpoints, run_id)
        self._lock = lock
        self._folder_stays = folder_stays
        self._started = utc_text()
        if lock is not None:
            self._prepare()

    def _prepare(self) -> None:
        """Clear away what a killed process left; only the holder of the lock may."""
        for folder in (self.paths.checkpoints, self.paths.plots):
            with storing(folder):
                if folder.is_symlink():  # it may lead anywhere, and whatever lies there would be replaced and removed
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if folder.exists() and not folder.is_dir():
                    raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        make_folder(self.paths.checkpoints)
        remove_temporary_files(self.paths.root)
        for file in (self.paths.metrics, self.paths.root / DISCARDED, self.paths.log, self.paths.status):
            take_apart(file)  # these are written in their place, all others are replaced
        self.metrics.repair()
        drop_torn_line(self.paths.log)
        with suppress(CheckpointError):  # a run may go on without it
            self._started = self.read_status().started or self._started

    @classmethod
    def create(cls, root: Path, name: str) -> RunDirectory:
        """Make `root/name/<UTC time>-<id>`, locked; parallel calls get different directories.

        Args:
            root: Where all runs are.
            name: The run's name, already checked.

        Raises:
            StorageError: It cannot be made.
        """
        make_folder(root / name)
        with storing(root / name):
            while True:
                run_id = new_id()
                path = root / name / run_id
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                sync_folder(path.parent)
                return cls._make(path, run_id)

    @classmethod
    def _make(cls, path: Path, run_id: str) -> RunDirectory:
        """The run in a directory that was just made, which goes again if nothing can be put into it."""
        try:
            return cls(path, run_id, RunLock(path))
        except FittoolError:
            shutil.rmtree(path, ignore_errors=True)
            raise

    @classmethod
    def at(cls, path: Path, *, resume: bool = False) -> RunDirectory:
        """Take exactly this directory, locked; it is made where it is missing.

        Args:
            path: The directory.
            resume: Continue what is there. Without a checkpoint in it the run starts anew.

        Raises:
            UsageError: It is not empty, and resuming was not asked for; or it is no directory.
            RunInUseError: A live process has it.
            StorageError: It cannot be made or locked.
        """
        there = os.path.exists(path)
        make_folder(path)
        if not os.path.isdir(path):
            raise UsageError("is a file; --run-dir names a directory.", place=shown(path))
        lock: RunLock | None = None
        try:
            lock = RunLock(path)
            if not resume and any(name != ".lock" for name in os.listdir(path)):
                text = "is not empty. Add --resume to continue the run in it, or choose another directory."
                raise UsageError(text, place=shown(path))
            known = RunPaths(path).environment.exists()
            if not known and (foreign := foreign_files(path)):
                text = f"holds files that are of no run, such as {visible(foreign[0])}. Choose another directory."
                raise UsageError(text, place=shown(path))
            run = cls(path, run_id_in(path) if known else new_id(), lock, folder_stays=there)
            if run.checkpoints.is_empty:
                run.metrics.cut(0)
            return run
        except BaseException:
            if not there:
                _remove_unbegun(path, lock)
            if lock is not None:
                lock.release()
            raise

    @classmethod
    def temporary(cls) -> RunDirectory:
        """Make a run directory that `discard` removes, for trials; locked. Those of killed processes are removed first."""
        _remove_left_trials(Path(tempfile.gettempdir()))
        path = Path(tempfile.mkdtemp(prefix=_TRIAL))
        return cls._make(path, new_id())

    @classmethod
    def open(cls, path: Path, *, lock: bool = False) -> RunDirectory:
        """Open an existing run: to read it, or, locked, to continue it.

        Raises:
            CheckpointError: It is no run, or a part without which nothing can be done is missing or damaged.
            RunInUseError: A live process has it, and `lock` is asked for.
        """
        if not os.path.isdir(path):
            raise CheckpointError("is not a run directory: there is no such directory.", place=shown(path))
        paths = RunPaths(path)
        if missing := [file.name for file in (paths.experiment, paths.environment) if not os.path.exists(file)]:
            raise CheckpointError(sentence_about_no_run(path, missing), place=shown(path))
        run_id = run_id_in(path)
        held = RunLock(path) if lock else None
        try:
            return cls(path, run_id, held)
        except BaseException:
            if held is not None:
                held.release()
            raise

    def write_experiment(self, text: str) -> str | None:
        """Write experiment.yaml, the resolved experiment; returns a warning or None."""
        return atomic_write(self.paths.experiment, [text.encode("utf-8", "surrogateescape")])

    def read_experiment(self) -> str:
        """The text of experiment.yaml.

        Raises:
            CheckpointError: It cannot be read.
        """
        return read_whole(self.paths.experiment).decode("utf-8", "surrogateescape")

    def check_experiment(self) -> None:
        """Refuse an experiment.yaml that was edited: what the run has trained with would not be known any more.

        Raises:
            ExperimentError: It was.
        """
        known = self.read_environment().get("experiment")
        if known is not None and digest_of(self.read_experiment()) not in known:
            text = "was changed after fittool wrote it. Put it back, or add --accept-changes to go on with what it says now."
            raise ExperimentError(text, place=shown(self.paths.experiment))

    def write_environment(self, environment: Mapping[str, Any]) -> str | None:
        """Write environment.json, with the run's id as `run`; returns a warning or None."""
        return self._write_json(self.paths.environment, {"run": self.id, **environment})

    def read_environment(self) -> dict[str, Any]:
        """The content of environment.json.

        Raises:
            CheckpointError: It is missing or damaged.
        """
        return read_environment(self.paths.root)

    def write_classes(self, names: Sequence[str]) -> str | None:
        """Write classes.json, the names of the classes in the order of the labels; returns a warning or None."""
        return self._write_json(self.paths.classes, list(names))

    def read_classes(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of the labels; None where the run has none.

        Raises:
            CheckpointError: The file is damaged.
        """
        if not self.paths.classes.exists():
            return None
        names = read_json(self.paths.classes)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CheckpointError("is not a list of class names.", place=shown(self.paths.classes))
        return tuple(names)

    def write_inputs(self, inputs: Sequence[Mapping[str, Any]]) -> str | None:
        """Write inputs.json, what each input was like that was learnt from; returns a warning or None."""
        return self._write_json(self.paths.inputs, {"inputs": list(inputs)})

    def read_inputs(self) -> list[Any] | None:
        """The nature of each input that was learnt from; None where the run does not say it, as older ones do not.

        Raises:
            CheckpointError: The file is damaged.
        """
        if not self.paths.inputs.exists():
            return None
        found = read_json(self.paths.inputs)
        if not isinstance(found, dict) or not isinstance(found.get("inputs"), list):
            raise CheckpointError("does not say what was learnt from.", place=shown(self.paths.inputs))
        return list(found["inputs"])

    def write_skipped(self, problems: Sequence[Problem]) -> str | None:
        """Write skipped.txt, the data files that were left out, each with the reason; returns a warning or None."""
        lines = [visible(str(problem)).encode("utf-8", "backslashreplace") + b"\n" for problem in problems]
        return atomic_write(self.paths.skipped, lines)

    def write_status(self, status: Status) -> str | None:
        """Write status.json, with process and times filled in; returns a warning or None."""
        full = dataclasses.replace(status, pid=os.getpid(), started=self._started, updated=utc_text())
        content = encode_status(full)
        try:
            return atomic_write(self.paths.status, [content])
        except StorageError:
            if not overwritten(self.paths.status, content):
                raise
            return None

    def read_status(self) -> Status:
        """The state of the run.

        Raises:
            CheckpointError: status.json is missing or damaged.
        """
        return load_status(self.paths.status)

    def write_history(self, rows: Sequence[Mapping[str, Any]] | None = None) -> str | None:
        """Write history.csv, the rows of the metrics as a table; returns a warning or None.

        Args:
            rows: All rows, where the caller has them; otherwise they are read. The cost grows with their number.
        """
        return atomic_write(self.paths.history, [csv_table(self.metrics.rows() if rows is None else rows)])

    def log(self, text: str) -> None:
        """Add what the terminal showed to run.log: each line with its time, control characters escaped."""
        now = utc_text()
        for line in text.splitlines():
            append_line(self.paths.log, f"{now} {visible(line)}".encode("utf-8", "backslashreplace"))

    def save_checkpoint(
        self,
        tensors: Mapping[str, NDArray[Any]],
        facts: CheckpointFacts,
        *,
        best: bool = False,
        beside: Mapping[str, State | None] | None = None,
    ) -> str | None:
        """Save the state as `last`, and as `best` where it is the best; the metrics so far are on disk before.

        Args:
            tensors: The engine's state.
            facts: Position and the rest; `run` and `metrics_bytes` are filled in.
            best: Whether this is the best state so far.
            beside: Further files that the state counts on, as in `CheckpointStore.save_last`.

        Returns:
            A warning where a power cut may still undo it, else None.
        """
        facts = dataclasses.replace(facts, metrics_bytes=self.metrics.sync())
        warning = self.checkpoints.save_last(tensors, facts, beside=beside)
        return (self.checkpoints.keep_last_as_best() if best else None) or warning

    def save_diverged(self, tensors: Mapping[str, NDArray[Any]], facts: CheckpointFacts) -> str | None:
        """Keep a state that is not fit to go on from, for those who look for the cause; returns a warning or None."""
        return save_checkpoint(self.paths.diverged, tensors, dataclasses.replace(facts, run=self.id))

    def _write_json(self, path: Path, value: object) -> str | None:
        return atomic_write(path, [to_json(value, indent=2), b"\n"])

    def discard(self) -> None:
        """Remove everything in the directory, and the directory itself unless it was there before the run."""
        root = self.paths.root
        # Locked to the end: another trial, which begins just then, would take it for one of a killed process.
        with storing(root), closing(self):
            if self._folder_stays:
                _empty(root)
            else:
                shutil.rmtree(root)

    def close(self) -> None:
        """Let others have the directory."""
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> RunDirectory:
        """The directory is open since it was made."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()


def digest_of(experiment: str) -> str:
    """The SHA-256 of the text of an experiment.yaml."""
    return hashlib.sha256(experiment.encode("utf-8", "surrogateescape")).hexdigest()


def foreign_files(folder: Path) -> list[str]:
    """The names in a directory that no run has written which was killed before it had begun."""
    paths = RunPaths(folder)
    own = {".lock", *(path.name for path in of_the_beginning(paths))}
    return sorted(name for name in os.listdir(folder) if name not in own and not is_temporary(name))


def _remove_left_trials(folder: Path) -> None:
    """Remove the directories of trials whose process was killed: this user's, and nobody has their lock any more."""
    with suppress(OSError):
        for path in folder.glob(f"{_TRIAL}*"):
            status = path.lstat()
            # `.lock` is there only once the directory itself is locked, so that none is taken from a process that begins.
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and (path / ".lock").is_file() and not is_held(path):
                shutil.rmtree(path, ignore_errors=True)


def _remove_unbegun(path: Path, lock: RunLock | None) -> None:
    """Remove a directory that was made for a run which never began.

    Whoever has not got its lock may have been outrun by another process, whose run is in it by now.
    """
    with suppress(OSError):
        if lock is not None or not is_held(path):
            shutil.rmtree(path)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _absolute(path: Path) -> Path:
    """The same path from the root; as it is where the working directory is gone."""
    try:
        return path.absolute()
    except OSError:
        return path


def new_id() -> str:
    """The name of a new run: the time and a random end, for several that begin in one second."""
    return f"{utc_stamp()}-{os.urandom(2).hex()}"
