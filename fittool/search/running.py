"""A sweep at work: trials go to workers, and what comes of them into the record."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fittool.errors import (
    CheckpointError,
    DataError,
    FittoolError,
    Interrupted,
    MachineError,
    RunInUseError,
    StorageError,
    UsageError,
)
from fittool.runs.directory import RunDirectory
from fittool.runs.files.lock import is_held
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary
from fittool.runs.metrics_log import MetricsLog
from fittool.runs.paths import RunPaths
from fittool.runs.status import KILLED, Status
from fittool.search.record import End, Record, Trial
from fittool.search.strategy import Strategy
from fittool.search.worker import PRUNED
from fittool.search.workers import Message, Workers

_MOST_DEATHS = 2
_ALIKE: Mapping[int, type[FittoolError]] = {
    kind.code: kind for kind in (UsageError, DataError, CheckpointError, MachineError, StorageError, RunInUseError)
}
"""What no other values would mend, so that the sweep ends, by exit code: data, storage, the machine."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Watch:
    """Called as a sweep goes on.

    Attributes:
        begins: Given the number of trials that were begun before, and of those that have ended.
        ended: Given each trial that ends.
    """

    begins: Callable[[int, int], object] = max
    ended: Callable[[Trial], object] = id


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        task: What each worker is told at its beginning.
        metric: The value that decides.
        trials: How many are tried in all.
        workers: How many at once.
        asks: Whether trials may be ended early.
        command: The call, for the record.
    """

    task: Mapping[str, Any]
    metric: str
    trials: int
    workers: int
    asks: bool
    command: Sequence[str]

    @property
    def varies_data(self) -> bool:
        """True where values may be what is wrong with data."""
        return any(str(key).startswith("data") for key in self.task["parameters"])


class Running:
    """A sweep at work.

    Args:
        job: What is to be done.
        record: The trials so far.
        strategy: Chooses values.
        watch: Is told of each trial.
    """

    def __init__(self, job: Job, record: Record, strategy: Strategy, watch: Watch) -> None:
        self._job, self._record, self._strategy, self._watch = job, record, strategy, watch
        self._waiting: deque[Trial] = deque()
        self._deaths: dict[int, int] = {}
        self._exhausted = False
        self._error: FittoolError | None = None

    def run(self) -> None:
        """Until all trials have ended.

        Raises:
            Interrupted: A signal came; the trials at work have saved their state.
            FittoolError: What would end every trial.
        """
        ended = [trial for trial in self._record.trials if trial.end is not None]
        for trial in ended:
            self._strategy.ended(trial, self._curve(trial))
        self._watch.begins(len(self._record.trials), len(ended))
        for trial in self._record.trials:
            if trial.end is None and not self._ended_unseen(trial):
                self._strategy.go_on(trial, self._curve(trial))
                self._waiting.append(trial)
        if not self._waiting and not self._is_left():
            return
        left = len(self._waiting) + self._job.trials - len(self._record.trials)
        with _signals() as received:
            workers = Workers(self._job.task, max(1, min(self._job.workers, left)))
            try:
                self._work(workers, received)
            finally:
                workers.end()
                self._take_last_ends()
        if received:
            raise Interrupted(received[0], f"{Interrupted(received[0])} The trials so far are in {self._record.root}.")
        if self._error is not None:
            raise self._error

    def _work(self, workers: Workers, received: Sequence[int]) -> None:
        while not received and self._error is None:
            for worker in workers.free:
                if (trial := self._next()) is None:
                    break
                workers.give(worker, trial, self._record.directory(trial), self._job.command, self._job.asks)
            if not workers.busy and not self._waiting and not self._is_left():
                return
            for message in workers.messages():
                self._hear(message)

    def _is_left(self) -> bool:
        return not self._exhausted and len(self._record.trials) < self._job.trials

    def _next(self) -> Trial | None:
        """A trial that was begun and has not ended, else a new one."""
        if self._waiting:
            return self._waiting.popleft()
        if not self._is_left():
            return None
        values = self._strategy.values(len(self._record.trials))
        if values is None:
            self._exhausted = True
            return None
        return self._record.begin(values)

    def _hear(self, message: Message) -> None:
        trial, content = message.trial, message.content
        if trial is None:
            return
        if content is None:
            self._died(trial)
        elif "epoch" in content:
            message.worker.say(prune=self._strategy.reported(trial, content["epoch"], content["value"]))
        elif content["ends"] == "done":
            if not self._ended_unseen(trial):
                self._died(trial)
        elif content["ends"] == "interrupted":
            self._waiting.append(trial)
        elif content["code"] in _ALIKE and not (content["code"] == DataError.code and self._job.varies_data):
            self._error = self._error or _ALIKE[content["code"]](f"{trial.name}: {content['reason']}")
        else:
            self._end(replace(self._facts(trial), end="failed", reason=content["reason"]))

    def _died(self, trial: Trial) -> None:
        """Try once more where a process was killed; a second time it is a failure."""
        self._deaths[trial.number] = self._deaths.get(trial.number, 0) + 1
        if self._deaths[trial.number] < _MOST_DEATHS:
            self._waiting.append(trial)
            return
        reason = "The process that trained it was killed twice."
        _mark_as_failed(self._record.directory(trial), reason)
        self._end(replace(self._facts(trial), end="failed", reason=reason))

    def _ended_unseen(self, trial: Trial) -> bool:
        """Take the end of a trial from its run; False where it has none."""
        status = _status(self._record.directory(trial))
        if status is None or not status.is_finished or is_held(self._record.directory(trial)):
            return False
        end: End = "pruned" if PRUNED in status.reason else "finished"
        self._end(replace(self._facts(trial), end=end, reason=status.reason))
        return True

    def _take_last_ends(self) -> None:
        """Trials that ended while the sweep was told to end."""
        for trial in self._record.trials:
            if trial.end is None:
                self._ended_unseen(trial)

    def _end(self, trial: Trial) -> None:
        if trial.end == "finished" and trial.value is None:
            trial = replace(trial, end="failed", reason=f"No epoch has a value {self._job.metric}.")
        self._strategy.ended(trial, self._curve(trial))
        self._record.end(trial)
        self._watch.ended(trial)

    def _facts(self, trial: Trial) -> Trial:
        """The trial with what its run says."""
        summary = _summary(self._record.directory(trial))
        if summary is None:
            return trial
        return replace(
            trial,
            value=summary.value(self._job.metric),
            epoch=summary.best_epoch,
            epochs=summary.epochs,
            seconds=round(summary.seconds or 0.0, 3),
        )

    def _curve(self, trial: Trial) -> dict[int, float]:
        """The metric by epoch, where a pruner asks for it."""
        if not self._job.asks:
            return {}
        with suppress(CheckpointError):
            rows = MetricsLog(RunPaths(self._record.directory(trial)).metrics).rows()
            return {int(row["epoch"]): float(row[self._job.metric]) for row in rows if self._job.metric in row}
        return {}


def _status(directory: Path) -> Status | None:
    with suppress(CheckpointError):
        return RunDirectory.open(directory).read_status()
    return None


def _summary(directory: Path) -> RunSummary | None:
    found = run_at(directory)
    return None if found is None else RunSummary.of(found)


def _mark_as_failed(directory: Path, reason: str) -> None:
    """Write into a run that its process was killed, which could not do so itself."""
    with suppress(FittoolError), RunDirectory.open(directory, lock=True) as run:
        before = _status(directory) or Status("running")
        run.write_status(replace(before, state="failed", reason=reason, exit_code=KILLED))


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Remember the first signal; a second one ends the process at once, and the workers with it."""
    received: list[int] = []
    before: dict[int, Any] = {}

    def handle(number: int, frame: object) -> None:
        received.append(number)
        for one in before:
            signal.signal(one, signal.SIG_DFL)

    before |= {int(one): signal.getsignal(one) for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
