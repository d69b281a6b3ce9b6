"""MobileNetV2."""

from __future__ import annotations

from fittool.nn.layers import Add, Layer
from fittool.nn.presets.field.base import Convolutions, Pooled, divisible
from fittool.settings import Field, Number, setting

# factor of the channels inside, channels, blocks, strides of the first (Sandler et al. 2018, table 2)
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


@setting
class MobileNetV2(Pooled):
    """MobileNetV2: inverted residuals with depthwise convolutions (Sandler et al. 2018)."""

    alpha: Number = Field(default=1.0, gt=0, description="Factor on the number of channels of every layer.")

    @classmethod
    def public_name(cls) -> str:
        """`mobilenet_v2`."""
        return "mobilenet_v2"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Preprocessing, stem, seven stages, a 1 × 1 convolution, pooling, output."""
        epsilon, momentum = (1e-5, 0.9) if self.layout == "torchvision" else (1e-3, 0.999)
        make = Convolutions(self.symmetric, epsilon, momentum, "relu6")
        came = divisible(32 * self.alpha)
        layers: list[Layer] = [self.preprocessing(), *make("stem", came, 3, 2)]
        for stage, (factor, width, blocks, strides) in enumerate(_STAGES, start=1):
            filters = divisible(width * self.alpha)
            for block in range(1, blocks + 1):
                name, step = f"stage{stage}_block{block}", strides if block == 1 else 1
                layers += _block(make, name, (came, filters), factor, step, str(layers[-1].name))
                came = filters
        layers += make("top", divisible(1280 * max(1.0, self.alpha)))
        return [*layers, *self.pooled_head(units, activation)]


def _block(make: Convolutions, name: str, channels: tuple[int, int], factor: int, strides: int, source: str) -> list[Layer]:
    """More channels, a depthwise convolution, fewer channels; added to what went in, where both are of one shape."""
    came, filters = channels
    layers: list[Layer] = [] if factor == 1 else make(f"{name}_expand", came * factor)
    layers += make.depthwise(f"{name}_depthwise", 3, strides)
    layers += make(f"{name}_project", filters, activated=False)
    if strides == 1 and came == filters:
        layers.append(Add(name=f"{name}_add", inputs=(source, str(layers[-1].name))))
    return layers
