"""Lengths of schedules: a number of steps, or a part of the training, which becomes one once the training is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field as Constraint
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fittool.settings import DescribedLater, Field, Integer, Number, setting


@setting
class PartOfTraining(DescribedLater):
    """A number of epochs, or a share of the whole training."""

    epochs: Annotated[Number, Constraint(gt=0)] | None = Field(default=None, description="Epochs; 0.5 is half of one.")
    share: Annotated[Number, Constraint(gt=0, le=1)] | None = Field(default=None, description="A share of the whole training.")

    @model_validator(mode="after")
    def _one_of_both(self) -> PartOfTraining:
        if (self.epochs is None) == (self.share is None):
            raise PydanticCustomError("part_of_training", "must have epochs or share, one of the two")
        return self


@dataclass(frozen=True)
class TrainingLength:
    """The length of a training in steps.

    Attributes:
        stages: Epochs, which need not be whole, and steps an epoch of each of its parts.
    """

    stages: Sequence[tuple[float, int]]

    @property
    def steps(self) -> int:
        """All steps together."""
        return round(sum(epochs * steps for epochs, steps in self.stages))

    def after(self, part: PartOfTraining) -> TrainingLength:
        """What is left of the training behind a part at its beginning; its epochs are those that follow."""
        left, stages = float(part.epochs or 0), []
        for epochs, steps in self.stages:
            passed = min(left, epochs)
            left -= passed
            stages.append((epochs - passed, steps))
        return TrainingLength(stages)

    def steps_of(self, part: PartOfTraining) -> int:
        """The steps in that part from the beginning on, at least one; epochs beyond the end are as long as the last."""
        if part.share is not None:
            return max(1, round(part.share * self.steps))
        left, found = float(part.epochs or 0), 0.0
        for number, (epochs, steps) in enumerate(self.stages):
            taken = left if number == len(self.stages) - 1 else min(left, epochs)
            found, left = found + taken * steps, left - taken
        return max(1, round(found))


class _StepsOrPart:
    """Validates a length so that an error is about the form that was meant.

    Args:
        least: The smallest number of steps.
    """

    def __init__(self, least: int) -> None:
        self._least = least

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A part where a mapping is written, else a number."""
        number = handler.generate_schema(Annotated[Integer, Constraint(ge=self._least)])
        return core_schema.no_info_wrap_validator_function(self._parse, number)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A number of steps, or one of the two parts."""
        parts = {"epochs": {"exclusiveMinimum": 0}, "share": {"exclusiveMinimum": 0, "maximum": 1}}
        of_training = [
            {
                "type": "object",
                "properties": {name: {"type": "number", **limits}},
                "required": [name],
                "additionalProperties": False,
            }
            for name, limits in parts.items()
        ]
        return {"anyOf": [{"type": "integer", "minimum": self._least}, *of_training]}

    @staticmethod
    def _parse(value: object, number: Callable[[object], int]) -> int | PartOfTraining:
        if isinstance(value, PartOfTraining):
            return value
        if not isinstance(value, Mapping):
            return number(value)
        try:
            return PartOfTraining(**value)
        except (ValidationError, TypeError):
            forms = {"epochs": "{epochs: 3}", "share": "{share: 0.5}"}
            raise PydanticCustomError("length", "must be a number of steps, {epochs} or {share}", forms) from None


Length = Annotated[int | PartOfTraining, _StepsOrPart(1)]
"""A number of steps from 1 on, `{epochs: 3}` or `{share: 0.1}`."""
LengthOrNone = Annotated[int | PartOfTraining, _StepsOrPart(0)]
"""The same from 0 on."""
