"""A look at a training under way, and how long the rest of it takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from fittool.training.history import Row

_LATELY = 5  # epochs whose mean stands for those to come: the first may be slow, and later ones may have other data


@dataclass(frozen=True)
class View:
    """A look at an epoch under way.

    Attributes:
        epoch: Its number, from 1.
        epochs: The number of the last one.
        done: Steps that are done.
        steps: Steps of the epoch, or None where nobody knows.
        seconds: How long these steps took.
        examples: How many examples they held.
        metrics: The running values.
        validating: Whether these are steps of the validation.
        title: Said instead of the epoch, where there is none.
    """

    epoch: int
    epochs: int
    done: int
    steps: int | None
    seconds: float
    examples: int
    metrics: Mapping[str, float]
    validating: bool = False
    title: str = ""

    @property
    def place(self) -> str:
        """The epoch of all epochs, or the title."""
        return self.title or f"{self.epoch:>{len(str(self.epochs))}}/{self.epochs}"

    @property
    def examples_per_second(self) -> float:
        """The speed so far."""
        return self.examples / self.seconds if self.seconds > 0 else 0.0

    @property
    def time_left(self) -> float | None:
        """Seconds to the last step at this speed."""
        if self.steps is None or not self.done:
            return None
        return self.seconds / self.done * (self.steps - self.done)


class RunClock:
    """The time to the end of a run, from the epochs that are finished; of the first one, from its steps."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_LATELY)

    def epoch_finished(self, row: Row) -> None:
        """Learn how long an epoch took."""
        self._seconds.append(row["seconds"])

    def left(self, view: View) -> float | None:
        """Seconds to the end of the last epoch; None where that is the end of this one, or nobody knows."""
        to_come, rest = view.epochs - view.epoch, view.time_left
        if view.title or to_come < 1 or (rest is None and not self._seconds):
            return None
        if not self._seconds:
            # Steps of the validation say nothing about those of the training.
            return None if view.validating or rest is None else rest + to_come * (view.seconds + rest)
        epoch = sum(self._seconds) / len(self._seconds)
        in_this = rest or 0.0 if view.validating else max(epoch - view.seconds, rest or 0.0)
        return in_this + to_come * epoch
