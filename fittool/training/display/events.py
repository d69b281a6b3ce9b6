"""A training as JSON lines, for programs that watch it: `--events`. docs/events.md describes every event."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from fittool.errors import FittoolError
from fittool.runs.files.json_text import to_json
from fittool.runs.status import utc_text
from fittool.training.display.terminal import Terminal
from fittool.training.display.view import RunClock, View
from fittool.training.history import Row

if TYPE_CHECKING:
    from fittool.training.outcome import Outcome  # which writes numbers as the display does

FORMAT = 1
_INTERVAL = 1.0  # seconds between two looks at an epoch under way


class EventProgress:
    """Writes one JSON object a line, each at once; once nobody reads any more it writes nothing.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._terminal = Terminal(stream)
        self._next = 0.0
        self._clock = RunClock()

    def _write(self, event: str, **values: Any) -> None:
        self._terminal.write(to_json({"event": event, "time": utc_text(), **values}).decode("utf-8", "backslashreplace") + "\n")

    def run(self, directory: Path) -> None:
        """The run directory is known."""
        self._write("run", format=FORMAT, directory=str(directory))

    def begin(self, header: str, monitor: str = "") -> None:
        """The training begins, or goes on."""
        self._write("state", state="running", text=header)

    def due(self) -> bool:
        """At most once a second."""
        return time.monotonic() >= self._next

    def look(self, view: View) -> None:
        """An epoch under way."""
        self._next = time.monotonic() + _INTERVAL
        self._write(
            "progress",
            epoch=view.epoch,
            epochs=view.epochs,
            step=view.done,
            steps=view.steps,
            phase="validation" if view.validating else "train",
            examples_per_second=view.examples_per_second,
            seconds_left=view.time_left if view.epoch == view.epochs else self._clock.left(view),
            values=dict(view.metrics),
        )

    def epoch_finished(self, row: Row, epochs: int, improved: bool) -> None:
        """A finished epoch."""
        self._clock.epoch_finished(row)
        self._write("epoch", epoch=int(row["epoch"]), epochs=epochs, improved=improved, values=dict(row))

    def say(self, text: str) -> None:
        """A message."""
        level, told = ("warning", text.removeprefix("warning: ")) if text.startswith("warning: ") else ("info", text)
        self._write("message", level=level, text=told)

    def finished(self, outcome: Outcome) -> None:
        """The training has ended, in whatever way."""
        best = outcome.best
        self._write(
            "state",
            state=outcome.reason,
            text=outcome.text,
            epochs=outcome.epochs,
            step=outcome.step,
            best=None if best is None else {"epoch": best.epoch, "monitor": best.monitor, "value": best.value},
            exit_code=outcome.exit_code,
        )

    def failed(self, error: FittoolError) -> None:
        """The command has failed, before the training or after it began."""
        problems = [{"place": problem.place, "text": problem.text} for problem in error.problems]
        self._write("error", exit_code=error.exit_code, problems=problems)
