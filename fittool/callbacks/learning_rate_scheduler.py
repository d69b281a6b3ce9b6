"""LearningRateScheduler: a learning rate for each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import signature
from typing import Annotated, Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.callbacks.user_code import FUNCTION_SCHEMA, found
from fittool.errors import UserCodeError
from fittool.nn.schedules import SCHEDULES, Schedule
from fittool.settings import DOES_NOT_COUNT, NAMES_CODE, Field, Integer, setting


class _EpochSchedule:
    """Annotation metadata: a schedule of the family, `module:function`, or from Python a function `(epoch, rate) -> rate`."""

    @staticmethod
    def parse(value: object) -> object:
        """Schedules through their family; functions and the names of functions as they are."""
        if isinstance(value, str) and ":" in value:
            return value
        schedule = value if callable(value) else SCHEDULES.parse(value)
        if isinstance(schedule, Schedule) and schedule.lasts_as_training:
            raise PydanticCustomError("epochs_unknown", "must give numbers of epochs, not total: auto or parts of the training")
        return schedule

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate through `parse`."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The family's forms, or the name of a function."""
        family = SCHEDULES.__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [*family["anyOf"], FUNCTION_SCHEMA]}


EpochSchedule = Annotated[Any, _EpochSchedule(), NAMES_CODE]


@setting
class LearningRateScheduler(CallbackSetting):
    """Sets the learning rate at the beginning of each epoch."""

    steers: ClassVar[bool] = True

    schedule: EpochSchedule = Field(
        description="A schedule, its steps counting epochs; or module:function, called with epoch (from 0) and rate."
    )
    verbose: Annotated[Integer, DOES_NOT_COUNT] = Field(default=0, ge=0, le=1, description="1 tells each epoch's rate.")
    first_epoch: Integer = Field(
        default=0, ge=0, kw_only=True, description="Epochs of the whole training behind which the schedule begins, at 0."
    )

    def start(self, surroundings: CallbackContext) -> LearningRateSchedulerCallback:
        """The callback at work.

        Raises:
            ExperimentError: The named function cannot be found.
        """
        schedule = self.schedule
        rate_of = (
            (lambda epoch, rate: schedule.rate(epoch))
            if isinstance(schedule, Schedule)
            else _with_rate(found(schedule, surroundings, "The learning rate schedule"))
        )
        return LearningRateSchedulerCallback(lambda epoch, rate: rate_of(max(epoch - self.first_epoch, 0), rate), self.verbose)


def _with_rate(schedule: Callable[..., Any]) -> Callable[[int, float], Any]:
    """A function of the epoch alone, which Keras takes as well, as one of epoch and rate."""
    try:
        signature(schedule).bind(0, 0.0)
    except TypeError:
        return lambda epoch, rate: schedule(epoch)
    except ValueError:  # some compiled functions do not tell their arguments
        return schedule
    return schedule


class LearningRateSchedulerCallback(Callback):
    """Asks a function for the rate of each epoch.

    Args:
        schedule: Called with the epoch (from 0) and the present rate.
        verbose: 1 tells each rate.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, schedule: Callable[[int, float], Any], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that the learning rate can be set; it cannot where the optimizer has a schedule of its own."""
        self.run.learning_rate = self.run.learning_rate

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate of the epoch.

        Raises:
            UserCodeError: The function gave no finite number.
        """
        rate = self.schedule(epoch, self.run.learning_rate)
        try:
            number = float(rate)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise UserCodeError(
                f"The learning rate schedule must give a number of at least 0, got {rate!r} for epoch {epoch + 1}."
            )
        self.run.learning_rate = number
        if self.verbose:
            self.run.say(f"LearningRateScheduler: the learning rate of epoch {epoch + 1} is {number:g}.")
