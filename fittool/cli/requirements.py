"""What `--require` asks of a finished run."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fittool.errors import RequirementError, UsageError
from fittool.settings import nearest_name

_FORM = re.compile(r"\s*([A-Za-z_][\w/]*)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Requirement:
    """`val_accuracy>=0.9`: the best epoch's value must hold the comparison."""

    metric: str
    relation: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read one `--require`.

        Raises:
            UsageError: It has another form.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise UsageError(f'--require "{text}" must have the form METRIC>=VALUE (or <=, >, <), such as "val_accuracy>=0.9".')
        return cls(match[1], match[2], float(match[3]))

    def check(self, values: Mapping[str, float]) -> None:
        """Compare with a finished run's values.

        Raises:
            UsageError: The run has no such metric.
            RequirementError: The comparison does not hold, or the value is not a number.
        """
        if self.metric not in values:
            near = nearest_name(self.metric, list(values))
            hint = f" Did you mean {near}?" if near else f" There are: {', '.join(values)}."
            raise UsageError(f"--require {self.metric}: the run has no such metric.{hint}")
        if not _COMPARE[self.relation](values[self.metric], self.value):
            raise RequirementError(
                f"{self.metric} is {values[self.metric]:.4g}, required was {self.metric}{self.relation}{self.value:g}."
            )
