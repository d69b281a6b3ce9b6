"""The demands of `--require` on a finished run."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fittool.errors import RequirementError, UsageError
from fittool.settings import nearest_name

if TYPE_CHECKING:
    from fittool.config.experiment import Experiment

_FORM = re.compile(r"\s*([A-Za-z_][\w/]*)\s*(>=|<=|>|<)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*")
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def asked_of(texts: Sequence[str], experiment: Experiment) -> list[Requirement]:
    """Every `--require`, held against the metrics that the experiment computes.

    Raises:
        UsageError: One has another form, or names what is not computed.
    """
    from fittool.config.checks import value_names

    asked = [Requirement.parse(text) for text in texts]
    for requirement in asked:
        requirement.check_name(value_names(experiment))
    return asked


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

    def check_name(self, known: Sequence[str]) -> None:
        """Find out before training that the experiment computes the metric.

        Raises:
            UsageError: It does not; names the nearest.
        """
        if self.metric not in known:
            near = nearest_name(self.metric, list(known))
            hint = f" Did you mean {near}?" if near else f" There are {', '.join(known)}."
            raise UsageError(f"--require: the experiment has no metric {self.metric}.{hint}")

    def check(self, values: Mapping[str, float]) -> None:
        """Compare with the values of a finished run's best epoch.

        Raises:
            RequirementError: The comparison does not hold, or the value is not a number.
        """
        value = values.get(self.metric, math.nan)
        if not _COMPARE[self.relation](value, self.value):
            raise RequirementError(f"{self.metric} is {value:.6g}, but {self.metric}{self.relation}{self.value:g} is required.")
