"""NumPy's floating-point errors, told to the monitor of numerics instead of shown as warnings."""

from __future__ import annotations

import numpy as np

from fittool.engines.numerics_monitor import NumericsMonitor


class FloatingPointMonitor(NumericsMonitor):
    """A record of numerics that NumPy writes to."""

    def watched(self) -> np.errstate:
        """A context in which faults of the calling thread are counted."""
        return np.errstate(over="call", divide="call", invalid="call", under="ignore", call=self._count_call)

    def watch_this_thread(self) -> None:
        """Count the faults of the calling thread from now on, for threads that do nothing else."""
        # NumPy keeps these settings for each thread: a worker inherits none of the caller's `watched`.
        np.seterrcall(self._count_call)
        np.seterr(over="call", divide="call", invalid="call", under="ignore")

    def _count_call(self, fault: str, _: int) -> None:
        self.count(fault)
