"""Ready networks for images, and the plain one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fittool.nn.activations import Activation
from fittool.nn.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
    ReLU,
    Rescaling,
)
from fittool.nn.presets.base import Preset, Rate, Size, dropout
from fittool.settings import Field, Integer, Number, setting


@setting
class MLP(Preset):
    """Fully connected layers, for tables and small images."""

    units: tuple[Size, ...] = Field(default=(128, 64), description="Units of each hidden layer.")
    activation: Activation = Field(default="relu", description="Activation of the hidden layers.")
    dropout: Rate = Field(default=0.0, description="Dropout behind each hidden layer.")
    scale: Number | None = Field(
        default=None, description="Factor on the inputs; by default 1/255 for images with pixels 0 to 255, else none."
    )

    def for_pixels(self) -> MLP:
        """With the scale that is left to the data."""
        return self if self.scale is not None else replace(self, scale=1 / 255)

    @classmethod
    def public_name(cls) -> str:
        """`mlp`."""
        return "mlp"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """The scale, if there is one, Flatten, the hidden layers, the output."""
        layers: list[Layer] = [Flatten()] if self.scale in (None, 1) else [Rescaling(self.scale), Flatten()]
        for size in self.units:
            layers.append(Dense(size, self.activation))
            layers += dropout(self.dropout)
        return [*layers, Dense(units, activation)]


@setting
class SimpleCNN(Preset):
    """The classic four-convolution network of Keras's CIFAR-10 example, for images."""

    filters: tuple[Size, ...] = Field(default=(32, 64), description="Filters of each block of two convolutions.")
    units: Size = Field(default=512, description="Units of the hidden fully connected layer.")
    activation: Activation = Field(default="relu", description="Activation of the hidden layers.")
    dropout: Rate = Field(default=0.25, description="Dropout behind each block.")
    dense_dropout: Rate = Field(default=0.5, description="Dropout before the output.")
    scale: Number = Field(default=1 / 255, description="Factor on the pixels.")

    @classmethod
    def public_name(cls) -> str:
        """`simple_cnn`."""
        return "simple_cnn"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Blocks of a padded and an unpadded convolution and a pooling, then two fully connected layers."""
        layers: list[Layer] = [Rescaling(self.scale)]
        for filters in self.filters:
            layers.append(Conv2D(filters, (3, 3), padding="same", activation=self.activation))
            layers.append(Conv2D(filters, (3, 3), activation=self.activation))
            layers += [MaxPooling2D(), *dropout(self.dropout)]
        layers += [Flatten(), Dense(self.units, self.activation), *dropout(self.dense_dropout)]
        return [*layers, Dense(units, activation)]


@setting
class MiniVGG(Preset):
    """A small relative of VGG with batch normalization (after Simonyan and Zisserman 2014), for images."""

    filters: tuple[Size, ...] = Field(default=(32, 64), description="Filters of each block.")
    convolutions: Size = Field(default=2, description="Convolutions in a block.")
    units: Size = Field(default=512, description="Units of the hidden fully connected layer.")
    dropout: Rate = Field(default=0.25, description="Dropout behind each block.")
    dense_dropout: Rate = Field(default=0.5, description="Dropout before the output.")
    scale: Number = Field(default=1 / 255, description="Factor on the pixels.")

    @classmethod
    def public_name(cls) -> str:
        """`mini_vgg`."""
        return "mini_vgg"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Blocks of padded convolutions, each with activation and normalization, and a pooling; two fully connected layers."""
        layers: list[Layer] = [Rescaling(self.scale)]
        for filters in self.filters:
            for _ in range(self.convolutions):
                layers += [Conv2D(filters, (3, 3), padding="same", activation="relu"), BatchNormalization()]
            layers += [MaxPooling2D(), *dropout(self.dropout)]
        layers += [Flatten(), Dense(self.units, "relu"), BatchNormalization(), *dropout(self.dense_dropout)]
        return [*layers, Dense(units, activation)]


def _six_n_plus_two(depth: int) -> int:
    if depth < 8 or depth % 6 != 2:
        near = max(8, round((depth - 2) / 6) * 6 + 2)
        raise PydanticCustomError("resnet_depth", "must be 6n + 2 (20, 32, 44, 56, 110); the nearest is {near}", {"near": near})
    return depth


