"""The names that other tools give the layers of the presets: torchvision, timm, Hugging Face's transformers, Keras and others.

Each table maps the name of a layer with weights here to the module's there. Where several modules make one layer (query, key
and value), it names the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fittool.nn.presets import Preset
from fittool.nn.presets.field.efficientnet import EfficientNetB0, EfficientNetLite0
from fittool.nn.presets.field.mobilenet import MobileNetV2
from fittool.nn.presets.field.resnet import ResNet18, ResNet34, ResNet50
from fittool.nn.presets.field.vgg import VGG16
from fittool.nn.presets.field.vision_transformer import VisionTransformer, ViTB16, ViTS16, ViTTi16

Names = dict[str, str]
"""Module there, by layer here."""


Parts = dict[str, tuple[str, str]]
Made = tuple[Names, Parts]


@dataclass(frozen=True)
class _Block:
    """One block of the mobile networks: its stage from 1, its number there from 1, and in all from 0."""

    stage: int
    number: int
    index: int

    @property
    def name(self) -> str:
        """Its name here."""
        return f"stage{self.stage}_block{self.number}"

    @property
    def expands(self) -> bool:
        """The first block has no convolution before its depthwise one."""
        return self.index > 0


def _blocks(counts: tuple[int, ...]) -> Iterator[_Block]:
    index = 0
    for stage, count in enumerate(counts, start=1):
        for number in range(1, count + 1):
            yield _Block(stage, number, index)
            index += 1


_MOBILE, _EFFICIENT = (1, 2, 3, 4, 3, 3, 1), (1, 2, 2, 3, 3, 4, 1)


def _pair(name: str, convolution: str, norm: str) -> Names:
    return {f"{name}_conv": convolution, f"{name}_norm": norm}


def _mobilenet_torchvision(preset: Preset) -> Made:
    names = _pair("stem", "features.0.0", "features.0.1")
    for block in _blocks(_MOBILE):
        at, step = f"features.{block.index + 1}.conv", 0
        if block.expands:
            names |= _pair(f"{block.name}_expand", f"{at}.0.0", f"{at}.0.1")
            step = 1
        names |= _pair(f"{block.name}_depthwise", f"{at}.{step}.0", f"{at}.{step}.1")
        names |= _pair(f"{block.name}_project", f"{at}.{step + 1}", f"{at}.{step + 2}")
    names |= _pair("top", "features.18.0", "features.18.1")
    return {**names, "predictions": "classifier.1"}, {}


def _mobile_timm(counts: tuple[int, ...]) -> Callable[[Preset], Made]:
    """The names of timm's MobileNetV2 and EfficientNet, which are one class."""

    def make(preset: Preset) -> Made:
        names = _pair("stem", "conv_stem", "bn1")
        for block in _blocks(counts):
            at = f"blocks.{block.stage - 1}.{block.number - 1}"
            if block.expands:
                names |= _pair(f"{block.name}_expand", f"{at}.conv_pw", f"{at}.bn1")
                names |= _pair(f"{block.name}_depthwise", f"{at}.conv_dw", f"{at}.bn2")
                names |= _pair(f"{block.name}_project", f"{at}.conv_pwl", f"{at}.bn3")
            else:
                names |= _pair(f"{block.name}_depthwise", f"{at}.conv_dw", f"{at}.bn1")
                names |= _pair(f"{block.name}_project", f"{at}.conv_pw", f"{at}.bn2")
            names |= {f"{block.name}_reduce": f"{at}.se.conv_reduce", f"{block.name}_excite": f"{at}.se.conv_expand"}
        return {**names, **_pair("top", "conv_head", "bn2"), "predictions": "classifier"}, {}

    return make


def _mobilenet_transformers(preset: Preset) -> Made:
    stem = "mobilenet_v2.conv_stem"
    names = _pair("stem", f"{stem}.first_conv.convolution", f"{stem}.first_conv.normalization")
    for block in _blocks(_MOBILE):
        at = f"mobilenet_v2.layer.{block.index - 1}" if block.expands else stem
        for ours, theirs in (("expand", "expand_1x1"), ("depthwise", "conv_3x3"), ("project", "reduce_1x1")):
            if ours != "expand" or block.expands:
                names |= _pair(f"{block.name}_{ours}", f"{at}.{theirs}.convolution", f"{at}.{theirs}.normalization")
    names |= _pair("top", "mobilenet_v2.conv_1x1.convolution", "mobilenet_v2.conv_1x1.normalization")
    return {**names, "predictions": "classifier"}, {}


