"""Time and speed of an epoch, by a clock that never goes back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any


class Throughput:
    """Time and examples of one epoch, or of one validation; the parts of an interrupted epoch add up.

    Attributes:
        examples: Training examples so far.
        waited: Seconds that training waited for data.
    """

    def __init__(self, seconds: float = 0.0, examples: int = 0, train_seconds: float | None = None, waited: float = 0.0) -> None:
        self.examples = examples
        self.waited = waited
        self._train_seconds = train_seconds
        self._start = time.perf_counter() - seconds

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._start

    @property
    def examples_per_second(self) -> float:
        """Of the training steps, without the validation."""
        seconds = self.seconds if self._train_seconds is None else self._train_seconds
        return self.examples / seconds if seconds > 0 else 0.0

    def stepped(self, examples: int, waited: float = 0.0) -> None:
        """One more batch is done, after some seconds of waiting for it."""
        self.examples += examples
        self.waited += waited

    def trained(self) -> None:
        """The training steps are done; what follows is validation."""
        self._train_seconds = self.seconds

    def state(self) -> dict[str, Any]:
        """Times and counts so far, plain data for a checkpoint."""
        return {"seconds": self.seconds, "examples": self.examples, "train_seconds": self._train_seconds, "waited": self.waited}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Throughput:
        """Go on from `state()`, from now on."""
        return cls(state["seconds"], state["examples"], state["train_seconds"], state.get("waited", 0.0))
