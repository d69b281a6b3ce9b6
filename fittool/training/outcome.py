"""The end of a training in one sentence, whatever the way."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass

from fittool.callbacks.control import Reason
from fittool.callbacks.snapshot import Position
from fittool.errors import DivergedError, FittoolError, Interrupted, TimeLimitReached
from fittool.training.display.formatting import number

_SHELL_OFFSET = 128


@dataclass(frozen=True)
class Best:
    """The best epoch so far.

    Attributes:
        epoch: Its number, from 1.
        monitor: The name of the value that decides.
        value: That value.
        row: All values of the epoch.
    """

    epoch: int
    monitor: str
    value: float
    row: Mapping[str, float]

    def sentence(self, restored: bool) -> str:
        """Such as `Best: epoch 26, val_loss 0.0711, val_accuracy 0.9806 (restored)`."""
        prefix = "val_" if self.monitor.startswith("val_") else ""
        others = [name for name in self.row if name.startswith("val_")] if prefix else []
        values = {self.monitor: self.value} | {name: self.row[name] for name in others}
        shown = ", ".join(f"{name} {number(value)}" for name, value in values.items())
        return f"Best: epoch {self.epoch}, {shown}{' (restored)' if restored else ''}."


@dataclass(frozen=True)
class Outcome:
    """The end of a training.

    Attributes:
        reason: completed, stopped, interrupted, diverged or failed.
        text: The reason in a sentence.
        epochs: How many epochs are finished.
        step: How many training steps are done.
        best: The best epoch, if any is finished.
        restored: Whether its weights were put back.
        exit_code: What the process would exit with.
        next_command: What a user would call next; "" where nothing follows.
    """

    reason: Reason
    text: str
    epochs: int
    step: int
    best: Best | None = None
    restored: bool = False
    exit_code: int = 0
    next_command: str = ""

    @property
    def shown(self) -> str:
        """The summary, and the command that follows."""
        return f"{self.summary} Next: {self.next_command}" if self.next_command else self.summary

    @property
    def summary(self) -> str:
        """The reason for the end, and the best epoch."""
        return self.text if self.best is None else f"{self.text} {self.best.sentence(self.restored)}"


def reason_of(error: BaseException | None, stop_reason: str | None) -> Reason:
    """The word for an end by an error, by a request, or by itself."""
    if isinstance(error, Interrupted | TimeLimitReached | KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, DivergedError):
        return "diverged"
    if error is not None:
        return "failed"
    return "completed" if stop_reason is None else "stopped"


def text_of(error: BaseException | None, stop_reason: str | None, position: Position) -> str:
    """The sentence for the same."""
    if isinstance(error, Interrupted | TimeLimitReached | KeyboardInterrupt):
        where = (
            f"at epoch {position.epoch + 1}, step {position.step_in_epoch}"
            if position.step_in_epoch
            else f"after epoch {position.epoch}"
        )
        return f"{_first_line(error) or 'Interrupted.'} Training stands {where}."
    if error is not None:
        return _first_line(error) or type(error).__name__
    epochs = "epoch" if position.epoch == 1 else "epochs"
    return f"Finished {position.epoch} {epochs}." if stop_reason is None else f"Stopped at epoch {position.epoch}: {stop_reason}."


def exit_code_of(error: BaseException | None) -> int:
    """The exit code of the process."""
    if isinstance(error, KeyboardInterrupt):
        return _SHELL_OFFSET + signal.SIGINT
    if error is None:
        return 0
    return error.exit_code if isinstance(error, FittoolError) else FittoolError.code


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
