"""The weights that a training ends with, where they are others than those that it stands at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.snapshot import Snapshot
from fittool.engines.base import Engine
from fittool.training.recording.recorder import Recorder


@contextmanager
def final_weights(
    engine: Engine, recorder: Recorder, snapshot_of: Callable[[Mapping[str, NDArray[np.generic]]], Snapshot]
) -> Iterator[None]:
    """Within this context averages take the weights' place, and callbacks put back those of an earlier epoch.

    What comes of that is recorded beside `last`, from which training could go on.

    Args:
        engine: Has the weights.
        recorder: Writes them down, if others are there at the end.
        snapshot_of: The snapshot of a state.
    """
    if not recorder.saves:
        yield
        return
    before = engine.state(["weights"])
    yield
    after = engine.state(["weights"])
    if _differ(before, after):
        recorder.ended_with(snapshot_of(after))


def _differ(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> bool:
    return any(not np.array_equal(array, after[name]) for name, array in before.items())
