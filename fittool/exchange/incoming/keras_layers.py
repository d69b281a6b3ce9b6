"""Single layers of Keras's configurations as layers here; what has no counterpart is refused by its name and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fittool.errors import ExperimentError, shorten
from fittool.exchange.incoming.foreign import refused
from fittool.nn import layers as nn
from fittool.nn.layers import LAYERS, Layer
from fittool.nn.regularizers import RegularizerSetting
from fittool.settings import fields_of, plain

_OWN = frozenset({"name", "inputs", "trainable", "input_shape", "weights_of"})
_ANY = frozenset({
    "name", "trainable", "dtype", "build_config", "batch_input_shape", "batch_shape", "input_shape", "build_input_shape",
    "seed", "unroll", "implementation", "zero_output_for_mask", "sparse", "ragged", "fused", "synchronized", "input_length",
    "autocast", "flash_attention", "renorm_clipping", "renorm_momentum", "attention_axes", "query_shape", "key_shape",
    "value_shape", "adjustment", "invert", "stateful", "supports_masking", "registered_name", "module", "input_dim_",
})  # fmt: skip
"""Arguments that no output depends on, or that are Keras's own business."""
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_last", None),
    "groups": (1,),
    "return_state": (False,),
    "mask_zero": (False,),
    "rms_scaling": (False,),
    "renorm": (False,),
    "virtual_batch_size": (None,),
    "time_major": (False,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "quantization_config": (None,),
    "use_gate": (False,),
    "disable_bias": (False,),
    "backward_layer": (None,),
}
"""Arguments that have a counterpart at these values alone."""
_RENAMED = {("LeakyReLU", "alpha"): "negative_slope", ("ReLU", "threshold"): "threshold"}
_TRAINING_ALONE = frozenset({
    "GaussianDropout", "AlphaDropout", "SpatialDropout3D", "ActivityRegularization", "RandomFlip", "RandomRotation", "RandomZoom",
    "RandomTranslation", "RandomContrast", "RandomBrightness", "RandomErasing", "RandomGrayscale", "Identity",
})  # fmt: skip
"""Layers that change nothing in use: without them the outputs are the same."""
_HOLDS_CODE = frozenset({"Lambda", "TFOpLambda", "SlicingOpLambda", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer"})
_OLD_HARD_SIGMOID = {"hard_sigmoid"}
_WRAPPERS = {"TimeDistributed": ("layer",), "Bidirectional": ("layer",)}


@dataclass(frozen=True)
class Converted:
    """One layer of Keras.

    Attributes:
        layers: What stands for it, one after the other; none where it changes nothing in use.
        notes: What was left out.
    """

    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()


class NoCounterpartError(ValueError):
    """Something of Keras that is not here; the text is a clause without its place."""


@dataclass(frozen=True)
class LayerReader:
    """Reads the layers of one file.

    Attributes:
        path: The file.
        version: Of Keras, its first number.
    """

    path: Path
    version: int

    def convert(self, class_name: str, config: Mapping[str, Any], place: str) -> Converted:
        """One layer.

        Args:
            class_name: Keras's.
            config: Its arguments.
            place: Where it stands, for messages.

        Raises:
            CheckpointError: It has no counterpart, or holds code.
        """
        try:
            return self._convert(class_name, config)
        except NoCounterpartError as error:
            raise refused(self.path, f"{place} {error}.") from None

    def _convert(self, class_name: str, config: Mapping[str, Any]) -> Converted:
        if class_name in _HOLDS_CODE:
            raise NoCounterpartError("holds code, which is not run: write what it does as layers, and save the model again")
        if class_name in _TRAINING_ALONE:
            return Converted((), () if class_name == "Identity" else (f"{class_name}, which acts in training alone,",))
        if class_name not in LAYERS.members and class_name not in LAYERS.aliases:
            raise NoCounterpartError("has no counterpart here")
        class_name = LAYERS.aliases.get(class_name, class_name)
        arguments, behind, notes = self._arguments(class_name, config)
        layer = self._made({class_name: arguments})
        return Converted((layer, *behind), notes)

    def _arguments(self, class_name: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Layer, ...], tuple[str, ...]]:
        known = {name for name in fields_of(LAYERS.members[class_name]) if name not in _OWN}
        arguments: dict[str, Any] = {"trainable": bool(config.get("trainable", True))}
        behind: tuple[Layer, ...] = ()
        notes: list[str] = []
        for given, value in config.items():
            name = _RENAMED.get((class_name, given), given)
            if name == "activation" or (name == "recurrent_activation" and name in known):
                layers = self._activation(value, class_name, name)
                behind = layers if not isinstance(layers, str) else behind
                arguments[name] = layers if isinstance(layers, str) else None
            elif name.endswith("_initializer"):
                continue  # the weights are in the file
            elif name.endswith("_regularizer"):
                notes += self._regularize(arguments, name, value, known)
            elif name.endswith("_constraint"):
                notes += [] if value is None else [f"its {name}"]
            elif name in known:
                arguments[name] = self._value(class_name, name, value)
            else:
                self._check_neutral(name, value)
        if "activation" in arguments and "activation" not in known:
            raise NoCounterpartError("has an activation, which has no counterpart here")
        return arguments, behind, tuple(notes)

    def _value(self, class_name: str, name: str, value: Any) -> Any:
        """An argument in the form of an experiment file."""
        if name == "layer" and class_name in _WRAPPERS:
            return self._wrapped(value)
        if name == "axis" and class_name.endswith("Normalization"):
            return self._last_axis(value)
        if name in ("mean", "variance") and class_name == "Normalization":
            return _flat(value)
        if isinstance(value, Mapping):
            raise NoCounterpartError(f"has {name}: {shorten(str(value.get('class_name', value)))}, which has no counterpart here")
        return value

    def _wrapped(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
            raise NoCounterpartError("wraps something that is no layer")
        if (own := own_class(value)) is not None:
            raise NoCounterpartError(f"wraps a layer of the class {shorten(own)}, whose code is not run")
        inner = self._convert(str(value.get("class_name")), value["config"])
        if len(inner.layers) != 1:
            raise NoCounterpartError(f"wraps {shorten(str(value.get('class_name')))}, which has no counterpart as a single layer")
        return dict(plain(inner.layers[0], defaults=False))

    def _last_axis(self, value: Any) -> int:
        axes = value if isinstance(value, list | tuple) else [value]
        if len(axes) != 1 or not isinstance(axes[0], int) or axes[0] == 0:
            raise NoCounterpartError(f"normalizes along axis {value}; here it is the last one")
        return -1  # whether it is the last is known with the shapes

    def _check_neutral(self, name: str, value: Any) -> None:
        if name in _ANY or value is None:
            return
        allowed = _NEUTRAL.get(name, (None, False))
        if name == "backward_layer":
            return  # compared with the forward one where both are
        if value not in allowed:
            raise NoCounterpartError(f"has {name}: {shorten(str(value))}, which has no counterpart here")

    def _regularize(self, arguments: dict[str, Any], name: str, value: Any, known: set[str]) -> list[str]:
        """Add a regularizer; names it where there is none like it here."""
        if value is None:
            return []
        written = value
        if isinstance(value, Mapping):
            config = value.get("config")
            held = config if isinstance(config, Mapping) else {}
            numbers = {key: float(one) for key, one in held.items() if isinstance(one, int | float)}
            kind = str(value.get("class_name", "")).replace("l1_l2", "L1L2").replace("L1l2", "L1L2")
            if kind == "L1L2":
                numbers = {key: one for key, one in numbers.items() if one}
                kind = "L1L2" if len(numbers) == 2 else "L1" if "l1" in numbers else "L2"
            written = {kind: numbers}
        try:
            TypeAdapter(RegularizerSetting).validate_python(written)
        except (ValidationError, PydanticCustomError):
            return [f"its {name}"]
        if name not in known:
            return [f"its {name}"]
        arguments[name] = written
        return []

    def _activation(self, value: Any, class_name: str, name: str) -> str | tuple[Layer, ...]:
        """The name of an activation, or layers that stand for one with arguments."""
        if value is None:
            return "linear"
        if isinstance(value, str):
            return self._named_activation(value, class_name, name)
        kind, config = str(value.get("class_name")), value.get("config")
        if kind == "function" or not isinstance(config, Mapping):
            called = config if isinstance(config, str) else kind
            raise NoCounterpartError(f"has the {name} {shorten(str(called))}, a function of its own, which is not run")
        if name != "activation":
            raise NoCounterpartError(f"has {name}: {shorten(kind)}, which has no counterpart here")
        return self._convert(kind, config).layers

    def _named_activation(self, value: str, class_name: str, name: str) -> str | tuple[Layer, ...]:
        if self.version < 3 and value in _OLD_HARD_SIGMOID:
            if name == "recurrent_activation" or class_name in ("LSTM", "GRU", "SimpleRNN"):
                raise NoCounterpartError(f"has {name} hard_sigmoid of Keras 2, 0.2 · x + 0.5, which has no counterpart here")
            return nn.Rescaling(0.2, 0.5), nn.ReLU(max_value=1.0)
        if ">" in value:
            raise NoCounterpartError(f"has the {name} {shorten(value)}, a function of its own, which is not run")
        return value

    def _made(self, written: Mapping[str, Any]) -> Layer:
        ((name, arguments),) = written.items()
        try:
            return TypeAdapter(nn.Layers).validate_python([{name: arguments}])[0]
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in problem["loc"][1:]) or name
            raise NoCounterpartError(
                f"has {shorten(where)}, which has no counterpart here: {shorten(problem['msg'], 100)}"
            ) from None
        except (PydanticCustomError, ExperimentError) as error:
            raise NoCounterpartError(f"has no counterpart here: {shorten(str(error), 100)}") from None


def own_class(entry: Mapping[str, Any]) -> str | None:
    """The full name of a class that somebody else wrote, whatever Keras calls its own of that name; None for Keras's."""
    module, registered = entry.get("module"), entry.get("registered_name")
    if isinstance(registered, str) and ">" in registered and not registered.lower().startswith("keras"):
        return registered
    if isinstance(module, str) and module.partition(".")[0] not in _HOMES:
        return f"{module}.{entry.get('class_name')}"
    return None


_HOMES = ("keras", "tf_keras", "tensorflow", "builtins")


def _flat(value: Any) -> list[float] | None:
    """Numbers of one axis, whatever axes of size 1 they came in."""
    import numpy as np

    return None if value is None else [float(one) for one in np.asarray(value, np.float64).reshape(-1)]


def both_directions_alike(config: Mapping[str, Any]) -> bool:
    """Tell whether a Bidirectional's second layer is the first one, turned round."""
    forward, backward = config.get("layer"), config.get("backward_layer")
    if not isinstance(backward, Mapping) or not isinstance(forward, Mapping):
        return True
    first, second = (_without_objects(one.get("config")) for one in (forward, backward))
    return first == second and forward.get("class_name") == backward.get("class_name")


_OF_OBJECTS = ("shared_object_id", "seed", "dtype", "name", "go_backwards")


def _without_objects(value: Any) -> Any:
    """A configuration without what tells two layers apart that do the same."""
    if isinstance(value, Mapping):
        return {key: _without_objects(one) for key, one in value.items() if key not in _OF_OBJECTS}
    return [_without_objects(one) for one in value] if isinstance(value, list) else value


def named(layers: Sequence[Layer], name: str, inputs: Sequence[str]) -> list[Layer]:
    """Layers one after the other, the first under a name and with its inputs."""
    found: list[Layer] = []
    for number, layer in enumerate(layers):
        own = name if number == 0 else f"{name}_{number}"
        found.append(replace(layer, name=own, inputs=tuple(inputs) if number == 0 else (str(found[-1].name),)))
    return found