def _mobilenet_keras(preset: Preset) -> Made:
    names = _pair("stem", "Conv1", "bn_Conv1")
    for block in _blocks(_MOBILE):
        at = f"block_{block.index}" if block.expands else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            if part != "expand" or block.expands:
                names |= _pair(f"{block.name}_{part}", f"{at}_{part}", f"{at}_{part}_BN")
    return {**names, **_pair("top", "Conv_1", "Conv_1_bn"), "predictions": "predictions"}, {}


def _efficientnet_torchvision(preset: Preset) -> Made:
    names = _pair("stem", "features.0.0", "features.0.1")
    squeezes = int(isinstance(preset, EfficientNetB0))
    for block in _blocks(_EFFICIENT):
        at, step = f"features.{block.stage}.{block.number - 1}.block", 0
        if block.expands:
            names |= _pair(f"{block.name}_expand", f"{at}.0.0", f"{at}.0.1")
            step = 1
        names |= _pair(f"{block.name}_depthwise", f"{at}.{step}.0", f"{at}.{step}.1")
        names |= {f"{block.name}_reduce": f"{at}.{step + 1}.fc1", f"{block.name}_excite": f"{at}.{step + 1}.fc2"}
        last = step + 1 + squeezes
        names |= _pair(f"{block.name}_project", f"{at}.{last}.0", f"{at}.{last}.1")
    names |= _pair("top", "features.8.0", "features.8.1")
    return {**names, "predictions": "classifier.1"}, {}


_Two = tuple[str, str]
"""A convolution and its normalization there."""


def _efficientnet(
    at: Callable[[_Block], str],
    predictions: str,
    *,
    stem: _Two,
    expand: _Two,
    depthwise: _Two,
    squeeze: _Two,
    project: _Two,
    top: _Two,
) -> Made:
    """An EfficientNet, by what stands before the names of a block, and these names; `squeeze` are two convolutions."""
    names = _pair("stem", *stem)
    for block in _blocks(_EFFICIENT):
        parts = {"depthwise": depthwise, "project": project} | ({"expand": expand} if block.expands else {})
        for part, (convolution, norm) in parts.items():
            names |= _pair(f"{block.name}_{part}", at(block) + convolution, at(block) + norm)
        names |= {f"{block.name}_reduce": at(block) + squeeze[0], f"{block.name}_excite": at(block) + squeeze[1]}
    return {**names, **_pair("top", *top), "predictions": predictions}, {}


def _efficientnet_pytorch(preset: Preset) -> Made:
    """The package efficientnet_pytorch, and the weights that were moved with it from TensorFlow."""
    return _efficientnet(
        lambda block: f"_blocks.{block.index}.", "_fc", stem=("_conv_stem", "_bn0"), expand=("_expand_conv", "_bn0"),
        depthwise=("_depthwise_conv", "_bn1"), squeeze=("_se_reduce", "_se_expand"), project=("_project_conv", "_bn2"),
        top=("_conv_head", "_bn1"),
    )  # fmt: skip


def _efficientnet_transformers(preset: Preset) -> Made:
    embeddings, encoder, depthwise = "efficientnet.embeddings", "efficientnet.encoder", "depthwise_conv.depthwise"
    return _efficientnet(
        lambda block: f"{encoder}.blocks.{block.index}.", "classifier",
        stem=(f"{embeddings}.convolution", f"{embeddings}.batchnorm"), expand=("expansion.expand_conv", "expansion.expand_bn"),
        depthwise=(f"{depthwise}_conv", f"{depthwise}_norm"), squeeze=("squeeze_excite.reduce", "squeeze_excite.expand"),
        project=("projection.project_conv", "projection.project_bn"), top=(f"{encoder}.top_conv", f"{encoder}.top_bn"),
    )  # fmt: skip


def _efficientnet_keras(preset: Preset) -> Made:
    return _efficientnet(
        lambda block: f"block{block.stage}{'abcdefgh'[block.number - 1]}_", "predictions", stem=("stem_conv", "stem_bn"),
        expand=("expand_conv", "expand_bn"), depthwise=("dwconv", "bn"), squeeze=("se_reduce", "se_expand"),
        project=("project_conv", "project_bn"), top=("top_conv", "top_bn"),
    )  # fmt: skip


_RESIDUAL = {ResNet18: (2, 2, 2, 2), ResNet34: (3, 4, 6, 3), ResNet50: (3, 4, 6, 3)}
_CONVOLUTIONS = ("first", "second", "third")


def _residual_blocks(preset: Preset) -> Iterator[_Block]:
    yield from _blocks(_RESIDUAL[type(preset)])  # type: ignore[index]


