"""Networks for tables: one that stands beside boosted trees, and a linear one to be beaten."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fittool.nn.activations import Activation
from fittool.nn.layers import Dense, Layer, PiecewiseLinearEmbedding, RobustScaling
from fittool.nn.presets.base import Preset, Rate, Size, TrainingData, dropout
from fittool.settings import Field, Integer, setting

_UNKNOWN = 10_000
"""Training samples that sizes are chosen for where nobody knows how many there are."""
_FEW = 2_000
_ROWS_OF_BIN, _FEWEST_BINS, _MOST_BINS = 100, 4, 128
_MOST_FILLINGS = 8192
"""Bins of all numbers together, so that very wide tables do not fill the memory."""


def bins_for(samples: int, numbers: int) -> int:
    """Bins of each number: one for a hundred samples, from 4 to 128, and 8,192 for all numbers together."""
    return max(_FEWEST_BINS, min(samples // _ROWS_OF_BIN, _MOST_BINS, _MOST_FILLINGS // max(numbers, 1)))


def has_few(samples: int) -> bool:
    """True below 2,000 samples, where a smaller network that forgets more does better."""
    return samples < _FEW


@setting
class Tabular(Preset):
    """Numbers on a robust scale and as piecewise linear vectors, then fully connected layers; sizes by the number of samples."""

    embeds_codes: ClassVar[bool] = True

    units: tuple[Size, ...] | None = Field(
        default=None,
        description="Units of each hidden layer; by default two of 128, of 64 below 2,000 training samples.",
    )
    activation: Activation = Field(default="relu", description="Activation of the hidden layers.")
    dropout: Rate | None = Field(
        default=None, description="Dropout behind each hidden layer; by default 0.15, below 2,000 training samples 0.3."
    )
    bins: Annotated[Integer, Field(ge=1, le=4096)] | None = Field(
        default=None,
        description="Bins of each number; by default one for 100 training samples, from 4 to 128, and at most 8,192 in all.",
    )
    embedding: Size = Field(default=8, description="Length of the vector of each number.")

    @classmethod
    def public_name(cls) -> str:
        """`tabular`."""
        return "tabular"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """The layers for features that are all numbers."""
        return self.expand_for(TrainingData(), units, activation)

    def expand_for(self, data: TrainingData, units: int, activation: str = "softmax") -> list[Layer]:
        """Robust scale and vectors of the numbers, vectors of the codes, the hidden layers, the output."""
        samples = _UNKNOWN if data.samples is None else data.samples
        layers = _numbers(data, (self.bins, self.embedding), samples) + _codes(data)
        hidden = self.units or ((64, 64) if has_few(samples) else (128, 128))
        rate = self.dropout if self.dropout is not None else 0.3 if has_few(samples) else 0.15
        for size in hidden:
            layers += [Dense(size, self.activation), *dropout(rate)]
        return [*layers, Dense(units, activation)]


@setting
class Linear(Preset):
    """One fully connected layer on numbers of a robust scale: what a larger network must beat."""

    embeds_codes: ClassVar[bool] = True

    @classmethod
    def public_name(cls) -> str:
        """`linear`."""
        return "linear"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """The layers for features that are all numbers."""
        return self.expand_for(TrainingData(), units, activation)

    def expand_for(self, data: TrainingData, units: int, activation: str = "softmax") -> list[Layer]:
        """Robust scale of the numbers, vectors of the codes, the output."""
        columns = _columns(data)
        scale: list[Layer] = [] if columns == () else [RobustScaling(columns=columns)]
        return [*scale, *_codes(data), Dense(units, activation)]


def _columns(data: TrainingData) -> tuple[int, ...] | None:
    """The positions of the numbers; None where all features are."""
    return None if data.layout is None else data.layout.positions("number")


def _numbers(data: TrainingData, sizes: tuple[int | None, int], samples: int) -> list[Layer]:
    """The layers of the numbers; none where there are none."""
    columns, (bins, length) = _columns(data), sizes
    if columns == ():
        return []
    bins = bins_for(samples, 1 if columns is None else len(columns)) if bins is None else bins
    return [RobustScaling(columns=columns), PiecewiseLinearEmbedding(bins, length, columns=columns)]


def _codes(data: TrainingData) -> list[Layer]:
    """The layer that puts vectors in place of the codes, behind those of the numbers, which move no feature."""
    layer = None if data.layout is None else data.layout.embedding()
    return [] if layer is None else [layer]
