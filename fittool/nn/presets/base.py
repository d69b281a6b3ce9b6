"""The base of every preset, and the last layer that fits loss and data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from fittool.nn.layers import Layer
from fittool.nn.losses import LogitsOrProbabilities, Loss
from fittool.settings import Field, Integer, Named, Number, setting

if TYPE_CHECKING:
    from fittool.nn.table_layout import TableLayout

Size = Annotated[Integer, Field(ge=1)]
Rate = Annotated[Number, Field(ge=0, lt=1)]


def output_for(loss: Loss, classes: int | None, outputs: int = 1) -> tuple[int, str]:
    """Units and activation of the last layer that fit a loss and the data.

    Args:
        loss: Decides between softmax, sigmoid and linear; with `from_logits` it is linear.
        classes: Number of classes, or None for regression.
        outputs: Number of targets a sample, for regression.

    Returns:
        (units, activation); two classes under a binary crossentropy need one unit.
    """
    if not isinstance(loss, LogitsOrProbabilities):
        return outputs, "linear"
    units = outputs if classes is None or (classes <= 2 and loss.squash == "sigmoid") else classes
    return units, "linear" if loss.from_logits else loss.squash


@dataclass(frozen=True)
class TrainingData:
    """What a preset may know of the samples to train on.

    Attributes:
        samples: How many there are; None where nobody knows.
        layout: The features of a table, or None.
    """

    samples: int | None = None
    layout: TableLayout | None = None


@setting
class Preset(Named):
    """A network whose last layer is still to be fitted to the data."""

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """The layers.

        Args:
            units: Size of the output: classes, or targets of a regression.
            activation: Activation of the last layer (see `output_for`).
        """
        raise NotImplementedError

    embeds_codes: ClassVar[bool] = False
    """True where the network looks the codes of a table up itself; else a layer in front of it does."""

    def for_pixels(self) -> Preset:
        """The same for images whose pixels are 0 to 255."""
        return self

    def expand_for(self, data: TrainingData, units: int, activation: str = "softmax") -> list[Layer]:
        """The layers for some training data; only presets for tables look at them.

        Args:
            data: What is known of them.
            units, activation: As for `expand`.
        """
        return self.expand(units, activation)


def dropout(rate: float, name: str | None = None) -> list[Layer]:
    """A Dropout layer, or none where nothing is dropped."""
    from fittool.nn.layers import Dropout

    return [Dropout(rate, name=name)] if rate > 0 else []