def _convolutions(preset: Preset) -> tuple[str, ...]:
    return _CONVOLUTIONS if isinstance(preset, ResNet50) else _CONVOLUTIONS[:2]


def _resnet_torchvision(preset: Preset) -> Made:
    """Those of timm, too."""
    names = _pair("stem", "conv1", "bn1")
    for block in _residual_blocks(preset):
        at = f"layer{block.stage}.{block.number - 1}"
        for number, part in enumerate(_convolutions(preset), start=1):
            names |= _pair(f"{block.name}_{part}", f"{at}.conv{number}", f"{at}.bn{number}")
        names |= _pair(f"{block.name}_shortcut", f"{at}.downsample.0", f"{at}.downsample.1")
    return {**names, "predictions": "fc"}, {}


def _resnet_transformers(preset: Preset) -> Made:
    stem = "resnet.embedder.embedder"
    names = _pair("stem", f"{stem}.convolution", f"{stem}.normalization")
    for block in _residual_blocks(preset):
        at = f"resnet.encoder.stages.{block.stage - 1}.layers.{block.number - 1}"
        for number, part in enumerate(_convolutions(preset)):
            names |= _pair(f"{block.name}_{part}", f"{at}.layer.{number}.convolution", f"{at}.layer.{number}.normalization")
        names |= _pair(f"{block.name}_shortcut", f"{at}.shortcut.convolution", f"{at}.shortcut.normalization")
    return {**names, "predictions": "classifier.1"}, {}


def _resnet_keras(preset: Preset) -> Made:
    names = _pair("stem", "conv1_conv", "conv1_bn")
    for block in _residual_blocks(preset):
        at = f"conv{block.stage + 1}_block{block.number}"
        for number, part in enumerate(_convolutions(preset), start=1):
            names |= _pair(f"{block.name}_{part}", f"{at}_{number}_conv", f"{at}_{number}_bn")
        names |= _pair(f"{block.name}_shortcut", f"{at}_0_conv", f"{at}_0_bn")
    return {**names, "predictions": "predictions"}, {}


_VGG = {"stage1": (0, 2), "stage2": (5, 7), "stage3": (10, 12, 14), "stage4": (17, 19, 21), "stage5": (24, 26, 28)}


def _vgg(dense: tuple[str, str, str]) -> Callable[[Preset], Made]:
    def make(preset: Preset) -> Made:
        names = {
            f"{stage}_conv{number}": f"features.{place}"
            for stage, places in _VGG.items()
            for number, place in enumerate(places, start=1)
        }
        return names | dict(zip(("dense1", "dense2", "predictions"), dense, strict=True)), {}

    return make


def _vgg_keras(preset: Preset) -> Made:
    names = {
        f"{stage}_conv{number}": f"{stage.replace('stage', 'block')}_conv{number}"
        for stage, places in _VGG.items()
        for number in range(1, len(places) + 1)
    }
    return {**names, "dense1": "fc1", "dense2": "fc2", "predictions": "predictions"}, {}


def _depth(preset: Preset) -> int:
    assert isinstance(preset, VisionTransformer)
    return preset.depth


def _vit_torchvision(preset: Preset) -> Made:
    names = {"patches": "conv_proj", "norm": "encoder.ln", "predictions": "heads.head"}
    parts: Parts = {"class_token": ("class_token", "token"), "encoder.pos_embedding": ("positions", "embeddings")}
    for number in range(_depth(preset)):
        block, at = f"block{number + 1}", f"encoder.layers.encoder_layer_{number}"
        names |= {f"{block}_norm1": f"{at}.ln_1", f"{block}_norm2": f"{at}.ln_2"}
        for ours, theirs in (("1", ("0", "linear_1")), ("2", ("3", "linear_2"))):
            names[f"{block}_dense{ours}"] = f"{at}.mlp.{theirs[0]}"
            for part in ("weight", "bias"):  # its older weights
                parts[f"{at}.mlp.{theirs[1]}.{part}"] = f"{block}_dense{ours}", part
        attention = f"{at}.self_attention"
        for part in ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"):
            parts[f"{attention}.{part}"] = f"{block}_attention", part
    return names, parts


