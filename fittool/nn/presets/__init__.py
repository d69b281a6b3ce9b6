"""Ready networks by name: a preset and its sizes expand to a plain list of layers.

`base` has what every preset has, `images` those for images and the plain one, `field` those that published weights fit,
`tabular` those for tables. The module of a preset is imported when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from fittool.nn.presets.base import Preset, TrainingData, output_for
from fittool.settings import Family, OnDemand, fold, import_from_home

if TYPE_CHECKING:
    from fittool.nn.presets.field.efficientnet import EfficientNetB0, EfficientNetLite0
    from fittool.nn.presets.field.mobilenet import MobileNetV2
    from fittool.nn.presets.field.resnet import ResNet18, ResNet34, ResNet50
    from fittool.nn.presets.field.vgg import VGG16
    from fittool.nn.presets.field.vision_transformer import ViTB16, ViTS16, ViTTi16
    from fittool.nn.presets.images import MLP, MiniVGG, ResNet, ResNetImageNet, SimpleCNN
    from fittool.nn.presets.tabular import Linear, Tabular

__all__ = [
    "MLP", "PRESETS", "VGG16", "EfficientNetB0", "EfficientNetLite0", "Linear", "MiniVGG", "MobileNetV2", "Preset",
    "PresetFamily", "ResNet", "ResNet18", "ResNet34", "ResNet50", "ResNetImageNet", "SimpleCNN", "Tabular", "TrainingData",
    "ViTB16", "ViTS16", "ViTTi16", "output_for",
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


_PLACES = {
    "mlp": ("images", "MLP"), "simple_cnn": ("images", "SimpleCNN"), "mini_vgg": ("images", "MiniVGG"),
    "resnet": ("images", "ResNet"), "resnet_imagenet": ("images", "ResNetImageNet"),
    "mobilenet_v2": ("field.mobilenet", "MobileNetV2"), "efficientnet_lite0": ("field.efficientnet", "EfficientNetLite0"),
    "efficientnet_b0": ("field.efficientnet", "EfficientNetB0"), "resnet18": ("field.resnet", "ResNet18"),
    "resnet34": ("field.resnet", "ResNet34"), "resnet50": ("field.resnet", "ResNet50"), "vgg16": ("field.vgg", "VGG16"),
    "vit_b_16": ("field.vision_transformer", "ViTB16"), "vit_s_16": ("field.vision_transformer", "ViTS16"),
    "vit_ti_16": ("field.vision_transformer", "ViTTi16"), "tabular": ("tabular", "Tabular"), "linear": ("tabular", "Linear"),
}  # fmt: skip
"""The module and the class of each preset, by its word in files, in the order of the reference page."""
_NAMED = {word: (f"{__name__}.{module}", name) for word, (module, name) in _PLACES.items()}
_HOMES = {home[1]: home for home in _NAMED.values()}
PRESETS = PresetFamily("preset", OnDemand(_NAMED), aliases=dict.fromkeys(_DEPTHS, "resnet"))


def __getattr__(name: str) -> object:
    """Import a preset when it is first asked for (PEP 562)."""
    return import_from_home(__name__, _HOMES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
