"""The section `sweep`: which settings are tried with which values, how they are chosen, and what is better."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Tag, model_validator
from pydantic_core import PydanticCustomError

from fittool.settings import Boolean, Family, Field, Integer, Named, Number, Text, setting

VALUES, RANGE = "(values)", "(range)"
"""The parts of pydantic's locations that stand for the two forms of a parameter."""
_MOST_TRIALS = 1_000_000
DEFAULT_TRIALS = 20
"""The number of trials of a search that has no end."""
_SHOWN = 6


@setting
class Range:
    """Numbers between two ends; whole numbers where both ends and the step are whole."""

    low: Integer | Number = Field(kw_only=True, description="The least value.")
    high: Integer | Number = Field(
        kw_only=True, description="The greatest value; with a step the last one that is not beyond it."
    )
    log: Boolean = Field(default=False, description="Whether each power of ten is as likely as another.")
    step: Integer | Number | None = Field(
        default=None, description="Distance between values; without it all numbers are possible."
    )

    @property
    def is_whole(self) -> bool:
        """True where the values are whole numbers."""
        return all(isinstance(one, int) for one in (self.low, self.high, 1 if self.step is None else self.step))

    @property
    def steps(self) -> int | float | None:
        """The distance between values; None where all numbers between the ends are possible."""
        return 1 if self.step is None and self.is_whole else self.step

    @property
    def count(self) -> int | None:
        """How many values there are; None where all numbers between the ends are possible."""
        step = self.steps
        return None if step is None else int((self.high - self.low) / step * (1 + 1e-12)) + 1

    def number(self, place: int) -> int | float:
        """The value at a place among those with a step, from 0."""
        value = self.low + place * (self.steps or 0)
        return value if isinstance(value, int) else float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is not quite 0.3

    @property
    def last(self) -> int | float:
        """The greatest value that there is."""
        return self.high if self.count is None else self.number(self.count - 1)

    @model_validator(mode="after")
    def _holds_together(self) -> Range:
        if self.low >= self.high:
            raise PydanticCustomError("range_ends", "must have a low below high")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise PydanticCustomError("range_step", "must have a step above 0 and no longer than the range")
        if self.log and self.low <= 0:
            raise PydanticCustomError("range_log", "must have a low above 0 with log")
        if self.log and self.step is not None:
            raise PydanticCustomError("range_log_step", "must have either log or step")
        return self


def _form(parameter: object) -> str:
    return VALUES if isinstance(parameter, list) else RANGE


def _list_or_range(value: object) -> object:
    if isinstance(value, list | dict | Range):
        return value
    raise PydanticCustomError("parameter_form", "must be a list of values, or {low, high, log, step}")


Parameter = Annotated[
    Annotated[
        Annotated[list[Any], Field(min_length=1), Tag(VALUES)] | Annotated[Range, Tag(RANGE)],
        Discriminator(_form),
    ],
    BeforeValidator(_list_or_range),
]
"""A list of values, or a range of numbers."""


@setting
class Pruner(Named):
    """Ends trials early that will hardly be the best."""

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return next(name for name, member in PRUNERS.members.items() if member is cls)


@setting
class MedianPruner(Pruner):
    """Ends a trial whose best value so far is worse than the median of the finished trials in the same epoch."""

    startup_trials: Integer = Field(default=5, ge=1, description="Finished trials before any is ended.")
    warmup_epochs: Integer = Field(default=0, ge=0, description="Epochs at the beginning after which no trial is ended.")


@setting
class SuccessiveHalvingPruner(Pruner):
    """Optuna's asynchronous successive halving: of the trials that come to a rung the best go on. For method tpe."""

    min_epochs: Integer = Field(default=1, ge=1, description="The epoch of the first rung.")
    reduction_factor: Integer = Field(default=4, ge=2, description="One of so many trials goes on from a rung to the next.")


@setting
class HyperbandPruner(Pruner):
    """Optuna's Hyperband: successive halving with several first rungs. For method tpe."""

    min_epochs: Integer = Field(default=1, ge=1, description="The epoch of the first rung of all.")
    reduction_factor: Integer = Field(default=3, ge=2, description="One of so many trials goes on from a rung to the next.")


PRUNERS: Family[Pruner] = Family(
    "pruner", {"median": MedianPruner, "successive_halving": SuccessiveHalvingPruner, "hyperband": HyperbandPruner}
)
"""What `sweep.pruner` may name."""


@setting
class Sweep:
    """A search for the best settings, by `fittool sweep`; all other commands take the experiment as it stands."""

    method: Literal["grid", "random", "tpe"] = Field(
        default="random",
        description="grid: all combinations of the values, in order; random: each trial by itself; tpe: by what earlier trials "
        "have reached, with Optuna (extra sweep).",
    )
    trials: Annotated[Integer, Field(ge=1, le=_MOST_TRIALS)] | None = Field(
        default=None, description="How many combinations are tried; by default all of a grid, else 20."
    )
    metric: Text | None = Field(
        default=None,
        description="The value of the best epoch that decides; by default what the first ModelCheckpoint watches, else val_loss, "
        "else loss.",
    )
    mode: Literal["auto", "min", "max"] = Field(
        default="auto", description="Whether less or more of it is better; auto knows it from the name."
    )
    pruner: Annotated[Pruner, PRUNERS] | None = Field(
        default=None, description="Whether trials are ended early, and how; by default each is trained to its end."
    )
    seed: Annotated[Integer, Field(ge=0)] | None = Field(
        default=None, description="Of the choice of values; by default the experiment's."
    )
    parameters: dict[Text, Parameter] = Field(
        kw_only=True,
        min_length=1,
        description="By the dotted key of a setting (compile.optimizer.Adam.learning_rate, model.layers.1.Dense.units): a list "
        "of values, or {low, high, log, step}.",
    )

    @property
    def combinations(self) -> int | None:
        """How many combinations of values there are; None where they have no end."""
        counts = [one.count if isinstance(one, Range) else len(one) for one in self.parameters.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    def in_words(self) -> str:
        """`sweep: random, 20 trials, 3 settings: train.batch_size, …`."""
        size = self.combinations
        trials = (size if self.method == "grid" else DEFAULT_TRIALS) if self.trials is None else self.trials
        of_all = "" if size is None else f" of {size:,} combinations"
        keys = ", ".join(list(self.parameters)[:_SHOWN]) + (", …" if len(self.parameters) > _SHOWN else "")
        return f"sweep: {self.method}, {trials:,} trials{of_all}; varies {keys}"
