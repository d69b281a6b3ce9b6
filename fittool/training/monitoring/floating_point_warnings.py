"""Lines for the log about faults in an engine's arithmetic: most have no consequence, so the terminal stays quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fittool.engines.base import Engine


class FloatingPointWarnings:
    """Counts what is new in each epoch.

    Args:
        engine: It counts faults from its beginning on.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._told: Counter[str] = Counter()

    def of_epoch(self, epoch: int) -> Iterator[str]:
        """A line for the log, such as `Arithmetic of epoch 3: 2 times overflow.`, if there were faults since the last call."""
        faults = self._engine.health.faults.copy()
        new = faults - self._told
        self._told = faults
        if new:
            told = ", ".join(f"{number:,} times {fault}" for fault, number in sorted(new.items()))
            yield f"Arithmetic of epoch {epoch}: {told}."
