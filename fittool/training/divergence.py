"""Finding out that a training has diverged: at each look at the metrics, and before each save."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fittool.errors import DivergedError
from fittool.training.plan import Position

if TYPE_CHECKING:
    from fittool.engines.base import Engine

_NO_CHECKPOINT = "No checkpoint was saved before."


class DivergenceWatch:
    """Asks the engine for the first step whose loss was not finite.

    Args:
        engine: It keeps that step's number.
        active: Whether divergence ends the training; otherwise nothing is looked at.
    """

    def __init__(self, engine: Engine, active: bool) -> None:
        self._engine, self.active = engine, active
        self._last_finite: float | None = None
        self._last_loss = math.nan
        self._last_good = _NO_CHECKPOINT

    def see(self, metrics: Mapping[str, float], position: Position) -> None:
        """Look, with running values that were just read.

        Raises:
            DivergedError: The loss of a training step was not finite.
        """
        if not self.active:
            return
        self._last_loss = metrics.get("loss", math.nan)
        if math.isfinite(self._last_loss):
            self._last_finite = self._last_loss
        self.check(position)

    def check(self, position: Position) -> None:
        """Look at the engine alone.

        Raises:
            DivergedError: The loss of a training step was not finite.
        """
        bad = self._engine.first_bad_step if self.active else None
        if bad is not None:
            step = position.step_in_epoch - (self._engine.iterations - bad)
            what = "infinite" if math.isinf(self._last_loss) else "NaN"
            self._raise(f"loss became {what} at epoch {position.epoch + 1}, step {step}")

    def check_tensors(self, tensors: Mapping[str, NDArray[np.generic]], position: Position) -> None:
        """Look for weights that are not finite, which must not be saved as good ones.

        Raises:
            DivergedError: Names the first such array.
        """
        for name, array in tensors.items() if self.active else ():
            if name.startswith("weights/") and not np.all(np.isfinite(cast("NDArray[np.floating[Any]]", array))):
                self._raise(
                    f"{name.removeprefix('weights/')} is not finite at epoch {position.epoch + 1}, step {position.step_in_epoch}"
                )

    def saved(self, position: Position) -> None:
        """Remember the last good checkpoint, for the message."""
        middle = f"epoch {position.epoch + 1}, step {position.step_in_epoch}"
        where = middle if position.step_in_epoch else f"epoch {position.epoch}"
        self._last_good = f"The last good checkpoint is from {where}."

    def _raise(self, what: str) -> None:
        last = "" if self._last_finite is None else f" (last finite: {self._last_finite:.2g})"
        mend = f"Try a smaller learning rate (now {self._engine.learning_rate:g})."
        raise DivergedError(f"{what}{last}. {self._last_good} {mend}")
