"""A process that trains trials, one after the other, as the sweep tells it on stdin, in lines of JSON.

What it has to say goes out on its stdout, which is therefore nobody else's here: prints of user code go to stderr. When the
sweep dies, stdin ends; then a trial at work stops as by SIGTERM, with a checkpoint, and the process ends.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TextIO

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.config.experiment_file import LoadedExperiment, experiment_of_tree, load_experiment
from fittool.config.sweeping.values import node_of, with_values
from fittool.errors import FittoolError, Interrupted, RunInUseError
from fittool.runs.files.json_text import from_json, to_json

PRUNED = "the sweep has ended this trial early"
"""The reason of a run that was pruned, by which it is known as such."""
_PATIENCE = 60.0
"""Seconds to wait for a worker of a killed sweep that still saves the same trial."""


class Channel:
    """Lines of JSON to and from the sweep."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(sys.stdin,), name="fittool-sweep", daemon=True).start()

    def _listen(self, stdin: TextIO) -> None:
        for line in stdin:
            self._lines.put(line)
        self._lines.put(None)
        os.kill(os.getpid(), signal.SIGTERM)

    def send(self, **message: Any) -> None:
        """Say something; nobody hears it once the sweep is dead."""
        try:
            self._out.write(to_json(message).decode("utf-8", "surrogateescape") + "\n")
            self._out.flush()
        except OSError:
            return

    def receive(self) -> Any:
        """What the sweep says next; None at its end."""
        line = self._lines.get()
        return None if line is None else from_json(line.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Task:
    """What a worker is told at its beginning.

    Attributes:
        config: The experiment file.
        overrides: Those of `--set`.
        metric: The value that decides.
    """

    config: str
    overrides: tuple[str, ...]
    metric: str


class ReportCallback(Callback):
    """Tells the sweep the metric after each epoch, and ends the trial where it says so.

    Args:
        channel: To the sweep.
        metric: The value.
        asks: Whether trials may be pruned; else nothing is sent, and nobody waits for an answer.
    """

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self, channel: Channel, metric: str, asks: bool) -> None:
        self._channel, self._metric, self._asks = channel, metric, asks

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Tell and ask."""
        value = (logs or {}).get(self._metric)
        if not self._asks or value is None:
            return
        self._channel.send(epoch=epoch + 1, value=float(value))
        answer = self._channel.receive()
        if answer is not None and answer["prune"] and epoch + 1 < self.params["epochs"]:
            self.run.stop(PRUNED)


def trial_of(loaded: LoadedExperiment, values: Mapping[str, Any]) -> LoadedExperiment:
    """The experiment of a trial: each value has its place in the section `sweep`.

    Raises:
        ExperimentError: The values do not hold together.
    """
    nodes = {key: node_of(loaded.root, key, value) for key, value in values.items()}
    return experiment_of_tree(with_values(loaded.root, nodes), str(loaded.experiment.name))


def main() -> None:
    """Train what the sweep says until it says no more."""
    channel = Channel()
    said = channel.receive()
    if said is None:
        return
    task = Task(said["config"], tuple(said["overrides"]), said["metric"])
    loaded = load_experiment(task.config, task.overrides)
    channel.send(ready=True)
    while (order := channel.receive()) is not None:
        channel.send(**_train(loaded, task, channel, order))


def _train(loaded: LoadedExperiment, task: Task, channel: Channel, order: Mapping[str, Any]) -> dict[str, Any]:
    """Train a trial, or go on with it; what came of it."""
    from fittool.experiment.train import TrainOptions, train_experiment

    try:
        options = TrainOptions(
            Path(order["directory"]), verbose="0", resume=True, command=tuple(order["command"]),
            callbacks=(ReportCallback(channel, task.metric, bool(order["asks"])),),
        )  # fmt: skip
        trial = trial_of(loaded, order["values"])
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                train_experiment(trial, options)
                return {"ends": "done"}
            except RunInUseError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
    except (Interrupted, KeyboardInterrupt):  # the latter before there is anything to save
        return {"ends": "interrupted"}
    except FittoolError as error:
        return {"ends": "failed", "code": error.exit_code, "reason": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"ends": "failed", "code": FittoolError.code, "reason": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main()
