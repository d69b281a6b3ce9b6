"""The ways that weights follow gradients: Keras's optimizers as settings, their formulas in each engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fittool.nn.schedules import SCHEDULES, Schedule, Warmup
from fittool.nn.schedules.lengths import TrainingLength
from fittool.nn.shapes import Shape
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, Text, setting

Fraction = Annotated[Number, Field(ge=0, le=1)]
Decay = Annotated[Number, Field(ge=0)]
Limit = Annotated[Number, Field(gt=0)]
Momentum = Annotated[Fraction, Field(description="How much of the last update is added to the next.")]
MeanKept = Annotated[Fraction, Field(lt=1, description="How much of the moving mean stays at each update.")]
SquareKept = Annotated[Fraction, Field(lt=1, description="How much of the moving mean square stays at each update.")]
_DECAY = Field(description="Part of each weight, times the rate, that goes at each update.")
WeightDecay = Annotated[Decay, _DECAY]
OptionalWeightDecay = Annotated[Decay | None, _DECAY]
Amsgrad = Annotated[Boolean, Field(description="Whether the largest mean square so far is used (Reddi et al. 2018).")]
UncorrectedEpsilon = Annotated[Decay, Field(description="Added to the root, before its bias is corrected.")]


FLUSH_STEPS = 128
"""At every update of a weight whose number this divides, moments that are next to nothing become 0: so it depends on the update
alone, and a run that goes on does it where the calm one does."""
FADED = 2.0**-106
"""Smaller moments are next to nothing. Above it also a thousandth, which moving means work with, is a normal float32."""
_UNSEEN = 2.0**-26
"""The part of a float32 sum that does not change it."""


def _as_list(value: object) -> object:
    """A single pattern stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise PydanticCustomError("pattern", "must be a regular expression: {reason}", {"reason": str(error)}) from None
    return pattern


Patterns = Annotated[
    tuple[Annotated[Text, AfterValidator(_expression)], ...],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
]
"""Regular expressions; a single text stands for a list of one."""


class _NumberOrSchedule:
    """Validates a learning rate so that an error points at the number or into the schedule, not at both."""

    family = SCHEDULES

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A schedule where one is written, else a number from 0."""
        return core_schema.no_info_wrap_validator_function(self._parse, handler.generate_schema(Decay))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A number, or a mapping with one schedule."""
        return {"anyOf": [{"type": "number", "minimum": 0}, SCHEDULES.__get_pydantic_json_schema__(schema, handler)]}

    @staticmethod
    def _parse(value: object, number: Callable[[object], float]) -> float | Schedule:
        if isinstance(value, Warmup):
            return value
        named = isinstance(value, str) and SCHEDULES.class_of(value) is not None
        return SCHEDULES.parse(value) if named or isinstance(value, Mapping | Schedule) else number(value)


LearningRate = Annotated[float | Schedule, _NumberOrSchedule()]
"""A number, or a schedule."""


