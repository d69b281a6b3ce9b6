"""Learning rates that follow the number of updates: pure functions, Keras's formulas."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.errors import ExperimentError
from fittool.nn.schedules.lengths import Length, LengthOrNone, PartOfTraining, TrainingLength
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, arguments, setting


@setting
class Schedule(Named):
    """A learning rate for each step.

    Lengths and boundaries are numbers of steps, or parts of the training that it is for, `{epochs: 3}` or `{share: 0.1}`.
    """

    def rate(self, step: int) -> float:
        """The rate of the update before which `step` updates were done."""
        raise NotImplementedError

    @property
    def lasts_as_training(self) -> bool:
        """True where a length depends on the training, which `lasting` sets."""
        return any(_is_part(getattr(self, field.name)) for field in fields(self))

    def lasting(self, training: TrainingLength) -> Schedule:
        """The same for a training of this length; as it is where its lengths are its own."""
        parts = {field.name: value for field in fields(self) if _is_part(value := getattr(self, field.name))}
        return replace(self, **{name: _in_steps(value, training) for name, value in parts.items()}) if parts else self

    def _counted(self, length: int | PartOfTraining) -> int:
        """A length that is a number of steps.

        Raises:
            ExperimentError: It is a part of a training that nobody knows.
        """
        if isinstance(length, int):
            return length
        text = f"{self.public_name()} counts in epochs or shares of the training of an experiment; here give numbers of steps."
        raise ExperimentError(text)


def _is_part(value: object) -> bool:
    """True for a part of the training, and for several lengths of which one is such."""
    return isinstance(value, PartOfTraining) or (isinstance(value, tuple) and any(map(_is_part, value)))


def _in_steps(value: Any, training: TrainingLength) -> Any:
    if isinstance(value, tuple):
        return tuple(_in_steps(one, training) for one in value)
    return training.steps_of(value) if isinstance(value, PartOfTraining) else value


@arguments
class OfSomeLength(Schedule):
    """A schedule that comes to an end after some steps, or at the end of the training."""

    total: Literal["auto"] | None = Field(
        default=None,
        kw_only=True,
        description="auto: it lasts as long as the training, in place of a number of steps.",
    )

    _length: ClassVar[str]
    """The field that holds the steps."""

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.total is None) == (getattr(self, self._length) is None):
            raise PydanticCustomError(
                "schedule_length", "must have {steps} or total: auto, one of the two", {"steps": self._length}
            )
        return self

    @property
    def lasts_as_training(self) -> bool:
        """True with `total: auto`."""
        return self.total is not None or super().lasts_as_training

    def lasting(self, training: TrainingLength) -> Schedule:
        """Over all steps that its beginning leaves, at least one, where it lasts as long as the training."""
        whole = super().lasting(training)
        if self.total is None or not isinstance(whole, OfSomeLength):
            return whole
        return replace(whole, total=None, **{self._length: max(training.steps - whole.before, 1)})

    @property
    def before(self) -> int:
        """The steps before the length begins to count."""
        return 0

    @property
    def steps(self) -> int:
        """Its steps.

        Raises:
            ExperimentError: They are those of a training that nobody knows.
        """
        steps: int | PartOfTraining | None = getattr(self, self._length)
        if steps is None:
            text = (
                f"{self.public_name()} with total: auto lasts as long as the training of an experiment; here give {self._length}."
            )
            raise ExperimentError(text)
        return self._counted(steps)


def _progress(step: int, decay_steps: int, staircase: bool) -> float:
    return float(step // decay_steps) if staircase else step / decay_steps


@setting
class ExponentialDecay(Schedule):
    """`initial_learning_rate · decay_rate ^ (step / decay_steps)`."""

    initial_learning_rate: Number = Field(ge=0, description="The first rate.")
    decay_steps: Length = Field(
        description="Updates in which the rate is multiplied by decay_rate once, or {epochs: 3}, or {share: 0.1}."
    )
    decay_rate: Number = Field(gt=0, description="Factor on the rate.")
    staircase: Boolean = Field(default=False, description="Whether the rate falls at whole multiples of decay_steps only.")

    def rate(self, step: int) -> float:
        """The decayed rate."""
        return self.initial_learning_rate * math.pow(
            self.decay_rate, _progress(step, self._counted(self.decay_steps), self.staircase)
        )


@setting
class InverseTimeDecay(Schedule):
    """`initial_learning_rate / (1 + decay_rate · step / decay_steps)`."""

    initial_learning_rate: Number = Field(ge=0, description="The first rate.")
    decay_steps: Length = Field(description="Updates that count as one unit of time, or {epochs: 3}, or {share: 0.1}.")
    decay_rate: Number = Field(ge=0, description="How much the divisor grows in one unit of time.")
    staircase: Boolean = Field(default=False, description="Whether the rate falls at whole multiples of decay_steps only.")

    def rate(self, step: int) -> float:
        """The decayed rate."""
        return self.initial_learning_rate / (
            1 + self.decay_rate * _progress(step, self._counted(self.decay_steps), self.staircase)
        )


@setting
class PolynomialDecay(OfSomeLength):
    """From `initial_learning_rate` to `end_learning_rate` in `decay_steps`, along a power of the time that is left."""

    initial_learning_rate: Number = Field(ge=0, description="The first rate.")
    decay_steps: Length | None = Field(default=None, description="Updates until the end is reached, or {epochs: 30}.")
    end_learning_rate: Number = Field(default=0.0001, ge=0, description="The last rate.")
    power: Number = Field(default=1.0, ge=0, description="Exponent; 1 gives a straight line.")
    cycle: Boolean = Field(default=False, description="Whether the rate rises again after the end, over ever longer cycles.")

    _length: ClassVar[str] = "decay_steps"

    def rate(self, step: int) -> float:
        """The decayed rate."""
        steps = self.steps * max(1, math.ceil(step / self.steps)) if self.cycle else self.steps
        left = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * math.pow(left, self.power) + self.end_learning_rate


@setting
class PiecewiseConstantDecay(Schedule):
    """`values[i]` up to and including step `boundaries[i]`, the last value afterwards."""

    boundaries: tuple[LengthOrNone, ...] = Field(
        description="Steps after which the next value begins, in rising order, or {epochs: 30}, {share: 0.5}."
    )
    values: tuple[Number, ...] = Field(description="The rates, one more than boundaries.")

    @model_validator(mode="after")
    def _fitting(self) -> PiecewiseConstantDecay:
        if len(self.values) != len(self.boundaries) + 1:
            raise PydanticCustomError(
                "values_and_boundaries",
                "values must be one longer than boundaries, got {values} and {boundaries}",
                {"values": len(self.values), "boundaries": len(self.boundaries)},
            )
        if not _is_part(self.boundaries) and list(self.boundaries) != sorted(set(map(self._counted, self.boundaries))):
            raise PydanticCustomError("rising_boundaries", "boundaries must rise")
        return self

    def rate(self, step: int) -> float:
        """The value of the piece that `step` lies in."""
        return self.values[sum(step > self._counted(boundary) for boundary in self.boundaries)]


@setting
class CosineDecay(OfSomeLength):
    """Half a cosine from `initial_learning_rate` down to `alpha` of it (Loshchilov and Hutter 2016), after a linear warmup."""

    initial_learning_rate: Number = Field(ge=0, description="The first rate.")
    decay_steps: Length | None = Field(default=None, description="Updates of the decay, which begins after the warmup.")
    alpha: Number = Field(default=0.0, ge=0, description="The last rate as a part of the highest.")
    warmup_target: Number | None = Field(default=None, ge=0, description="The rate at the warmup's end; no warmup if absent.")
    warmup_steps: LengthOrNone = Field(default=0, description="Updates of the warmup, or {epochs: 3}, or {share: 0.1}.")

    _length: ClassVar[str] = "decay_steps"

    @property
    def before(self) -> int:
        """The steps of the warmup, where there is one."""
        return 0 if self.warmup_target is None else self._counted(self.warmup_steps)

    def rate(self, step: int) -> float:
        """The rate of the warmup or of the decay."""
        if self.warmup_target is None:
            return self.initial_learning_rate * self._decay(step)
        if step < (warmup := self.before):
            return self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * step / warmup
        return self.warmup_target * self._decay(step - warmup)

    def _decay(self, step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(step / self.steps, 1)))
        return (1 - self.alpha) * cosine + self.alpha


@setting
class CosineDecayRestarts(Schedule):
    """Cosine decays one after the other, each `t_mul` times as long and `m_mul` times as high (Loshchilov and Hutter 2016)."""

    initial_learning_rate: Number = Field(ge=0, description="The first rate.")
    first_decay_steps: Length = Field(description="Updates of the first decay, or {epochs: 10}, or {share: 0.1}.")
    t_mul: Number = Field(default=2.0, ge=1, description="Factor on the length of each next decay.")
    m_mul: Number = Field(default=1.0, ge=0, description="Factor on the height of each next decay.")
    alpha: Number = Field(default=0.0, ge=0, description="The last rate as a part of the first.")

    def rate(self, step: int) -> float:
        """The rate in the decay that `step` lies in."""
        first = self._counted(self.first_decay_steps)
        length, restarts, begin = float(first), 0, 0.0
        if self.t_mul == 1:
            restarts = step // first
            begin = restarts * length
        while step >= begin + length:
            begin, length, restarts = begin + length, length * self.t_mul, restarts + 1
        cosine = 0.5 * self.m_mul**restarts * (1 + math.cos(math.pi * (step - begin) / length))
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)


@setting
class OneCycle(OfSomeLength):
    """Up to `max_learning_rate` and down to almost nothing (Smith and Topin 2018), with torch's arguments and defaults.

    With T steps, the rate goes from `max / div_factor` at step 0 to max at step `pct_start · T - 1`, then to
    `max / (div_factor · final_div_factor)` at step T - 1, where it stays.
    """

    max_learning_rate: Number = Field(ge=0, description="The highest rate.")
    total_steps: Length | None = Field(default=None, description="Updates of the whole cycle, or {epochs: 30}.")
    pct_start: Number = Field(default=0.3, ge=0, le=1, description="Part of the cycle in which the rate rises.")
    anneal_strategy: Literal["cos", "linear"] = Field(default="cos", description="Whether it goes along half a cosine or a line.")
    div_factor: Number = Field(default=25.0, gt=0, description="The highest rate divided by the first.")
    final_div_factor: Number = Field(default=10000.0, gt=0, description="The first rate divided by the last.")

    _length: ClassVar[str] = "total_steps"

    def rate(self, step: int) -> float:
        """The rate on the way up or down."""
        first, top, end = self.max_learning_rate / self.div_factor, self.pct_start * self.steps - 1, self.steps - 1
        if step <= top:
            return self._between(first, self.max_learning_rate, step / top if top else 1.0)
        way = min((step - top) / (end - top), 1.0) if end > top else 1.0
        return self._between(self.max_learning_rate, first / self.final_div_factor, way)

    def _between(self, begin: float, end: float, way: float) -> float:
        part = way if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * way)) / 2
        return begin + (end - begin) * part


@setting
class Warmup(Schedule):
    """A rate that rises from 0 in a line before another begins, as `train.warmup_epochs` asks; no member of the family."""

    learning_rate: Any = Field(description="The number or the schedule that follows.")
    steps: Integer = Field(ge=1, description="Updates of the warmup.")

    def rate(self, step: int) -> float:
        """The rate that follows, or the part of its first one that is reached."""
        base = (
            self.learning_rate.rate(max(step - self.steps, 0)) if isinstance(self.learning_rate, Schedule) else self.learning_rate
        )
        return float(base) * self.share(step)

    def share(self, step: int) -> float:
        """The part of the rate that is reached, up to 1."""
        return min(step / self.steps, 1.0)


SCHEDULES: Family[Schedule] = Family(
    "schedule",
    {
        cls.__name__: cls
        for cls in (
            ExponentialDecay,
            PiecewiseConstantDecay,
            PolynomialDecay,
            InverseTimeDecay,
            CosineDecay,
            CosineDecayRestarts,
            OneCycle,
        )
    },
)
