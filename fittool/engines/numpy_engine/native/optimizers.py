"""Updates of the flat weights by kernels: the same bytes as NumPy's, in one walk over memory instead of ten."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from fittool.engines.numpy_engine.optimizers import Floats, UpdateRule
from fittool.kernels.library import Library
from fittool.kernels.tasks import NativeTask, join_tasks
from fittool.nn.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

Setting = TypeVar("Setting", bound=Optimizer)
_Call = tuple[NativeTask, Callable[[], None]]


class NativeRule(UpdateRule[Any], Generic[Setting]):
    """An update rule with a kernel; each piece of the weights has a call of its own, made when it is first moved."""

    def __init__(self, setting: Setting, library: Library) -> None:
        super().__init__(setting)
        self._library = library
        self._calls: dict[int, _Call] = {}

    def _step(
        self, parameters: Floats, gradients: Floats, slots: Mapping[str, Floats], rate: float, iteration: int, scratch: Floats
    ) -> None:
        # By identity: the pieces are views that live as long as the engine, and each call keeps its own alive.
        if id(parameters) not in self._calls:
            task = self._task({"weights": parameters, "gradients": gradients}, slots)
            self._calls[id(parameters)] = task, join_tasks([task])
        task, call = self._calls[id(parameters)]
        task.layout.numbers[self._place_of_rate] = self._rate(rate, iteration)
        call()

    _place_of_rate = 0

    @abstractmethod
    def _task(self, arrays: Mapping[str, Any], slots: Mapping[str, Floats]) -> NativeTask:
        """The call for one piece, whose rate is set anew at each step."""

    def _rate(self, rate: float, iteration: int) -> float:
        return rate


class NativeGradientDescent(NativeRule[SGD]):
    """Stochastic gradient descent, with or without momentum."""

    def _task(self, arrays: Mapping[str, Any], slots: Mapping[str, Floats]) -> NativeTask:
        momentum = slots["momentum"] if self.setting.momentum else None
        options: dict[str, Any] = {"nesterov": self.setting.nesterov, "rate": 0.0, "factor": self.setting.momentum or 0.0}
        return self._library.task("descend", **arrays, momentum=momentum, **options)


class NativeAdaptiveMoments(NativeRule[Adam | AdamW]):
    """Adam and AdamW."""

    _place_of_rate = 3

    def _task(self, arrays: Mapping[str, Any], slots: Mapping[str, Floats]) -> NativeTask:
        setting = self.setting
        held: dict[str, Any] = {"momentum": slots["momentum"], "velocity": slots["velocity"]}
        largest = slots["velocity_hat"] if setting.amsgrad else None
        numbers: dict[str, Any] = {
            "first": 1 - setting.beta_1,
            "second": 1 - setting.beta_2,
            "epsilon": setting.epsilon,
            "rate": 0.0,
        }
        return self._library.task("adapt_moments", **arrays, **held, largest=largest, **numbers)

    def _rate(self, rate: float, iteration: int) -> float:
        return float(rate * math.sqrt(1 - self.setting.beta_2**iteration) / (1 - self.setting.beta_1**iteration))


class NativeRootMeanSquare(NativeRule[RMSprop]):
    """RMSprop without momentum and centring."""

    _place_of_rate = 3

    def _task(self, arrays: Mapping[str, Any], slots: Mapping[str, Floats]) -> NativeTask:
        numbers: dict[str, Any] = {
            "rho": self.setting.rho,
            "rest": 1 - self.setting.rho,
            "epsilon": self.setting.epsilon,
            "rate": 0.0,
        }
        return self._library.task("scale_by_root", **arrays, velocity=slots["velocity"], **numbers)


def native_rule(rule: UpdateRule[Any], library: Library) -> UpdateRule[Any]:
    """The rule with a kernel, where there is one."""
    setting = rule.setting
    make = _RULES.get(type(setting))
    if make is None or (isinstance(setting, RMSprop) and (setting.momentum or setting.centered)):
        return rule
    return make(setting, library)


_RULES: dict[type[Optimizer], Callable[[Any, Library], UpdateRule[Any]]] = {
    SGD: NativeGradientDescent,
    Adam: NativeAdaptiveMoments,
    AdamW: NativeAdaptiveMoments,
    RMSprop: NativeRootMeanSquare,
}
