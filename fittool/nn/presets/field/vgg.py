"""VGG-16."""

from __future__ import annotations

from fittool.nn.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D, Permute
from fittool.nn.presets.base import Rate, Size, dropout
from fittool.nn.presets.field.base import CAFFE_DEVIATION, CAFFE_MEAN, IMAGENET_DEVIATION, IMAGENET_MEAN, FieldNetwork
from fittool.settings import Field, setting

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


@setting
class VGG16(FieldNetwork):
    """VGG-16: 13 convolutions of 3 × 3 and three fully connected layers (Simonyan and Zisserman 2014)."""

    means = (IMAGENET_MEAN, CAFFE_MEAN)
    deviations = (IMAGENET_DEVIATION, CAFFE_DEVIATION)

    units: Size = Field(default=4096, description="Units of each of the two hidden fully connected layers.")
    dropout: Rate = Field(default=0.5, description="Dropout behind each of these, in torchvision's layout.")

    @classmethod
    def public_name(cls) -> str:
        """`vgg16`."""
        return "vgg16"

    def expand(self, units: int, activation: str = "softmax") -> list[Layer]:
        """Preprocessing, five stages of convolutions and a pooling, three fully connected layers."""
        layers: list[Layer] = [self.preprocessing()]
        for stage, (filters, count) in enumerate(_STAGES, start=1):
            for number in range(1, count + 1):
                name = f"stage{stage}_conv{number}"
                layers.append(Conv2D(filters, (3, 3), padding="same", activation="relu", name=name))
            layers.append(MaxPooling2D(name=f"stage{stage}_pooling"))
        if self.layout == "torchvision":
            layers.append(Permute((3, 1, 2), name="channels_first"))  # PyTorch flattens channel by channel
        layers.append(Flatten(name="flatten"))
        for number in (1, 2):
            layers.append(Dense(self.units, "relu", name=f"dense{number}"))
            layers += dropout(self.dropout if self.layout == "torchvision" else 0.0, f"dropout{number}")
        return [*layers, self.head(units, activation)]