def _vit_timm(preset: Preset) -> Made:
    names = {"patches": "patch_embed.proj", "norm": "norm", "predictions": "head"}
    parts: Parts = {"cls_token": ("class_token", "token"), "pos_embed": ("positions", "embeddings")}
    for number in range(_depth(preset)):
        block, at = f"block{number + 1}", f"blocks.{number}"
        names |= {f"{block}_norm1": f"{at}.norm1", f"{block}_norm2": f"{at}.norm2"}
        names |= {f"{block}_dense1": f"{at}.mlp.fc1", f"{block}_dense2": f"{at}.mlp.fc2"}
        for part in ("weight", "bias"):
            parts[f"{at}.attn.qkv.{part}"] = f"{block}_attention", f"in_proj_{part}"
            parts[f"{at}.attn.proj.{part}"] = f"{block}_attention", f"out_proj.{part}"
    return names, parts


@dataclass(frozen=True)
class _BlockOfTransformers:
    """The names of a ViT's block, its number written `{number}`, and of its parts."""

    at: str
    dense: tuple[str, str]
    query_key_value: tuple[str, str, str]
    output: str


_SAVED_BY_TRANSFORMERS = _BlockOfTransformers(
    "vit.encoder.layer.{number}",
    ("intermediate.dense", "output.dense"),
    ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "attention.output.dense",
)
_MODULES_OF_TRANSFORMERS_5 = _BlockOfTransformers(
    "vit.layers.{number}",
    ("mlp.fc1", "mlp.fc2"),
    ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attention.o_proj",
)
"""`save_pretrained` still writes the names of version 4, `state_dict()` has these (seen in 5.24.0)."""


def _vit_transformers(block_names: _BlockOfTransformers) -> Callable[[Preset], Made]:
    def make(preset: Preset) -> Made:
        names = {
            "patches": "vit.embeddings.patch_embeddings.projection", "norm": "vit.layernorm", "predictions": "classifier",
        }  # fmt: skip
        parts: Parts = {
            "vit.embeddings.cls_token": ("class_token", "token"),
            "vit.embeddings.position_embeddings": ("positions", "embeddings"),
        }
        for number in range(_depth(preset)):
            block, at = f"block{number + 1}", block_names.at.format(number=number)
            names |= {f"{block}_norm1": f"{at}.layernorm_before", f"{block}_norm2": f"{at}.layernorm_after"}
            names |= {f"{block}_dense{place}": f"{at}.{name}" for place, name in enumerate(block_names.dense, 1)}
            for part in ("weight", "bias"):
                for which, name in zip(("query", "key", "value"), block_names.query_key_value, strict=True):
                    parts[f"{at}.{name}.{part}"] = f"{block}_attention", f"{which}.{part}"
                parts[f"{at}.{block_names.output}.{part}"] = f"{block}_attention", f"out_proj.{part}"
        return names, parts

    return make


Makers = list[tuple[str, Callable[[Preset], Made]]]
_OF_RESNETS: Makers = [("torchvision", _resnet_torchvision), ("transformers", _resnet_transformers), ("Keras", _resnet_keras)]
_OF_TRANSFORMERS: Makers = [
    ("torchvision", _vit_torchvision),
    ("timm", _vit_timm),
    ("transformers", _vit_transformers(_SAVED_BY_TRANSFORMERS)),
    ("transformers", _vit_transformers(_MODULES_OF_TRANSFORMERS_5)),
]
MAKERS: dict[type[Preset], Makers] = {
    MobileNetV2: [
        ("torchvision", _mobilenet_torchvision),
        ("timm", _mobile_timm(_MOBILE)),
        ("transformers", _mobilenet_transformers),
        ("Keras", _mobilenet_keras),
    ],
    EfficientNetB0: [
        ("torchvision", _efficientnet_torchvision),
        ("timm", _mobile_timm(_EFFICIENT)),
        ("transformers", _efficientnet_transformers),
        ("efficientnet_pytorch", _efficientnet_pytorch),
        ("Keras", _efficientnet_keras),
    ],
    EfficientNetLite0: [
        ("efficientnet_pytorch", _efficientnet_pytorch),
        ("timm", _mobile_timm(_EFFICIENT)),
        ("torchvision", _efficientnet_torchvision),
    ],
    ResNet18: _OF_RESNETS,
    ResNet34: _OF_RESNETS,
    ResNet50: _OF_RESNETS,
    VGG16: [
        ("torchvision", _vgg(("classifier.0", "classifier.3", "classifier.6"))),
        ("timm", _vgg(("pre_logits.fc1", "pre_logits.fc2", "head.fc"))),
        ("Keras", _vgg_keras),
    ],
    ViTB16: _OF_TRANSFORMERS,
    ViTS16: _OF_TRANSFORMERS,
    ViTTi16: _OF_TRANSFORMERS,
}
"""By preset: the tools, each with what gives its names for one."""
