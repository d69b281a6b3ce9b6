"""The optimizers at work on flat arrays, element by element, so that an engine can go piece by piece.

Keras's formulas (the epsilon of Adam outside the root and before its bias is corrected, that of RMSprop and Adagrad
inside). No memory is allocated: every operation writes into a slot or into scratch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fittool.kernels import arithmetic
from fittool.nn.optimizers import (
    FLUSH_STEPS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
)
from fittool.nn.shapes import Shape

Floats = NDArray[Any]
Setting = TypeVar("Setting", bound=Optimizer)


class UpdateRule(ABC, Generic[Setting]):
    """One optimizer at work.

    Attributes:
        scratch_rows: How many rows of scratch an update needs.
        is_elementwise: Whether the weights may be cut into pieces anywhere.
    """

    scratch_rows: ClassVar[int] = 1
    is_elementwise: ClassVar[bool] = True

    def __init__(self, setting: Setting) -> None:
        self.setting, self.decay = setting, setting.decay

    def update(
        self,
        parameters: Floats,
        gradients: Floats,
        slots: Mapping[str, Floats],
        learning_rate: float,
        iteration: int,
        scratch: Floats,
    ) -> None:
        """Move parameters by one step.

        Args:
            parameters: (n,) changed in place.
            gradients: (n,) only read.
            slots: The same n places of each of `Optimizer.slots`, changed in place.
            learning_rate: The rate of this step.
            iteration: Number of this update of these weights, from 1.
            scratch: (scratch_rows, n) of the same dtype, overwritten.
        """
        if self.decay:
            np.multiply(parameters, 1 - self.decay * learning_rate, parameters)
        self._step(parameters, gradients, slots, float(learning_rate), iteration, scratch)
        if iteration % FLUSH_STEPS == 0:
            self._flush(slots, scratch[0])

    def _flush(self, slots: Mapping[str, Floats], work: Floats) -> None:
        """Set moments that are next to nothing to 0.

        A weight whose gradient is 0 has moments that shrink by a factor at each update, until they are subnormal and stick:
        a tenth of the smallest numbers rounds to nothing. Many processors are several times slower with these.
        """
        for name in self.setting.own_slots().keys() & slots.keys():
            np.abs(slots[name], work)
            np.copyto(slots[name], 0, where=work < self.setting.negligible(name))

    @abstractmethod
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        """The update proper."""


class _GradientDescent(UpdateRule[SGD]):
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        work = scratch[0]
        np.multiply(gradients, rate, work)
        if not self.setting.momentum:
            np.subtract(parameters, work, parameters)
            return
        velocity = slots["momentum"]
        np.multiply(velocity, self.setting.momentum, velocity)
        np.subtract(velocity, work, velocity)
        if not self.setting.nesterov:
            np.add(parameters, velocity, parameters)
            return
        np.subtract(parameters, work, parameters)
        np.multiply(velocity, self.setting.momentum, work)
        np.add(parameters, work, parameters)


class _RootMeanSquare(UpdateRule[RMSprop]):
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        work = scratch[0]
        self._divisor(gradients, slots, work)
        np.divide(gradients, work, work)
        np.multiply(work, rate, work)
        if self.setting.momentum:
            velocity = slots["momentum"]
            np.multiply(velocity, self.setting.momentum, velocity)
            work = np.add(velocity, work, velocity)
        np.subtract(parameters, work, parameters)

    def _divisor(self, gradients: Floats, slots: Mapping[str, Floats], work: Floats) -> None:
        square, rho = slots["velocity"], self.setting.rho
        np.multiply(square, rho, square)
        np.multiply(gradients, gradients, work)
        np.multiply(work, 1 - rho, work)
        np.add(square, work, square)
        if self.setting.centered:
            mean = slots["average_gradient"]
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


class _AdaptiveMoments(UpdateRule[Adam | AdamW]):
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        work = scratch[0]
        mean, square, setting = slots["momentum"], slots["velocity"], self.setting
        np.subtract(gradients, mean, work)
        np.multiply(work, 1 - setting.beta_1, work)
        np.add(mean, work, mean)
        np.multiply(gradients, gradients, work)
        np.subtract(work, square, work)
        np.multiply(work, 1 - setting.beta_2, work)
        np.add(square, work, square)
        if setting.amsgrad:
            square = np.maximum(slots["velocity_hat"], square, out=slots["velocity_hat"])
        np.sqrt(square, work)
        np.add(work, setting.epsilon, work)
        np.divide(mean, work, work)
        # Both corrections of bias as one factor, as in Keras: epsilon was added to the root that is not corrected yet.
        alpha = rate * math.sqrt(1 - setting.beta_2**iteration) / (1 - setting.beta_1**iteration)
        np.multiply(work, alpha, work)
        np.subtract(parameters, work, parameters)


class _SummedSquares(UpdateRule[Adagrad]):
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        work = scratch[0]
        total = slots["accumulator"]
        np.multiply(gradients, gradients, work)
        np.add(total, work, total)
        np.add(total, self.setting.epsilon, work)
        np.sqrt(work, work)
        np.divide(gradients, work, work)
        np.multiply(work, rate, work)
        np.subtract(parameters, work, parameters)


class _SquaredUpdates(UpdateRule[Adadelta]):
    scratch_rows: ClassVar[int] = 2

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        (square, moved), (work, divisor), rho = (
            (slots[name] for name in ("accumulated_grad", "accumulated_delta_var")),
            scratch,
            self.setting.rho,
        )
        _blend(square, rho, np.multiply(gradients, gradients, work))
        np.sqrt(np.add(square, self.setting.epsilon, divisor), divisor)
        np.sqrt(np.add(moved, self.setting.epsilon, work), work)
        np.multiply(work, gradients, work)
        np.divide(work, divisor, work)
        _blend(moved, rho, np.multiply(work, work, divisor))
        np.multiply(work, rate, work)
        np.subtract(parameters, work, parameters)


class _LargestSize(UpdateRule[Adamax]):
    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        mean, largest, work, setting = slots["momentum"], slots["norm"], scratch[0], self.setting
        np.copyto(work, gradients)
        _blend(mean, setting.beta_1, work)
        np.abs(gradients, work)
        np.multiply(largest, setting.beta_2, largest)
        np.maximum(largest, work, out=largest)
        np.add(largest, setting.epsilon, work)
        np.divide(mean, work, work)
        np.multiply(work, rate / (1 - setting.beta_1**iteration), work)
        np.subtract(parameters, work, parameters)


class _NesterovMoments(UpdateRule[Nadam]):
    scratch_rows: ClassVar[int] = 2

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        mean, square, (work, divisor), setting = slots["momentum"], slots["velocity"], scratch, self.setting
        np.copyto(work, gradients)
        _blend(mean, setting.beta_1, work)
        _blend(square, setting.beta_2, np.multiply(gradients, gradients, work))
        ahead = _nadam_momentum(setting.beta_1, iteration + 1) / (1 - _nadam_momentum_product(setting.beta_1, iteration + 1))
        now = (1 - _nadam_momentum(setting.beta_1, iteration)) / (1 - _nadam_momentum_product(setting.beta_1, iteration))
        np.multiply(gradients, now, work)
        np.add(work, np.multiply(mean, ahead, divisor), work)
        np.divide(square, 1 - setting.beta_2**iteration, divisor)
        np.sqrt(divisor, divisor)
        np.add(divisor, setting.epsilon, divisor)
        np.divide(work, divisor, work)
        np.multiply(work, rate, work)
        np.subtract(parameters, work, parameters)


class _Signs(UpdateRule[Lion]):
    scratch_rows = 2

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        mean, (work, share), setting = slots["momentum"], scratch, self.setting
        np.multiply(mean, setting.beta_1, work)
        np.add(work, np.multiply(gradients, 1 - setting.beta_1, share), work)
        np.sign(work, work)
        np.multiply(work, rate, work)
        np.subtract(parameters, work, parameters)
        np.copyto(work, gradients)
        _blend(mean, setting.beta_2, work)


class _AdamOfRest(UpdateRule[Muon]):
    """The weights that are no matrices."""

    def __init__(self, setting: Muon) -> None:
        super().__init__(setting)
        self.decay, self._adam = setting.adam_weight_decay or 0.0, _AdaptiveMoments(setting.adam())

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        self._adam._step(parameters, gradients, slots, rate * self.setting.adam_lr_ratio, iteration, scratch)


class OrthogonalMomentum(UpdateRule[Muon]):
    """One matrix of Muon's, (rows, columns) in its place of the flat weights."""

    scratch_rows: ClassVar[int] = 4
    is_elementwise: ClassVar[bool] = False

    def __init__(self, setting: Muon, shape: Shape) -> None:
        super().__init__(setting)
        self.shape = shape

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        setting, momentum, direction = self.setting, slots["momentum"], scratch[0]
        np.multiply(momentum, setting.momentum, momentum)
        np.add(momentum, gradients, momentum)
        if setting.nesterov:
            np.multiply(momentum, setting.momentum, direction)
            np.add(direction, gradients, direction)
        else:
            np.copyto(direction, momentum)
        self._orthogonalize(direction, scratch[1:])
        # An orthogonal matrix has a root mean square of 1 / √(longer side), which the root takes back.
        size = 1.0 if setting.rms_rate is None else setting.rms_rate * math.sqrt(max(self.shape))
        np.multiply(direction, rate * size, direction)
        np.subtract(parameters, direction, parameters)

    def _orthogonalize(self, direction: Floats, scratch: Floats) -> None:
        """Bring all singular values near 1: x becomes a · x + b · (x · xᵀ) · x + c · (x · xᵀ)² · x, a few times over."""
        setting, side = self.setting, min(self.shape)
        # The product of a wide matrix with its transpose is the small one; a tall one is looked at from the side.
        matrix, product = (row.reshape(self.shape) for row in (direction, scratch[0]))
        wide, change = (matrix, product) if self.shape[0] <= self.shape[1] else (matrix.T, product.T)
        square, polynomial = (row[: side * side].reshape(side, side) for row in scratch[1:])
        norm = math.sqrt(arithmetic.dot(direction, direction))
        np.divide(direction, norm + 1e-7, direction)  # no singular value is above 1 now
        for _ in range(setting.ns_steps):
            arithmetic.matmul(wide, wide.T, square)
            arithmetic.matmul(square, square, polynomial)
            np.multiply(polynomial, setting.muon_c, polynomial)
            np.multiply(square, setting.muon_b, square)
            np.add(polynomial, square, polynomial)
            arithmetic.matmul(polynomial, wide, change)
            np.multiply(direction, setting.muon_a, direction)
            np.add(matrix, product, matrix)


