"""The section `data.target`: how the numbers of a regression are learnt."""

from __future__ import annotations

from typing import Literal

from fittool.settings import Field, setting


@setting
class Target:
    """The numbers to predict, in a regression."""

    scale: Literal["standard", "log", "none"] = Field(
        default="none",
        description="The scale on which the loss compares targets and outputs: standard: less the mean and divided by the "
        "standard deviation of the training part; log: the same of log(1 + y), for amounts that reach over several powers of "
        "ten; none: as they are. Metrics and predictions are in the targets' own unit.",
    )