@setting
class Optimizer(Named):
    """The rule by which weights follow gradients."""

    divisors: ClassVar[Mapping[str, int]] = {}
    """The slots that something is divided by after epsilon was added: 1 to them, 2 to their root."""
    corrects_bias: ClassVar[bool] = False
    """Whether the formula makes up for moments that start at 0, by the number of updates that they have seen."""
    learning_rate: LearningRate = Field(default=0.001, description="Size of an update; a number or a schedule.")
    clipnorm: Limit | None = Field(
        default=None, kw_only=True, description="Largest norm of the gradient of a single weight array."
    )
    clipvalue: Limit | None = Field(default=None, kw_only=True, description="Largest absolute value of an element of a gradient.")
    global_clipnorm: Limit | None = Field(default=None, kw_only=True, description="Largest norm of all gradients together.")
    use_ema: Boolean = Field(
        default=False,
        kw_only=True,
        description="Whether a moving average of the weights is kept, which replaces them after training.",
    )
    ema_momentum: Fraction = Field(default=0.99, kw_only=True, description="How much of the moving average stays at each step.")
    ema_overwrite_frequency: Integer | None = Field(
        default=None,
        ge=1,
        kw_only=True,
        description="Updates after which the weights become their average, again and again; never if absent.",
    )
    gradient_accumulation_steps: Integer | None = Field(
        default=None,
        ge=2,
        kw_only=True,
        description="Steps whose gradients are averaged for one update; each step is one if absent.",
    )

    @model_validator(mode="after")
    def _one_way_of_clipping(self) -> Optimizer:
        given = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, name) is not None]
        if len(given) > 1:
            raise PydanticCustomError("clipping", "only one of {given} can be set", {"given": " and ".join(given)})
        return self

    @property
    def decay(self) -> float:
        """The part of each weight, times the rate, that goes at each update; 0 where none does."""
        return float(getattr(self, "weight_decay", None) or 0.0)

    @property
    def counts_updates(self) -> bool:
        """True where an update depends on how many a weight had before: moments or a moving average that start at 0."""
        return self.corrects_bias or self.use_ema

    @property
    def lasts_as_training(self) -> bool:
        """True where the learning rate follows a schedule whose lengths depend on the training, which `lasting` sets."""
        return isinstance(self.learning_rate, Schedule) and self.learning_rate.lasts_as_training

    def lasting(self, training: TrainingLength) -> Self:
        """The same for a training of this length."""
        rate = self.learning_rate
        return replace(self, learning_rate=rate.lasting(training)) if isinstance(rate, Schedule) else self

    def warmed_up(self, steps: int) -> Self:
        """The same with a rate that rises for so many steps before it."""
        return replace(self, learning_rate=Warmup(self.learning_rate, steps))

    def slots(self) -> dict[str, float]:
        """The arrays that are kept for every trainable weight array, in its shape: their names and what they start at.

        First the formula's own, under Keras's names, then `average` for the moving average of the weights and
        `gradient_accumulator` for the gradients of a group of steps, where these are used. A state keeps them as
        `optimizer/<slot>/<layer>/<parameter>`.
        """
        shared = {"average": self.use_ema, "gradient_accumulator": self.gradient_accumulation_steps is not None}
        return self.own_slots() | {name: 0.0 for name, used in shared.items() if used}

    def own_slots(self) -> dict[str, float]:
        """The slots that the formula itself needs; none by default."""
        return {}

    def has_slot(self, slot: str, name: str, shape: Shape) -> bool:
        """True where a slot is used, and kept in states, for the weight array `<layer>/<parameter>` of this shape; else False.

        By default for every array.
        """
        return True

    def negligible(self, slot: str) -> float:
        """The size below which an element of a slot is next to nothing; 0 where nothing is.

        No weight feels that it becomes 0, as what is added to the weight or to epsilon is lost in rounding; only Lion's weights,
        which go by the sign, come to rest.
        """
        if slot not in self.divisors:
            return FADED
        # Without epsilon a weight that rests would be moved by 0 / 0.
        return min(FADED, (float(getattr(self, "epsilon", 0.0)) * _UNSEEN) ** self.divisors[slot])

    def rate(self, step: int) -> float:
        """The learning rate of the update before which `step` updates were done."""
        return self.learning_rate.rate(step) if isinstance(self.learning_rate, Schedule) else self.learning_rate


@setting
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted."""

    learning_rate: LearningRate = Field(default=0.01, description="Size of an update; a number or a schedule.")
    momentum: Momentum = 0.0
    nesterov: Boolean = Field(default=False, description="Whether the momentum looks one update ahead.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The last update, where it adds to the next."""
        return {"momentum": 0.0} if self.momentum else {}


