"""EfficientNet-B0, and Lite0, which leaves squeeze-excitation out."""

from __future__ import annotations

from typing import ClassVar

from fittool.nn.layers import Add, Conv2D, GlobalAveragePooling2D, Layer, Multiply
from fittool.nn.presets.base import Rate
from fittool.nn.presets.field.base import HALF, IMAGENET_DEVIATION, IMAGENET_MEAN, Convolutions, LayoutName, Pooled, survival
from fittool.settings import Field, arguments, setting

# factor of the channels inside, channels, blocks, strides of the first, kernel (Tan and Le 2019, table 1)
_STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
_BLOCKS = sum(stage[2] for stage in _STAGES)


@arguments
class EfficientNet(Pooled):
    """The common part of the EfficientNets."""

    activation: ClassVar[str]
    squeezes: ClassVar[bool]

    stochastic_depth: Rate = Field(
        default=0.2,
        description="Share of images for which the last residual is left out in training; less for those before it.",
    )

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Preprocessing, stem, seven stages, a 1 × 1 convolution, pooling, output."""
        epsilon, momentum = (1e-5, 0.9) if self.layout == "torchvision" else (1e-3, 0.99)
        make = Convolutions(self.symmetric, epsilon, momentum, self.activation)
        layers: list[Layer] = [self.preprocessing(), *make("stem", 32, 3, 2)]
        came, done = 32, 0
        for stage, (factor, filters, blocks, strides, kernel) in enumerate(_STAGES, start=1):
            for block in range(1, blocks + 1):
                name, step = f"stage{stage}_block{block}", strides if block == 1 else 1
                layers += self._block(make, name, (came, filters), (factor, kernel, step), str(layers[-1].name), done)
                came, done = filters, done + 1
        return [*layers, *make("top", 1280), *self.pooled_head(units, activation)]

    def _block(
        self, make: Convolutions, name: str, channels: tuple[int, int], form: tuple[int, int, int], source: str, done: int
    ) -> list[Layer]:
        (came, filters), (factor, kernel, strides) = channels, form
        layers: list[Layer] = [] if factor == 1 else make(f"{name}_expand", came * factor)
        layers += make.depthwise(f"{name}_depthwise", kernel, strides)
        if self.squeezes:
            layers += _squeeze_excitation(name, came * factor, max(1, came // 4), self.activation, str(layers[-1].name))
        layers += make(f"{name}_project", filters, activated=False)
        if strides == 1 and came == filters:
            layers += survival(self.stochastic_depth * done / _BLOCKS, f"{name}_drop")
            layers.append(Add(name=f"{name}_add", inputs=(source, str(layers[-1].name))))
        return layers


def _squeeze_excitation(name: str, channels: int, squeezed: int, activation: str, source: str) -> list[Layer]:
    """Each channel times a factor that is made of the means of all channels (Hu et al. 2018)."""
    return [
        GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze", inputs=(source,)),
        Conv2D(squeezed, (1, 1), activation=activation, name=f"{name}_reduce"),
        Conv2D(channels, (1, 1), activation="sigmoid", name=f"{name}_excite"),
        Multiply(name=f"{name}_scale", inputs=(source, f"{name}_excite")),
    ]


@setting
class EfficientNetB0(EfficientNet):
    """EfficientNet-B0: MobileNet's blocks with squeeze-excitation (Tan and Le 2019)."""

    activation: ClassVar[str] = "silu"
    squeezes: ClassVar[bool] = True
    means = (IMAGENET_MEAN, IMAGENET_MEAN)
    deviations = (IMAGENET_DEVIATION, IMAGENET_DEVIATION)

    @classmethod
    def public_name(cls) -> str:
        """`efficientnet_b0`."""
        return "efficientnet_b0"


@setting
class EfficientNetLite0(EfficientNet):
    """EfficientNet-Lite0: without squeeze-excitation, with relu6, for small devices; its weights are TensorFlow's."""

    activation: ClassVar[str] = "relu6"
    squeezes: ClassVar[bool] = False
    means = (HALF, HALF)
    deviations = (HALF, HALF)

    layout: LayoutName = Field(
        default="keras",
        description="Whose weights fit: keras (TensorFlow's padding), or torchvision (both sides padded alike before strides).",
    )

    @classmethod
    def public_name(cls) -> str:
        """`efficientnet_lite0`."""
        return "efficientnet_lite0"
