"""The callback that ties a model to its training under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fittool.callbacks import Callback
from fittool.callbacks.control import Control

if TYPE_CHECKING:
    from fittool.model.core import Model


class Attach(Callback):
    """Tells the model of the training, so that `model.stop_training` reaches it.

    Args:
        model: The model.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, model: Model) -> None:
        self._owner = model

    def set_run(self, run: Control) -> None:
        """Keep the training."""
        super().set_run(run)
        self._owner.run = run
