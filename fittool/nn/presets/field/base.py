"""The common part: preprocessing, head, and convolutions in the two layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from fittool.nn.initializers import VarianceScaling
from fittool.nn.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Layer,
    Rescaling,
    ZeroPadding2D,
)
from fittool.nn.presets.base import Preset, Rate, dropout
from fittool.settings import Field, Integer, Number, Pair, arguments

PIXELS = 255.0
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels from 0 to 1, red, green, blue; what torchvision's weights were trained with."""
HALF = (0.5, 0.5, 0.5)
CAFFE_MEAN, CAFFE_DEVIATION = (123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)
"""Of the mode `caffe` of Keras's `preprocess_input`, red first: only means of the pixels are subtracted."""
"""Mean and deviation that bring pixels to -1 to 1."""

LayoutName = Literal["torchvision", "keras"]
Channels = tuple[Number, ...]
_KERNEL = VarianceScaling(2.0, "fan_out", "untruncated_normal")
"""He et al. 2015, by the outputs, as torchvision draws them."""


@dataclass(frozen=True)
class Convolutions:
    """Makes convolutions with batch normalization in one layout.

    Attributes:
        symmetric: Whether both sides are padded alike before strides, as PyTorch does it; else TensorFlow's `same`.
        epsilon, momentum: Of batch normalization.
        activation: Behind each, by its name.
        use_bias: Whether convolutions have a bias before their normalization.
    """

    symmetric: bool
    epsilon: float
    momentum: float
    activation: str
    use_bias: bool = False

    def __call__(
        self,
        name: str,
        filters: int,
        kernel: int = 1,
        strides: int = 1,
        *,
        source: str | None = None,
        activated: bool = True,
        groups: int = 1,
    ) -> list[Layer]:
        """A convolution, its normalization, and the activation: `<name>_conv`, `<name>_norm`, `<name>_<activation>`.

        Args:
            name: Begins the layers' names.
            filters: Output channels.
            kernel, strides: Of the window, for both sides.
            source: The layer that it takes; by default the one before.
            activated: Whether the activation follows.
            groups: Of channels.
        """
        padding, before = self._padding(f"{name}_pad", kernel, strides, source)
        convolution = Conv2D(
            filters, (kernel, kernel), (strides, strides), padding, groups=groups, use_bias=self.use_bias,
            kernel_initializer=_KERNEL, name=f"{name}_conv", inputs=None if before or source is None else (source,),
        )  # fmt: skip
        return [*before, convolution, *self._behind(name, activated)]

    def depthwise(self, name: str, kernel: int, strides: int) -> list[Layer]:
        """The same of each channel by itself."""
        padding, before = self._padding(f"{name}_pad", kernel, strides, None)
        convolution = DepthwiseConv2D(
            (kernel, kernel), (strides, strides), padding, use_bias=False, depthwise_initializer=_KERNEL, name=f"{name}_conv"
        )
        return [*before, convolution, *self._behind(name, True)]

    def _behind(self, name: str, activated: bool) -> list[Layer]:
        norm = BatchNormalization(epsilon=self.epsilon, momentum=self.momentum, name=f"{name}_norm")
        return [norm, Activation(self.activation, name=f"{name}_{self.activation}")] if activated else [norm]

    def _padding(self, name: str, kernel: int, strides: int, source: str | None) -> tuple[Literal["valid", "same"], list[Layer]]:
        """The padding argument, and a layer of zeros in front where both sides are to be padded alike."""
        if strides == 1 or kernel == 1 or not self.symmetric:
            return "same", []
        side = kernel // 2
        return "valid", [ZeroPadding2D(((side, side), (side, side)), name=name, inputs=None if source is None else (source,))]


@arguments
class FieldNetwork(Preset):
    """The arguments of every network of the field."""

    means: ClassVar[tuple[Channels, Channels]] = (IMAGENET_MEAN, HALF)
    deviations: ClassVar[tuple[Channels, Channels]] = (IMAGENET_DEVIATION, HALF)

    classes: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Number of outputs; by default what loss and data need."
    )
    input_size: Pair | None = Field(
        default=None, description="Height and width that the images must have, compared with the data; by default any."
    )
    layout: LayoutName = Field(
        default="torchvision",
        description="Whose weights fit: torchvision (both sides padded alike before strides) or keras (TensorFlow's padding).",
    )
    mean: Channels | None = Field(
        default=None, description="Mean of each channel of pixels from 0 to 1, subtracted first; by default the layout's."
    )
    deviation: Channels | None = Field(
        default=None, description="Deviation of each channel of pixels from 0 to 1, divided by; by default the layout's."
    )

    @property
    def symmetric(self) -> bool:
        """True where both sides are padded alike before strides."""
        return self.layout == "torchvision"

    def preprocessing(self) -> Layer:
        """Pixels from 0 to 255 to mean 0 and deviation 1 of each channel, `(pixel / 255 - mean) / deviation`."""
        place = 0 if self.layout == "torchvision" else 1
        means, deviations = self.mean or self.means[place], self.deviation or self.deviations[place]
        scale = tuple(1 / (PIXELS * one) for one in deviations)
        offset = tuple(-mean / one for mean, one in zip(means, deviations, strict=True))
        shape = None if self.input_size is None else (*self.input_size, len(means))
        return Rescaling(scale, offset, name="preprocessing", input_shape=shape)

    def head(self, units: int, activation: str) -> Layer:
        """The last layer, `predictions`."""
        return Dense(self.classes or units, activation, name="predictions")


@arguments
class Pooled(FieldNetwork):
    """Networks that end with the mean over all positions, dropout and one fully connected layer."""

    dropout: Rate = Field(default=0.2, description="Dropout before the output.")

    def pooled_head(self, units: int, activation: str) -> list[Layer]:
        """Pooling, dropout, output."""
        pooling: list[Layer] = [GlobalAveragePooling2D(name="pooling")]
        return [*pooling, *dropout(self.dropout, "dropout"), self.head(units, activation)]


def divisible(value: float, by: int = 8) -> int:
    """The multiple of `by` nearest to a number of channels, at most a tenth below it (Sandler et al. 2018)."""
    near = max(by, int(value + by / 2) // by * by)
    return near if near >= 0.9 * value else near + by


def survival(rate: float, name: str) -> Sequence[Layer]:
    """Stochastic depth (Huang et al. 2016): whole images' residuals dropped while training, none where the rate is 0."""
    return [Dropout(rate, (None, 1, 1, 1), name=name)] if rate > 0 else []
