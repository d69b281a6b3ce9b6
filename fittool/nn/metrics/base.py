"""What every metric is: a measure with a name in logs."""

from __future__ import annotations

from typing import ClassVar, Literal

from fittool.nn.targets import Measure
from fittool.settings import Field, ValueName, setting


@setting
class Metric(Measure):
    """A measure that is watched."""

    name: ValueName | None = Field(default=None, description="Name in logs; Keras's own if absent.")

    @property
    def log_name(self) -> str:
        """The key in logs."""
        return self.keras_name if self.name is None else self.name


@setting
class Share(Metric):
    """A share of right answers or another score: the more, the better."""

    mode: ClassVar[Literal["min", "max"]] = "max"
