"""ResNet 18, 34 and 50 as torchvision and Keras have them."""

from __future__ import annotations

from typing import ClassVar

from fittool.nn.layers import Activation, Add, Layer, MaxPooling2D, ZeroPadding2D
from fittool.nn.presets.base import Rate
from fittool.nn.presets.field.base import CAFFE_DEVIATION, CAFFE_MEAN, IMAGENET_DEVIATION, IMAGENET_MEAN, Convolutions, Pooled
from fittool.settings import Field, arguments, setting


@arguments
class _ResNet(Pooled):
    """The common part: strides of bottlenecks stand in the 3 × 3 convolution, in Keras's layout in the 1 × 1 before it."""

    blocks: ClassVar[tuple[int, ...]]
    bottleneck: ClassVar[bool] = False
    means = (IMAGENET_MEAN, CAFFE_MEAN)
    deviations = (IMAGENET_DEVIATION, CAFFE_DEVIATION)

    dropout: Rate = Field(default=0.0, description="Dropout before the output.")

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Preprocessing, a 7 × 7 convolution and a pooling, four stages of residual blocks, pooling, output."""
        keras = self.layout == "keras"
        make = Convolutions(True, 1.001e-5 if keras else 1e-5, 0.99 if keras else 0.9, "relu", use_bias=keras)
        # Zeros stand in for the least numbers that PyTorch pads with: behind the activation nothing is less.
        layers: list[Layer] = [self.preprocessing(), *make("stem", 64, 7, 2)]
        layers += [ZeroPadding2D(((1, 1), (1, 1)), name="stem_pooling_pad"), MaxPooling2D((3, 3), (2, 2), name="stem_pooling")]
        came = 64
        for stage, count in enumerate(self.blocks, start=1):
            width = 64 * 2 ** (stage - 1)
            for block in range(1, count + 1):
                name, strides = f"stage{stage}_block{block}", 2 if stage > 1 and block == 1 else 1
                layers += self._block(make, name, (came, width), strides, str(layers[-1].name))
                came = 4 * width if self.bottleneck else width
        return [*layers, *self.pooled_head(units, activation)]

    def _block(self, make: Convolutions, name: str, channels: tuple[int, int], strides: int, source: str) -> list[Layer]:
        came, width = channels
        first, second = (strides, 1) if self.layout == "keras" and self.bottleneck else (1, strides)
        if self.bottleneck:
            layers = make(f"{name}_first", width, 1, first)
            layers += make(f"{name}_second", width, 3, second)
            layers += make(f"{name}_third", 4 * width, activated=False)
        else:
            layers = make(f"{name}_first", width, 3, strides)
            layers += make(f"{name}_second", width, 3, activated=False)
        last, outside = str(layers[-1].name), 4 * width if self.bottleneck else width
        if strides > 1 or came != outside:
            layers += make(f"{name}_shortcut", outside, 1, strides, source=source, activated=False)
            source = str(layers[-1].name)
        add = Add(name=f"{name}_add", inputs=(last, source))
        return [*layers, add, Activation("relu", name=f"{name}_relu")]


@setting
class ResNet18(_ResNet):
    """ResNet-18 for large images (He et al. 2015)."""

    blocks = (2, 2, 2, 2)

    @classmethod
    def public_name(cls) -> str:
        """`resnet18`."""
        return "resnet18"


@setting
class ResNet34(_ResNet):
    """ResNet-34 for large images (He et al. 2015)."""

    blocks = (3, 4, 6, 3)

    @classmethod
    def public_name(cls) -> str:
        """`resnet34`."""
        return "resnet34"


@setting
class ResNet50(_ResNet):
    """ResNet-50 for large images, of bottlenecks (He et al. 2015)."""

    blocks = (3, 4, 6, 3)
    bottleneck = True

    @classmethod
    def public_name(cls) -> str:
        """`resnet50`."""
        return "resnet50"
