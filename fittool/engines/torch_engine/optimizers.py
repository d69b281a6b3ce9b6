"""The optimizers at work on flat tensors, in Keras's formulas.

PyTorch's own optimizers differ: their epsilon stands elsewhere, their momentum takes the rate outside, their decay is another.
Adam's one fused kernel does fit, with an epsilon that is brought into its place at every update.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from fittool.nn.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Muon, Nadam, Optimizer, RMSprop

Setting = TypeVar("Setting", bound=Optimizer)


class UpdateRule(ABC, Generic[Setting]):
    """One optimizer at work on all weights at once."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.decay = setting, setting.decay

    def update(
        self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], learning_rate: float, iteration: int
    ) -> None:
        """Move parameters by one step.

        Args:
            parameters: (P,) changed in place.
            gradients: (P,) may be overwritten.
            slots: (P,) each of `Optimizer.slots`, changed in place.
            learning_rate: The rate of this step.
            iteration: Number of this update of these weights, from 1.
        """
        if self.decay:
            parameters.mul_(1 - self.decay * learning_rate)
        self._step(parameters, gradients, slots, float(learning_rate), iteration)

    @abstractmethod
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        """The update proper."""


class _GradientDescent(UpdateRule[SGD]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        if not self.setting.momentum:
            parameters.add_(gradients, alpha=-rate)
            return
        velocity = slots["momentum"].mul_(self.setting.momentum).add_(gradients, alpha=-rate)
        if not self.setting.nesterov:
            parameters.add_(velocity)
            return
        parameters.add_(gradients, alpha=-rate).add_(velocity, alpha=self.setting.momentum)


class _RootMeanSquare(UpdateRule[RMSprop]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        setting = self.setting
        square = slots["velocity"].mul_(setting.rho).addcmul_(gradients, gradients, value=1 - setting.rho)
        if setting.centered:
            mean = slots["average_gradient"].mul_(setting.rho).add_(gradients, alpha=1 - setting.rho)
            square = (square - mean * mean).clamp_(min=0)  # rounding can make a variance of 0 negative
        step = gradients.div_((square + setting.epsilon).sqrt_()).mul_(rate)
        if setting.momentum:
            step = slots["momentum"].mul_(setting.momentum).add_(step)
        parameters.sub_(step)


class FusedMoments(UpdateRule[Adam | AdamW]):
    """Adam by PyTorch's fused kernel, which reads and writes everything once, weight by weight."""

    def __init__(self, setting: Adam | AdamW) -> None:
        super().__init__(setting)
        self._count: Tensor | None = None

    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        self.update_each([parameters], [gradients], {name: [slot] for name, slot in slots.items()}, rate, iteration, decay=0.0)

    def update_each(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        rate: float,
        iteration: int,
        *,
        decay: float | None = None,
        skipped: Tensor | None = None,
    ) -> None:
        """Move weights (*shape) one by one; gradients and slots lie in memory as the weights do.

        Args:
            parameters, gradients, slots, rate, iteration: As for `update`, weight by weight.
            decay: Weight decay; by default the setting's.
            skipped: () 1 where nothing is to change, else 0; read on the device.
        """
        setting = self.setting
        if self._count is None:
            self._count = torch.zeros((), device=parameters[0].device)
        self._count.fill_(iteration)
        # The kernel adds epsilon to the corrected root, Keras to the root that is not corrected yet.
        epsilon = setting.epsilon / math.sqrt(1 - setting.beta_2**iteration)
        decay = self.decay if decay is None else decay
        kernel = torch._fused_adamw_ if decay else torch._fused_adam_
        kernel(
            parameters,
            gradients,
            slots["momentum"],
            slots["velocity"],
            slots["velocity_hat"] if setting.amsgrad else [],
            [self._count] * len(parameters),
            lr=float(rate),
            beta1=setting.beta_1,
            beta2=setting.beta_2,
            weight_decay=decay,
            eps=epsilon,
            amsgrad=setting.amsgrad,
            maximize=False,
            grad_scale=None,
            found_inf=skipped,
        )


class _SummedSquares(UpdateRule[Adagrad]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        total = slots["accumulator"].addcmul_(gradients, gradients)
        parameters.addcdiv_(gradients, (total + self.setting.epsilon).sqrt_(), value=-rate)


class _SquaredUpdates(UpdateRule[Adadelta]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        rho, epsilon = self.setting.rho, self.setting.epsilon
        square = slots["accumulated_grad"].mul_(rho).addcmul_(gradients, gradients, value=1 - rho)
        moved = slots["accumulated_delta_var"]
        step = (moved + epsilon).sqrt_().mul_(gradients).div_((square + epsilon).sqrt_())
        moved.mul_(rho).addcmul_(step, step, value=1 - rho)
        parameters.add_(step, alpha=-rate)


class _LargestSize(UpdateRule[Adamax]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        setting = self.setting
        mean = slots["momentum"].mul_(setting.beta_1).add_(gradients, alpha=1 - setting.beta_1)
        largest = slots["norm"].mul_(setting.beta_2)
        torch.maximum(largest, gradients.abs(), out=largest)
        parameters.addcdiv_(mean, largest + setting.epsilon, value=-rate / (1 - setting.beta_1**iteration))


class _NesterovMoments(UpdateRule[Nadam]):
    def __init__(self, setting: Nadam) -> None:
        super().__init__(setting)
        self._product = (0, 1.0)  # of the momenta of the first updates: how many, and their product

    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        setting = self.setting
        mean = slots["momentum"].mul_(setting.beta_1).add_(gradients, alpha=1 - setting.beta_1)
        square = slots["velocity"].mul_(setting.beta_2).addcmul_(gradients, gradients, value=1 - setting.beta_2)
        now, ahead = self._momentum(iteration), self._momentum(iteration + 1)
        product = self._product_until(iteration)
        step = gradients.mul_((1 - now) / (1 - product)).add_(mean, alpha=ahead / (1 - product * ahead))
        parameters.addcdiv_(step, (square / (1 - setting.beta_2**iteration)).sqrt_().add_(setting.epsilon), value=-rate)

    def _momentum(self, iteration: int) -> float:
        """The momentum at one update: from half of beta up to it."""
        return float(self.setting.beta_1 * (1 - 0.5 * 0.96**iteration))

    def _product_until(self, iteration: int) -> float:
        """The product of the momenta of all updates so far; resumed runs begin anywhere."""
        count, product = self._product if self._product[0] <= iteration else (0, 1.0)
        for number in range(count + 1, iteration + 1):
            product *= self._momentum(number)
        self._product = (iteration, product)
        return product


class _Signs(UpdateRule[Lion]):
    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        mean, setting = slots["momentum"], self.setting
        parameters.add_((mean * setting.beta_1).add_(gradients, alpha=1 - setting.beta_1).sign_(), alpha=-rate)
        mean.mul_(setting.beta_2).add_(gradients, alpha=1 - setting.beta_2)


class OrthogonalMomentum(UpdateRule[Muon]):
    """Matrices along their orthogonal momentum, the rest by AdamW."""

    def __init__(self, setting: Muon) -> None:
        super().__init__(setting)
        self._adam = FusedMoments(setting.adam())

    def update(
        self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], learning_rate: float, iteration: int
    ) -> None:
        """Move weights that are no matrices, (P,), by AdamW, with its own decay."""
        kept = {name: [slot] for name, slot in slots.items()}
        self.update_each([parameters], [gradients], kept, learning_rate, iteration, [False])

    def _step(self, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor], rate: float, iteration: int) -> None:
        """The same without the decay of matrices, which `update` leaves out."""
        self.update(parameters, gradients, slots, rate, iteration)

    def update_each(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        rate: float,
        iteration: int,
        matrices: list[bool],
    ) -> None:
        """Move weights (*shape) one by one; `matrices` says which of them follow their orthogonal momentum."""
        setting = self.setting
        rest = [number for number, is_matrix in enumerate(matrices) if not is_matrix]
        for number, is_matrix in enumerate(matrices):
            if is_matrix:
                self._move_matrix(parameters[number], gradients[number], slots["momentum"][number], float(rate))
        if rest:
            weights, slopes = [parameters[number] for number in rest], [gradients[number] for number in rest]
            kept = {name: [slots[name][number] for number in rest] for name in ("momentum", "velocity")}
            torch._foreach_mul_(weights, 1 - (setting.adam_weight_decay or 0.0) * rate)
            self._adam.update_each(weights, slopes, kept, rate * setting.adam_lr_ratio, iteration, decay=0.0)

    def _move_matrix(self, weights: Tensor, gradient: Tensor, momentum: Tensor, rate: float) -> None:
        setting = self.setting
        momentum.mul_(setting.momentum).add_(gradient)
        direction = gradient.add(momentum, alpha=setting.momentum) if setting.nesterov else momentum
        # An orthogonal matrix has a root mean square of 1 / √(longer side), which the root takes back.
        size = 1.0 if setting.rms_rate is None else setting.rms_rate * math.sqrt(max(weights.shape))
        weights.mul_(1 - self.decay * rate).add_(self._orthogonal(direction), alpha=-rate * size)

    def _orthogonal(self, matrix: Tensor) -> Tensor:
        """All singular values near 1: x becomes a · x + b · (x · xᵀ) · x + c · (x · xᵀ)² · x, a few times over."""
        setting = self.setting
        x = matrix / (torch.linalg.vector_norm(matrix) + 1e-7)  # no singular value is above 1 now
        wide = x if x.shape[0] <= x.shape[1] else x.T  # the product of a wide matrix with its transpose is the small one
        for _ in range(setting.ns_steps):
            square = wide @ wide.T
            polynomial = setting.muon_b * square + setting.muon_c * (square @ square)
            wide = setting.muon_a * wide + polynomial @ wide
        return wide if x.shape[0] <= x.shape[1] else wide.T


RULES: dict[type[Optimizer], type[UpdateRule[Any]]] = {
    SGD: _GradientDescent,
    RMSprop: _RootMeanSquare,
    Adam: FusedMoments,
    AdamW: FusedMoments,
    Adadelta: _SquaredUpdates,
    Adagrad: _SummedSquares,
    Adamax: _LargestSize,
    Nadam: _NesterovMoments,
    Lion: _Signs,
    Muon: OrthogonalMomentum,
}
"""Every optimizer, with its formula; a test holds this against the list of optimizers."""


def update_rule(setting: Optimizer) -> UpdateRule[Any]:
    """The rule behind an optimizer's setting."""
    return RULES[type(setting)](setting)
