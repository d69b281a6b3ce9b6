"""The crossentropy of class numbers with probabilities that the network has made of its logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, LossFunction
from fittool.engines.target_arrays import class_numbers
from fittool.kernels.library import Library
from fittool.kernels.tasks import join_tasks
from fittool.nn.losses import SparseCategoricalCrossentropy

_MOST_CALLS = 8
"""Arrays of so many programs are remembered; more come only where the batch size changes again and again."""


@dataclass
class _Call:
    """A kernel's call, the class numbers and weights (R,) that it reads, its result (1,), and the arrays that it is for."""

    run: Callable[[], None]
    numbers: NDArray[np.int64]
    weights: Floats
    total: NDArray[np.float64]
    arrays: tuple[Floats | None, ...]


class NativeSparseCrossentropy:
    """Loss and gradient of a batch in one call, where the network has made probabilities; else as NumPy does it.

    Args:
        plain: The loss as NumPy computes it.
        library: The kernels.
    """

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
        """The loss of a batch; arguments as in `LossFunction.batch_loss`, outputs (N, …, K) are logits."""
        if squashed is None or not outputs.size:
            return self._plain.batch_loss(targets, outputs, weights, gradient, squashed)
        numbers, _ = class_numbers(targets, outputs.shape)
        call = self._call(outputs, squashed, gradient)
        np.copyto(call.numbers, numbers)
        if weights is None:
            call.weights.fill(1)
        else:
            positions = outputs.shape[:-1]
            each = np.asarray(weights, outputs.dtype).reshape(weights.shape + (1,) * (len(positions) - weights.ndim))
            np.copyto(call.weights.reshape(positions), each)
        call.run()
        return float(call.total[0]) / len(call.numbers)

    def _call(self, *arrays: Floats | None) -> _Call:
        """The call for the logits, probabilities and gradient that an engine hands over again and again."""
        key = tuple(map(id, arrays))
        if key not in self._calls:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            self._calls[key] = self._made(arrays)
        return self._calls[key]

    def _made(self, arrays: tuple[Floats | None, ...]) -> _Call:
        flat = [None if one is None else one.reshape(-1, one.shape[-1]) for one in arrays]
        named: dict[str, Any] = dict(zip(("logits", "probabilities", "gradient"), flat, strict=True))
        rows = len(named["logits"])
        numbers, weights, total = np.zeros(rows, np.int64), np.ones(rows, np.float32), np.zeros(1)
        named |= {"numbers": numbers, "weights": weights, "total": total}
        task = self._library.task("sparse_crossentropy", **named, divisor=rows)
        # The arrays themselves are kept, as the call is found by their identity.
        return _Call(join_tasks([task]), numbers, weights, total, arrays)


def native_loss(plain: LossFunction, library: Library | None) -> LossFunction | NativeSparseCrossentropy:
    """The loss with a kernel, where there is one."""
    setting = plain.setting
    fits = type(setting) is SparseCategoricalCrossentropy and setting.ignore_class is None
    if library is None or not fits or any(setting.divisor(weighted=one) != "positions" for one in (False, True)):
        return plain
    return NativeSparseCrossentropy(plain, library)