@setting
class RMSprop(Optimizer):
    """Gradients divided by a moving root mean square (Hinton 2012)."""

    divisors: ClassVar[Mapping[str, int]] = {"velocity": 1}
    rho: SquareKept = 0.9
    momentum: Momentum = 0.0
    epsilon: Decay = Field(default=1e-7, description="Added to the mean square.")
    centered: Boolean = Field(default=False, description="Whether the variance stands in for the mean square.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The mean square; the last update and the mean where they are used."""
        used = {"velocity": True, "momentum": self.momentum > 0, "average_gradient": self.centered}
        return {name: 0.0 for name, wanted in used.items() if wanted}


@setting
class Adam(Optimizer):
    """Moving mean of gradients divided by their moving root mean square (Kingma and Ba 2014)."""

    divisors: ClassVar[Mapping[str, int]] = {"velocity": 2, "velocity_hat": 2}
    corrects_bias: ClassVar[bool] = True
    beta_1: MeanKept = 0.9
    beta_2: SquareKept = 0.999
    epsilon: UncorrectedEpsilon = 1e-7
    amsgrad: Amsgrad = False
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The moving mean and mean square, and the largest mean square where it is used."""
        return _adam_slots(self.amsgrad)


@setting
class AdamW(Optimizer):
    """Adam with weight decay by default (Loshchilov and Hutter 2017)."""

    divisors: ClassVar[Mapping[str, int]] = {"velocity": 2, "velocity_hat": 2}
    corrects_bias: ClassVar[bool] = True
    weight_decay: WeightDecay = 0.004
    beta_1: MeanKept = 0.9
    beta_2: SquareKept = 0.999
    epsilon: UncorrectedEpsilon = 1e-7
    amsgrad: Amsgrad = False

    def own_slots(self) -> dict[str, float]:
        """Adam's."""
        return _adam_slots(self.amsgrad)


def _adam_slots(amsgrad: bool) -> dict[str, float]:
    return dict.fromkeys(("momentum", "velocity", *(("velocity_hat",) if amsgrad else ())), 0.0)


@setting
class Adadelta(Optimizer):
    """Gradients rescaled by the root mean square of past updates over that of past gradients (Zeiler 2012)."""

    divisors: ClassVar[Mapping[str, int]] = {"accumulated_grad": 1, "accumulated_delta_var": 1}
    rho: SquareKept = 0.95
    epsilon: Decay = Field(default=1e-7, description="Added to both mean squares.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The moving mean squares of gradients and of updates."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}


@setting
class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far (Duchi et al. 2011)."""

    divisors: ClassVar[Mapping[str, int]] = {"accumulator": 1}
    initial_accumulator_value: Decay = Field(default=0.1, description="Where the sum of squares starts.")
    epsilon: Decay = Field(default=1e-7, description="Added to the sum of squares.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The sum of squares."""
        return {"accumulator": self.initial_accumulator_value}


@setting
class Adamax(Optimizer):
    """Moving mean of gradients divided by their largest size, which fades (Kingma and Ba 2014, section 7.1)."""

    divisors: ClassVar[Mapping[str, int]] = {"norm": 1}
    corrects_bias: ClassVar[bool] = True
    beta_1: MeanKept = 0.9
    beta_2: Fraction = Field(default=0.999, lt=1, description="How much of the largest size stays at each update.")
    epsilon: Decay = Field(default=1e-7, description="Added to the largest size.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The moving mean and the largest size."""
        return {"momentum": 0.0, "norm": 0.0}


@setting
class Nadam(Optimizer):
    """Adam with Nesterov's momentum, which grows over the first updates (Dozat 2016)."""

    divisors: ClassVar[Mapping[str, int]] = {"velocity": 2}
    corrects_bias: ClassVar[bool] = True
    beta_1: MeanKept = 0.9
    beta_2: SquareKept = 0.999
    epsilon: Decay = Field(default=1e-7, description="Added to the root, after its bias is corrected.")
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The moving mean and mean square."""
        return {"momentum": 0.0, "velocity": 0.0}


@setting
class Lion(Optimizer):
    """Steps of one size along the sign of a moving mean (Chen et al. 2023)."""

    beta_1: Fraction = Field(
        default=0.9, gt=0, description="Share of the moving mean in the direction; the gradient has the rest."
    )
    beta_2: MeanKept = 0.99
    weight_decay: OptionalWeightDecay = None

    def own_slots(self) -> dict[str, float]:
        """The moving mean."""
        return {"momentum": 0.0}


@setting
class Muon(Optimizer):
    """Matrices move along their momentum made orthogonal (Jordan et al. 2024), all other weights by AdamW.

    A matrix is a weight array with two axes. Convolutions' kernels and biases have another number of them; embeddings and what
    `exclude_layers` names, such as the last Dense layer, are better left to AdamW too.
    """

    divisors: ClassVar[Mapping[str, int]] = {"velocity": 2}
    corrects_bias: ClassVar[bool] = True
    adam_beta_1: Fraction = Field(default=0.9, lt=1, description="How much of AdamW's moving mean stays at each update.")
    adam_beta_2: Fraction = Field(default=0.999, lt=1, description="How much of AdamW's moving mean square stays.")
    adam_weight_decay: Decay | None = Field(default=0.004, description="Weight decay of what AdamW moves.")
    epsilon: Decay = Field(default=1e-7, description="Added to AdamW's root, before its bias is corrected.")
    weight_decay: Decay | None = Field(
        default=0.004, description="Part of each matrix, times the rate, that goes at each update."
    )
    exclude_layers: Patterns | None = Field(
        default=None,
        kw_only=True,
        description="Regular expressions; matrices whose `layer/weight` they are found in are moved by AdamW.",
    )
    exclude_embeddings: Boolean = Field(
        default=True, kw_only=True, description="Whether matrices with `embedding` in their `layer/weight` are moved by AdamW."
    )
    muon_a: Number = Field(default=3.4445, kw_only=True, description="Factor on the matrix in each Newton-Schulz step.")
    muon_b: Number = Field(default=-4.775, kw_only=True, description="Factor on its third power.")
    muon_c: Number = Field(default=2.0315, kw_only=True, description="Factor on its fifth power.")
    adam_lr_ratio: Decay = Field(default=1.0, kw_only=True, description="AdamW's learning rate as a part of the matrices'.")
    momentum: Fraction = Field(default=0.95, kw_only=True, description="How much of the momentum stays at each update.")
    ns_steps: Integer = Field(default=5, ge=1, kw_only=True, description="Number of Newton-Schulz steps.")
    nesterov: Boolean = Field(default=True, kw_only=True, description="Whether the momentum looks one update ahead.")
    rms_rate: Decay | None = Field(
        default=0.2,
        kw_only=True,
        description="Size of a matrix's update, as root mean square in units of the rate (Liu et al. 2025); not scaled if null.",
    )

    def own_slots(self) -> dict[str, float]:
        """The momentum, which is AdamW's moving mean elsewhere, and AdamW's moving mean square."""
        return {"momentum": 0.0, "velocity": 0.0}

    def has_slot(self, slot: str, name: str, shape: Shape) -> bool:
        """The mean square belongs to AdamW alone."""
        return slot != "velocity" or not self.orthogonalizes(name, shape)

    def orthogonalizes(self, name: str, shape: Shape) -> bool:
        """True for a matrix that moves along its orthogonal momentum, False for what AdamW moves.

        Args:
            name: Of the weight array, `<layer>/<parameter>`.
            shape: Its shape.
        """
        embedding = self.exclude_embeddings and "embedding" in name.lower()
        return len(shape) == 2 and not embedding and not any(re.search(one, name) for one in self.exclude_layers or ())

    def adam(self) -> AdamW:
        """The optimizer of the weights that are no matrices, but for its rate and its weight decay."""
        return AdamW(beta_1=self.adam_beta_1, beta_2=self.adam_beta_2, epsilon=self.epsilon)


OPTIMIZERS: Family[Optimizer] = Family(
    "optimizer", {cls.__name__: cls for cls in (SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Nadam, Lion, Muon)}
)
