"""The record that an engine keeps of its numbers while it trains."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class NumericsMonitor:
    """Losses that are not finite, and faults of the arithmetic, which are counted instead of shown as warnings.

    An engine that cannot tell faults apart, or only late, counts none, or late; nothing in training waits for them.

    Attributes:
        first_bad_step: The number (from 1) of the first training step whose loss was not finite, or None.
        last_finite_loss: The loss of the last step before that, or None.
        faults: How often a result overflowed (`overflow`), a number was divided by zero (`divide by zero`), or an operation
            had no result (`invalid value`). Underflow is no fault: small probabilities and gradients may be zero.
    """

    def __init__(self) -> None:
        self.first_bad_step: int | None = None
        self.last_finite_loss: float | None = None
        self.faults: Counter[str] = Counter()
        self._lock = Lock()

    def count(self, fault: str) -> None:
        """Count one fault; any thread may call it."""
        with self._lock:
            self.faults[fault] += 1
