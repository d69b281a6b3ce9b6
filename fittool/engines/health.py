"""What an engine notices about its numbers while it trains."""

from __future__ import annotations

from collections import Counter
from threading import Lock

import numpy as np


class Health:
    """Losses that are not finite, and faults of the arithmetic, which are counted instead of shown as warnings.

    Attributes:
        first_bad_step: The number (from 1) of the first training step whose loss was not finite, or None.
        last_finite_loss: The loss of the last step before that, or None.
        faults: How often a result overflowed, a number was divided by zero, or an operation was invalid, by NumPy's name.
            Underflow is no fault: small probabilities and gradients may be zero.
    """

    def __init__(self) -> None:
        self.first_bad_step: int | None = None
        self.last_finite_loss: float | None = None
        self.faults: Counter[str] = Counter()
        self._lock = Lock()

    def watched(self) -> np.errstate:
        """Within this, faults of the calling thread are counted."""
        return np.errstate(over="call", divide="call", invalid="call", under="ignore", call=self._count)

    def watch_this_thread(self) -> None:
        """From now on faults of the calling thread are counted."""
        np.seterrcall(self._count)
        np.seterr(over="call", divide="call", invalid="call", under="ignore")

    def _count(self, fault: str, _: int) -> None:
        with self._lock:
            self.faults[fault] += 1
