"""Losses with a kernel: value and gradient of a batch in one call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, LossFunction, one_hot_like, shaped_like
from fittool.engines.target_arrays import class_numbers
from fittool.kernels.library import Library
from fittool.kernels.signatures import ELEMENT_LOSSES
from fittool.kernels.tasks import join_tasks
from fittool.nn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

_MOST_CALLS = 8
"""Arrays of so many programs are remembered; more come only where the batch size changes again and again."""


@dataclass
class _Call:
    """A kernel's call, the targets and weights (R,) that it reads, its result (1,), and the arrays that it is for."""

    run: Callable[[], None]
    targets: NDArray[Any]
    weights: Floats
    total: NDArray[np.float64]
    arrays: tuple[Floats | None, ...]


class NativeLoss(ABC):
    """Loss and gradient of a batch in one call, where a kernel can; else as NumPy does it.

    Args:
        plain: The loss as NumPy computes it.
        library: The kernels.
    """

    kernel: str

    def __init__(self, plain: LossFunction, library: Library) -> None:
        self._plain, self._library = plain, library
        self._calls: dict[tuple[int, ...], _Call] = {}

    def batch_loss(
        self,
        targets: NDArray[Any],
        outputs: Floats,
        weights: NDArray[Any] | None,
        gradient: Floats | None,
        squashed: Floats | None = None,
    ) -> float:
        """The loss of a batch; arguments as in `LossFunction.batch_loss`, outputs (N, …, K)."""
        if not (all(map(_fits, (outputs, squashed, gradient))) and self._can(outputs, squashed)):
            return self._plain.batch_loss(targets, outputs, weights, gradient, squashed)
        wanted = self._targets(targets, outputs)
        call = self._call(outputs, squashed, gradient)
        np.copyto(call.targets, wanted.reshape(call.targets.shape))
        if weights is None:
            call.weights.fill(1)
        else:
            positions = outputs.shape[:-1]
            each = np.asarray(weights, outputs.dtype).reshape(weights.shape + (1,) * (len(positions) - weights.ndim))
            np.copyto(call.weights.reshape(positions), each)
        call.run()
        return float(call.total[0]) / len(call.weights)

    def _can(self, outputs: Floats, squashed: Floats | None) -> bool:
        """Tell whether the kernel can do these arrays."""
        return outputs.size > 0

    @abstractmethod
    def _targets(self, targets: NDArray[Any], outputs: Floats) -> NDArray[Any]:
        """The targets as the kernel reads them."""

    def _call(self, *arrays: Floats | None) -> _Call:
        """The call for outputs, probabilities and gradient that an engine hands over again and again."""
        key = tuple(map(id, arrays))
        if key not in self._calls:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            self._calls[key] = self._made(arrays)
        return self._calls[key]

    def _made(self, arrays: tuple[Floats | None, ...]) -> _Call:
        outputs, squashed, gradient = (None if one is None else one.reshape(-1, one.shape[-1]) for one in arrays)
        assert outputs is not None
        rows = len(outputs)
        weights, total = np.ones(rows, np.float32), np.zeros(1)
        read, targets = self._arguments(outputs, squashed)
        task = self._library.task(self.kernel, **read, weights=weights, total=total, gradient=gradient, divisor=rows)
        # The arrays themselves are kept, as the call is found by their identity.
        return _Call(join_tasks([task]), targets, weights, total, arrays)

    @abstractmethod
    def _arguments(self, outputs: Floats, squashed: Floats | None) -> tuple[dict[str, Any], NDArray[Any]]:
        """What the kernel reads of outputs and probabilities (R, K), and the array among it that takes the targets."""


def _fits(array: Floats | None) -> bool:
    """True where a kernel reads an array itself: outputs in the targets' own unit are in double precision, and measured only."""
    return array is None or (array.dtype == np.float32 and array.flags.c_contiguous)


class NativeSparseCrossentropy(NativeLoss):
    """The crossentropy of class numbers with probabilities that the network has made of its logits."""

    kernel = "sparse_crossentropy"

    def _can(self, outputs: Floats, squashed: Floats | None) -> bool:
        return squashed is not None and outputs.size > 0

    def _targets(self, targets: NDArray[Any], outputs: Floats) -> NDArray[Any]:
        return class_numbers(targets, outputs.shape)[0]

    def _arguments(self, outputs: Floats, squashed: Floats | None) -> tuple[dict[str, Any], NDArray[Any]]:
        numbers = np.zeros(len(outputs), np.int64)
        return {"logits": outputs, "probabilities": squashed, "numbers": numbers}, numbers


class NativeElementLoss(NativeLoss):
    """A loss that is a sum over elements."""

    kernel = "element_loss"

    def __init__(self, plain: LossFunction, library: Library) -> None:
        super().__init__(plain, library)
        self._name = _ELEMENT_LOSSES[type(plain.setting)]
        if getattr(plain.setting, "from_logits", False) and self._name == "binary":
            self._name = "binary logits"

    def _can(self, outputs: Floats, squashed: Floats | None) -> bool:
        return outputs.size > 0 and (squashed is not None or self._name not in ("binary logits", "categorical"))

    def _targets(self, targets: NDArray[Any], outputs: Floats) -> NDArray[Any]:
        return one_hot_like(targets, outputs) if self._name == "categorical" else shaped_like(targets, outputs)

    def _arguments(self, outputs: Floats, squashed: Floats | None) -> tuple[dict[str, Any], NDArray[Any]]:
        targets, number = np.zeros_like(outputs), ELEMENT_LOSSES.index(self._name)
        return {"outputs": outputs, "targets": targets, "squashed": squashed, "loss": number}, targets


_ELEMENT_LOSSES: dict[type[Loss], str] = {
    MeanSquaredError: "squared",
    MeanAbsoluteError: "absolute",
    BinaryCrossentropy: "binary",
    CategoricalCrossentropy: "categorical",
}


def native_loss(plain: LossFunction, library: Library | None) -> LossFunction | NativeLoss:
    """The loss with a kernel, where there is one."""
    setting = plain.setting
    if library is None or any(setting.divisor(weighted=one) != "positions" for one in (False, True)):
        return plain
    if type(setting) is SparseCategoricalCrossentropy and setting.ignore_class is None:
        return NativeSparseCrossentropy(plain, library)
    if type(setting) in _ELEMENT_LOSSES and not getattr(setting, "label_smoothing", 0):
        return NativeElementLoss(plain, library)
    return plain