def _blend(average: Floats, kept: float, values: Floats) -> None:
    """Move a moving average towards new values, which are overwritten."""
    np.multiply(average, kept, average)
    np.multiply(values, 1 - kept, values)
    np.add(average, values, average)


def _nadam_momentum(beta: float, iteration: int) -> float:
    """Nadam's momentum at one update: from half of beta up to it."""
    return float(beta * (1 - 0.5 * 0.96**iteration))


@lru_cache(maxsize=64)  # all pieces of the weights that have had as many updates ask for the same two numbers
def _nadam_momentum_product(beta: float, iteration: int) -> float:
    """The product of the momenta of all updates so far; those after the thousandth are beta, to the last digit."""
    first = min(iteration, 1000)
    return math.prod(_nadam_momentum(beta, number) for number in range(1, first + 1)) * float(beta ** (iteration - first))


_RULES: dict[type[Optimizer], type[UpdateRule[Any]]] = {
    SGD: _GradientDescent,
    RMSprop: _RootMeanSquare,
    Adam: _AdaptiveMoments,
    AdamW: _AdaptiveMoments,
    Adadelta: _SquaredUpdates,
    Adagrad: _SummedSquares,
    Adamax: _LargestSize,
    Nadam: _NesterovMoments,
    Lion: _Signs,
    Muon: _AdamOfRest,
}


def update_rule(setting: Optimizer) -> UpdateRule[Any]:
    """The rule behind an optimizer's setting, for weights without a rule of their own."""
    return _RULES[type(setting)](setting)


def update_rules(setting: Optimizer, shapes: Mapping[str, Shape]) -> list[tuple[UpdateRule[Any], int]]:
    """The rules of all weights, which lie one behind the other: each with the number of weights that it moves.

    Args:
        setting: The optimizer.
        shapes: Of every weight array, by `<layer>/<parameter>` in the order of the flat weights.
    """
    rules: list[tuple[UpdateRule[Any], int]] = [(update_rule(setting), 0)]
    for name, shape in shapes.items():
        size = math.prod(shape)
        if isinstance(setting, Muon) and setting.orthogonalizes(name, shape):
            rules += [(OrthogonalMomentum(setting, shape), size), (update_rule(setting), 0)]
        else:
            rules[-1] = (rules[-1][0], rules[-1][1] + size)
    return [(rule, size) for rule, size in rules if size]
