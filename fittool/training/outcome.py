"""The end of a training in one sentence, whatever the way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
        restored_epoch: The number of the epoch whose weights were put back, from 1; None where none were.
        exit_code: What the process would exit with.
        next_command: What a user would call next, a command a line; "" where nothing follows.
    """

    reason: Reason
    text: str
    epochs: int
    step: int
    best: Best | None = None
    restored_epoch: int | None = None
    exit_code: int = 0
    next_command: str = ""

    @property
    def restored(self) -> bool:
        """True where the weights of the best epoch were put back."""
        return self.best is not None and self.restored_epoch == self.best.epoch

    @property
    def summary(self) -> str:
        """The reason for the end, the best epoch, and whose weights were put back if they are another's."""
        told = self.text if self.best is None else f"{self.text} {self.best.sentence(self.restored)}"
        others = self.restored_epoch is not None and not self.restored
        return f"{told} The weights of epoch {self.restored_epoch} were put back." if others else told


def outcome_of(
    error: BaseException | None,
    stop_reason: str | None,
    position: Position,
    best: Best | None,
    restored_epoch: int | None,
    next_command: Callable[[Reason], str],
) -> Outcome:
    """The end of a training; an error is told the command that comes next.

    Args:
        error: What ended it, if it was an error.
        stop_reason: Why it was asked to stop, if it was.
        position: Where it stands.
        best: The best epoch, if any is finished.
        restored_epoch: The epoch (from 0) whose weights were put back, if any were.
        next_command: Gives what a user would call next after an end of this kind.
    """
    # The weights put back may be of another epoch than the best: EarlyStopping and ModelCheckpoint may watch other values.
    reason = reason_of(error, stop_reason)
    following = next_command(reason)
    if isinstance(error, FittoolError):
        error.next_command = error.next_command or following
    return Outcome(
        reason=reason,
        text=text_of(error, stop_reason, position),
        epochs=position.epoch,
        step=position.step,
        best=best,
        restored_epoch=None if restored_epoch is None else restored_epoch + 1,
        exit_code=exit_code_of(error),
        next_command=following,
    )


@contextmanager
def second_fault(first: BaseException | None, what: str) -> Iterator[None]:
    """Do something at the end: where an error is on its way already, a second one is a note on it and does not hide it."""
    try:
        yield
    # Not BaseException: a second Ctrl-C has to get through.
    except Exception as second:
        if first is None:
            raise
        first.add_note(f"{what} failed as well: {second}")


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