@setting
class ResNet(Preset):
    """The residual network for CIFAR (He et al. 2015, section 4.2), shortcuts across sizes by 1 × 1 convolutions."""

    depth: Annotated[Integer, AfterValidator(_six_n_plus_two)] = Field(
        default=20, description="Number of layers with weights on the main path, 6n + 2: 20, 32, 44, 56, 110."
    )
    filters: Size = Field(default=16, description="Filters of the first stage; each of the two others doubles them.")
    scale: Number = Field(default=1 / 255, description="Factor on the pixels.")

    @classmethod
    def public_name(cls) -> str:
        """`resnet`."""
        return "resnet"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """A convolution, three stages of (depth - 2) / 6 blocks, pooling, the output."""
        layers: list[Layer] = [Rescaling(self.scale), *_normalize(self.filters, "stem"), ReLU(name="stem_relu")]
        for stage in range(3):
            for block in range((self.depth - 2) // 6):
                strides = 2 if stage and not block else 1
                name = f"stage{stage + 1}_block{block + 1}"
                layers += _residual_block(name, self.filters * 2**stage, strides, layers[-1].name)
        return [*layers, GlobalAveragePooling2D(), Dense(units, activation)]


_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@setting
class ResNetImageNet(Preset):
    """The residual network for ImageNet (He et al. 2015, section 4.1), the strides of bottlenecks in their 3 × 3 convolutions."""

    depth: Literal[18, 34, 50, 101, 152] = Field(
        default=18, description="Number of layers with weights; from 50 on with bottlenecks."
    )
    stem: Literal["large", "small"] = Field(
        default="large",
        description="How it begins: with 7 × 7, strides of 2 and a pooling, for large images; or with 3 × 3, for small ones.",
    )
    filters: Size = Field(default=64, description="Filters of the first stage; each further one doubles them.")
    scale: Number = Field(default=1 / 255, description="Factor on the pixels.")

    @classmethod
    def public_name(cls) -> str:
        """`resnet_imagenet`."""
        return "resnet_imagenet"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """The stem, four stages of blocks, pooling, the output."""
        layers: list[Layer] = [Rescaling(self.scale), *self._stem()]
        block, width = (_bottleneck, 4 * self.filters) if self.depth >= 50 else (_residual_block, self.filters)
        came = self.filters
        for stage, count in enumerate(_BLOCKS[self.depth]):
            for number in range(count):
                name, strides = f"stage{stage + 1}_block{number + 1}", 2 if stage and not number else 1
                projected = strides > 1 or came != width * 2**stage
                layers += block(name, self.filters * 2**stage, strides, layers[-1].name, projected=projected)
                came = width * 2**stage
        return [*layers, GlobalAveragePooling2D(), Dense(units, activation)]

    def _stem(self) -> list[Layer]:
        if self.stem == "small":
            return [*_normalize(self.filters, "stem"), ReLU(name="stem_relu")]
        convolution = _normalize(self.filters, "stem", kernel_size=7, strides=2)
        return [*convolution, ReLU(), MaxPooling2D((3, 3), (2, 2), "same", name="stem_pooling")]


def _normalize(filters: int, name: str, *, kernel_size: int = 3, strides: int = 1, source: str | None = None) -> list[Layer]:
    """A convolution without a bias, and its batch normalization."""
    inputs = None if source is None else (source,)
    convolution = Conv2D(
        filters, (kernel_size, kernel_size), (strides, strides), "same", use_bias=False, name=f"{name}_conv", inputs=inputs
    )
    return [convolution, BatchNormalization(name=f"{name}_norm")]


def _residual_block(name: str, filters: int, strides: int, source: str | None, *, projected: bool | None = None) -> list[Layer]:
    """Two convolutions, added to what went in; where the size changes (or `projected` says so), to a 1 × 1 convolution of it."""
    layers = [*_normalize(filters, f"{name}_first", strides=strides), ReLU(name=f"{name}_first_relu")]
    layers += _normalize(filters, f"{name}_second")
    return _joined(layers, name, filters, strides, source, strides > 1 if projected is None else projected)


def _bottleneck(name: str, filters: int, strides: int, source: str | None, *, projected: bool) -> list[Layer]:
    """A 1 × 1, a 3 × 3 and a 1 × 1 convolution to four times the filters, added to what went in."""
    layers = [*_normalize(filters, f"{name}_first", kernel_size=1), ReLU(name=f"{name}_first_relu")]
    layers += [*_normalize(filters, f"{name}_second", strides=strides), ReLU(name=f"{name}_second_relu")]
    layers += _normalize(4 * filters, f"{name}_third", kernel_size=1)
    return _joined(layers, name, 4 * filters, strides, source, projected)


def _joined(layers: list[Layer], name: str, filters: int, strides: int, source: str | None, projected: bool) -> list[Layer]:
    """The layers of a block and its shortcut, and their sum."""
    last = layers[-1].name
    if projected:
        layers = [*layers, *_normalize(filters, f"{name}_shortcut", kernel_size=1, strides=strides, source=source)]
        source = f"{name}_shortcut_norm"
    return [*layers, Add(name=f"{name}_sum", inputs=(str(source), str(last))), ReLU(name=f"{name}_relu")]
