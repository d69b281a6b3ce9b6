"""How weights follow gradients: Keras's optimizers as settings, their formulas in each engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from fittool.nn.schedules import SCHEDULES, Schedule
from fittool.settings import Boolean, Family, Field, Named, Number, setting

Fraction = Annotated[Number, Field(ge=0, le=1)]
Decay = Annotated[Number, Field(ge=0)]


class _NumberOrSchedule:
    """Validates a learning rate so that an error points at the number or into the schedule, not at both."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A schedule where one is written, else a number from 0."""
        return core_schema.no_info_wrap_validator_function(self._parse, handler.generate_schema(Decay))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A number, or a mapping with one schedule."""
        return {"anyOf": [{"type": "number", "minimum": 0}, SCHEDULES.__get_pydantic_json_schema__(schema, handler)]}

    @staticmethod
    def _parse(value: object, number: Callable[[object], float]) -> float | Schedule:
        named = isinstance(value, str) and SCHEDULES.class_of(value) is not None
        return SCHEDULES.parse(value) if named or isinstance(value, Mapping | Schedule) else number(value)


LearningRate = Annotated[float | Schedule, _NumberOrSchedule()]
"""A number, or a schedule."""


@setting
class Optimizer(Named):
    """How weights follow gradients."""

    learning_rate: LearningRate = Field(default=0.001, description="Size of an update; a number or a schedule.")

    def rate(self, step: int) -> float:
        """The learning rate of the update before which `step` updates were done."""
        return self.learning_rate.rate(step) if isinstance(self.learning_rate, Schedule) else self.learning_rate


@setting
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted."""

    learning_rate: LearningRate = Field(default=0.01, description="Size of an update; a number or a schedule.")
    momentum: Fraction = Field(default=0.0, description="How much of the last update is added to the next.")
    nesterov: Boolean = Field(default=False, description="Whether the momentum looks one update ahead.")
    weight_decay: Decay | None = Field(default=None, description="Part of each weight, times the rate, that goes at each update.")


@setting
class RMSprop(Optimizer):
    """Gradients divided by a moving root mean square (Hinton 2012)."""

    rho: Fraction = Field(default=0.9, description="How much of the moving mean stays at each update.")
    momentum: Fraction = Field(default=0.0, description="How much of the last update is added to the next.")
    epsilon: Decay = Field(default=1e-7, description="Added to the mean square.")
    centered: Boolean = Field(default=False, description="Whether the variance stands in for the mean square.")
    weight_decay: Decay | None = Field(default=None, description="Part of each weight, times the rate, that goes at each update.")


@setting
class Adam(Optimizer):
    """Moving mean of gradients divided by their moving root mean square (Kingma and Ba 2014)."""

    beta_1: Fraction = Field(default=0.9, lt=1, description="How much of the moving mean stays at each update.")
    beta_2: Fraction = Field(default=0.999, lt=1, description="How much of the moving mean square stays at each update.")
    epsilon: Decay = Field(default=1e-7, description="Added to the root, before its bias is corrected.")
    amsgrad: Boolean = Field(default=False, description="Whether the largest mean square so far is used (Reddi et al. 2018).")
    weight_decay: Decay | None = Field(default=None, description="Part of each weight, times the rate, that goes at each update.")


@setting
class AdamW(Optimizer):
    """Adam with weight decay by default (Loshchilov and Hutter 2017)."""

    weight_decay: Decay = Field(default=0.004, description="Part of each weight, times the rate, that goes at each update.")
    beta_1: Fraction = Field(default=0.9, lt=1, description="How much of the moving mean stays at each update.")
    beta_2: Fraction = Field(default=0.999, lt=1, description="How much of the moving mean square stays at each update.")
    epsilon: Decay = Field(default=1e-7, description="Added to the root, before its bias is corrected.")
    amsgrad: Boolean = Field(default=False, description="Whether the largest mean square so far is used (Reddi et al. 2018).")


@setting
class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far (Duchi et al. 2011)."""

    initial_accumulator_value: Decay = Field(default=0.1, description="Where the sum of squares starts.")
    epsilon: Decay = Field(default=1e-7, description="Added to the sum of squares.")
    weight_decay: Decay | None = Field(default=None, description="Part of each weight, times the rate, that goes at each update.")


OPTIMIZERS: Family[Optimizer] = Family("optimizer", {cls.__name__: cls for cls in (SGD, RMSprop, Adam, AdamW, Adagrad)})

OptimizerSetting = Annotated[Optimizer, OPTIMIZERS]
"""An optimizer by name, by name with arguments, or as an object."""
