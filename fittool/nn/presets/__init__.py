"""Ready networks by name: a preset and its sizes expand to a plain list of layers.

`base` has what every preset has, `images` those for images and the plain one, `field` those that published weights fit,
`tabular` those for tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from fittool.nn.presets.base import Preset, TrainingData, output_for
from fittool.nn.presets.field.efficientnet import EfficientNetB0, EfficientNetLite0
from fittool.nn.presets.field.mobilenet import MobileNetV2
from fittool.nn.presets.field.resnet import ResNet18, ResNet34, ResNet50
from fittool.nn.presets.field.vgg import VGG16
from fittool.nn.presets.field.vision_transformer import ViTB16, ViTS16, ViTTi16
from fittool.nn.presets.images import MLP, MiniVGG, ResNet, ResNetImageNet, SimpleCNN
from fittool.nn.presets.tabular import Linear, Tabular
from fittool.settings import Family, fold

__all__ = [
    "MLP", "PRESETS", "Linear", "MiniVGG", "Preset", "PresetFamily", "ResNet", "ResNetImageNet", "SimpleCNN", "Tabular",
    "TrainingData", "output_for",
]  # fmt: skip

_DEPTHS = {f"resnet{depth}": depth for depth in (20, 32, 44, 56, 110)}


class PresetFamily(Family[Preset]):
    """Presets; `resnet20` and its like stand for `resnet` of that depth."""

    def parse(self, value: object) -> Preset:
        """Turn a name, `{name: arguments}` or a preset into the preset."""
        if isinstance(value, str) and fold(value) in _DEPTHS:
            value = {value: {}}
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, arguments),) = value.items()
            if fold(str(name)) in _DEPTHS:
                value = {name: self._with_depth(str(name), arguments)}
        return super().parse(value)

    @staticmethod
    def _with_depth(name: str, arguments: Any) -> Any:
        if arguments is not None and not isinstance(arguments, Mapping):
            return arguments
        if "depth" in (arguments or {}):
            raise PydanticCustomError("depth_twice", "{name} says its depth; write resnet to choose another", {"name": name})
        return {"depth": _DEPTHS[fold(name)], **(arguments or {})}


_PRESETS: tuple[type[Preset], ...] = (
    MLP, SimpleCNN, MiniVGG, ResNet, ResNetImageNet, MobileNetV2, EfficientNetLite0, EfficientNetB0, ResNet18, ResNet34, ResNet50,
    VGG16, ViTB16, ViTS16, ViTTi16, Tabular, Linear,
)  # fmt: skip
PRESETS = PresetFamily("preset", {cls.public_name(): cls for cls in _PRESETS}, aliases=dict.fromkeys(_DEPTHS, "resnet"))
