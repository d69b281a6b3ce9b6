"""The optimizers at work on flat arrays, element by element, so that an engine can go piece by piece.

Keras's formulas (the epsilon of Adam outside the root and before its bias is corrected, that of RMSprop and Adagrad
inside). No memory is allocated: every operation writes into a slot or into scratch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fittool.nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

Floats = NDArray[Any]
Setting = TypeVar("Setting", bound=Optimizer)


class Rule(ABC, Generic[Setting]):
    """One optimizer at work.

    Attributes:
        slots: Names of the arrays it keeps for every parameter, Keras's.
        scratch_rows: How many rows of scratch an update needs.
    """

    scratch_rows: ClassVar[int] = 1
    slots: tuple[str, ...] = ()

    def __init__(self, setting: Setting) -> None:
        """Keep the setting; slots that depend on it are added by the rules."""
        self.setting = setting
        self.weight_decay = float(getattr(setting, "weight_decay", None) or 0.0)

    def make_state(self, size: int, dtype: Any) -> dict[str, Floats]:
        """A flat array of zeros for each slot."""
        return {name: np.zeros(size, dtype) for name in self.slots}

    def update(
        self,
        parameters: Floats,
        gradients: Floats,
        state: Mapping[str, Floats],
        learning_rate: float,
        iteration: int,
        scratch: Floats,
    ) -> None:
        """Move parameters by one step.

        Args:
            parameters: (n,) changed in place.
            gradients: (n,) only read.
            state: The same n places of each slot, changed in place.
            learning_rate: The rate of this step.
            iteration: Number of this step, from 1.
            scratch: (scratch_rows, n) of the same dtype, overwritten.
        """
        if self.weight_decay:
            np.multiply(parameters, 1 - self.weight_decay * learning_rate, parameters)
        self._step(parameters, gradients, state, float(learning_rate), iteration, scratch[0])

    @abstractmethod
    def _step(
        self, parameters: Floats, gradients: Floats, state: Mapping[str, Floats], rate: float, iteration: int, work: Floats
    ) -> None:
        """The update proper, with one row of scratch."""


class _GradientDescent(Rule[SGD]):
    def __init__(self, setting: SGD) -> None:
        super().__init__(setting)
        self.slots = ("momentum",) if setting.momentum else ()

    def _step(
        self, parameters: Floats, gradients: Floats, state: Mapping[str, Floats], rate: float, iteration: int, work: Floats
    ) -> None:
        np.multiply(gradients, rate, work)
        if not self.setting.momentum:
            np.subtract(parameters, work, parameters)
            return
        velocity = state["momentum"]
        np.multiply(velocity, self.setting.momentum, velocity)
        np.subtract(velocity, work, velocity)
        if not self.setting.nesterov:
            np.add(parameters, velocity, parameters)
            return
        np.subtract(parameters, work, parameters)
        np.multiply(velocity, self.setting.momentum, work)
        np.add(parameters, work, parameters)


class _RootMeanSquare(Rule[RMSprop]):
    def __init__(self, setting: RMSprop) -> None:
        super().__init__(setting)
        momentum = ("momentum",) if setting.momentum else ()
        self.slots = ("velocity", *momentum, *(("average_gradient",) if setting.centered else ()))

    def _step(
        self, parameters: Floats, gradients: Floats, state: Mapping[str, Floats], rate: float, iteration: int, work: Floats
    ) -> None:
        self._divisor(gradients, state, work)
        np.divide(gradients, work, work)
        np.multiply(work, rate, work)
        if self.setting.momentum:
            velocity = state["momentum"]
            np.multiply(velocity, self.setting.momentum, velocity)
            work = np.add(velocity, work, velocity)
        np.subtract(parameters, work, parameters)

    def _divisor(self, gradients: Floats, state: Mapping[str, Floats], work: Floats) -> None:
        square, rho = state["velocity"], self.setting.rho
        np.multiply(square, rho, square)
        np.multiply(gradients, gradients, work)
        np.multiply(work, 1 - rho, work)
        np.add(square, work, square)
        if self.setting.centered:
            mean = state["average_gradient"]
            np.multiply(mean, rho, mean)
            np.multiply(gradients, 1 - rho, work)
            np.add(mean, work, mean)
            np.multiply(mean, mean, work)
            np.subtract(square, work, work)
            np.maximum(work, 0, out=work)  # rounding can make a variance of 0 negative
            np.add(work, self.setting.epsilon, work)
        else:
            np.add(square, self.setting.epsilon, work)
        np.sqrt(work, work)


class _AdaptiveMoments(Rule[Adam | AdamW]):
    def __init__(self, setting: Adam | AdamW) -> None:
        super().__init__(setting)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if setting.amsgrad else ()))

    def _step(
        self, parameters: Floats, gradients: Floats, state: Mapping[str, Floats], rate: float, iteration: int, work: Floats
    ) -> None:
        mean, square, setting = state["momentum"], state["velocity"], self.setting
        np.subtract(gradients, mean, work)
        np.multiply(work, 1 - setting.beta_1, work)
        np.add(mean, work, mean)
        np.multiply(gradients, gradients, work)
        np.subtract(work, square, work)
        np.multiply(work, 1 - setting.beta_2, work)
        np.add(square, work, square)
        if setting.amsgrad:
            square = np.maximum(state["velocity_hat"], square, out=state["velocity_hat"])
        np.sqrt(square, work)
        np.add(work, setting.epsilon, work)
        np.divide(mean, work, work)
        alpha = rate * math.sqrt(1 - setting.beta_2**iteration) / (1 - setting.beta_1**iteration)
        np.multiply(work, alpha, work)
        np.subtract(parameters, work, parameters)


class _SummedSquares(Rule[Adagrad]):
    slots = ("accumulator",)

    def make_state(self, size: int, dtype: Any) -> dict[str, Floats]:
        """The accumulator at its initial value."""
        return {"accumulator": np.full(size, self.setting.initial_accumulator_value, dtype)}

    def _step(
        self, parameters: Floats, gradients: Floats, state: Mapping[str, Floats], rate: float, iteration: int, work: Floats
    ) -> None:
        total = state["accumulator"]
        np.multiply(gradients, gradients, work)
        np.add(total, work, total)
        np.add(total, self.setting.epsilon, work)
        np.sqrt(work, work)
        np.divide(gradients, work, work)
        np.multiply(work, rate, work)
        np.subtract(parameters, work, parameters)


_RULES: dict[type[Optimizer], type[Rule[Any]]] = {
    SGD: _GradientDescent,
    RMSprop: _RootMeanSquare,
    Adam: _AdaptiveMoments,
    AdamW: _AdaptiveMoments,
    Adagrad: _SummedSquares,
}


def optimizer_at_work(setting: Optimizer) -> Rule[Any]:
    """The rule behind an optimizer's setting."""
    return _RULES[type(setting)](setting)
