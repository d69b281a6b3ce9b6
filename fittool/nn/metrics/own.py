"""A function of the user's as a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.errors import UserCodeError
from fittool.nn.targets import Expected, Metric
from fittool.settings import Field, setting


@setting
class FunctionMetric(Metric):
    """The mean of what a function `(y_true, y_pred)` of NumPy arrays gives; only from Python, and under the function's name."""

    expects: ClassVar[Expected] = "anything"

    function: Callable[..., Any] = Field(kw_only=True, description="Gives one value a sample, (N, …), or one number a batch.")

    @property
    def log_name(self) -> str:
        """The function's name, unless the metric has one of its own."""
        return str(getattr(self.function, "__name__", type(self.function).__name__)) if self.name is None else self.name

    def values(self, targets: NDArray[Any], outputs: NDArray[Any]) -> NDArray[Any]:
        """Call the function.

        Args:
            targets: (N, …), floats as Keras gives them.
            outputs: (N, …, K).

        Returns:
            (N, …) values, or (1,) for one number.

        Raises:
            UserCodeError: It gave something else.
        """
        found = np.asarray(self.function(targets.astype(outputs.dtype, copy=False), outputs))
        if found.dtype.kind not in "buif" or (found.ndim and len(found) != len(outputs)):
            raise UserCodeError(
                f"The metric {self.log_name} gave an array of shape {found.shape} and type {found.dtype} for {len(outputs)} "
                "samples; expected one number, or one for each sample."
            )
        return found.reshape(1) if found.ndim == 0 else found
