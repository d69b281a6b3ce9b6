"""Keras's models, Sequential and functional, nested and with shared layers, as one list of layers that name what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from fittool.errors import shorten, visible
from fittool.exchange.incoming.foreign import refused
from fittool.exchange.incoming.keras_layers import LayerReader, both_directions_alike, named, own_class
from fittool.nn import layers as nn
from fittool.nn.layers import Layer
from fittool.nn.shapes import Shape

MODELS = ("Functional", "Model", "Sequential")
_DEEPEST = 20
_MOST_LAYERS = 20_000
Tensor = tuple[str, int, int]
"""Layer, number of its call, number of its output."""


@dataclass(frozen=True)
class Origin:
    """Where a layer came from.

    Attributes:
        path: The names of the models around it and its own, the outermost model left out.
        classes: The path in the form of the new files: under `layers` the names of classes, numbered.
        class_name: Keras's.
        config: Its arguments.
    """

    path: tuple[str, ...]
    classes: tuple[str, ...]
    class_name: str
    config: Mapping[str, Any]


@dataclass
class KerasNetwork:
    """Goes through a model and gathers its layers.

    Attributes:
        file: The file.
        reader: Of its layers.
        layers: So far, in the order of the calls.
        inputs: Shape of each input by name.
        origins: Where each layer with its own weights came from.
        notes: What was left out.
    """

    file: Path
    reader: LayerReader
    open_shape: Shape | None = None
    layers: list[Layer] = field(default_factory=list)
    inputs: dict[str, Shape] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _first_call: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def read(self, model: Mapping[str, Any]) -> tuple[str, ...]:
        """Read the outermost model; gives the names of its outputs.

        Raises:
            CheckpointError: It has parts without counterpart, or is none.
        """
        class_name, config = self._model(model)
        return tuple(self._enter(class_name, config, (), (), None))

    def _model(self, entry: Mapping[str, Any]) -> tuple[str, Any]:
        class_name, config = str(entry.get("class_name")), entry.get("config")
        own = own_class(entry) if class_name in MODELS else class_name
        if own is not None:
            text = f"holds a model of the class {shorten(own)}, whose code is not run; Sequential and functional models are read."
            raise refused(self.file, text)
        if isinstance(config, list):  # the oldest form of Sequential
            config = {"layers": config}
        if not isinstance(config, Mapping) or not isinstance(config.get("layers"), list):
            raise refused(self.file, f"is damaged: the configuration of {shorten(class_name)} lists no layers.")
        return class_name, config

    def _enter(
        self, class_name: str, config: Mapping[str, Any], path: tuple[str, ...], classes: tuple[str, ...], given: list[str] | None
    ) -> list[str]:
        if len(path) > _DEEPEST or len(self.layers) > _MOST_LAYERS:
            raise refused(self.file, "has models within models far too deep, or far too many layers.")
        entries = [self._entry(one) for one in config["layers"]]
        places = dict(zip([one["name"] for one in entries], _class_paths(entries), strict=True))
        if len(places) < len(entries):
            raise refused(self.file, f"is damaged: two layers of {self._where(path)} have one name.")
        if class_name == "Sequential":
            return self._chain(config, entries, places, path, classes, given)
        return self._graph(config, entries, places, path, classes, given)

    def _entry(self, entry: Any) -> dict[str, Any]:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping | list):
            raise refused(self.file, "is damaged: a layer has no configuration.")
        config, own = entry["config"], own_class(entry)
        name = entry.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
        name = str(name if name is not None else entry.get("class_name"))
        if own is not None:
            text = f"layer {shorten(visible(name))} is of the class {shorten(visible(own))}"
            raise refused(self.file, f"{text}, whose code is not run.")
        return {**entry, "name": name}

    def _where(self, path: Sequence[str]) -> str:
        return visible("/".join(path)) or "the model"

    def _chain(
        self, config: Mapping[str, Any], entries: list[dict[str, Any]], places: Mapping[str, str], path: tuple[str, ...],
        classes: tuple[str, ...], given: list[str] | None,
    ) -> list[str]:  # fmt: skip
        current = given
        for entry in entries:
            if entry["class_name"] == "InputLayer":
                current = current or [self._input(entry)]
                continue
            if current is None:
                shape = _first_shape(entry, config)
                current = [self._input({"name": "input", "config": {"batch_shape": shape}})]
            inside = (*path, entry["name"]), (*classes, places[entry["name"]])
            current = self._call(entry, *inside, current, {})
        if current is None:
            raise refused(self.file, f"has no layers in {self._where(path)}.")
        return current

    def _graph(
        self, config: Mapping[str, Any], entries: list[dict[str, Any]], places: Mapping[str, str], path: tuple[str, ...],
        classes: tuple[str, ...], given: list[str] | None,
    ) -> list[str]:  # fmt: skip
        known: dict[Tensor, str] = {}
        by_name = {entry["name"]: entry for entry in entries}
        for number, tensor in enumerate(_tensors(config.get("input_layers"))):
            if given is not None and number < len(given):
                known[tensor] = given[number]
            elif tensor[0] in by_name:
                known[tensor] = self._input(by_name[tensor[0]])
        calls = _numbered([(entry, self._calls(entry)) for entry in entries], _tensors(config.get("output_layers")))
        while calls:
            waiting = []
            for entry, number, taken, options in calls:
                needed = [*taken, *(one for one in options.values() if _is_tensor(one))]
                if any(_is_tensor(one) and one not in known for one in needed):
                    waiting.append((entry, number, taken, options))
                    continue
                inside = (*path, entry["name"]), (*classes, places[entry["name"]])
                inputs = [known[one] if _is_tensor(one) else one for one in taken]
                kwargs = {name: known[one] if _is_tensor(one) else one for name, one in options.items()}
                for output, made in enumerate(self._call(entry, *inside, inputs, kwargs)):
                    known[entry["name"], number, output] = made
            if len(waiting) == len(calls):
                raise refused(self.file, f"is damaged: {self._where((*path, waiting[0][0]['name']))} takes what nothing gives.")
            calls = waiting
        outputs = _tensors(config.get("output_layers"))
        if not outputs or any(one not in known for one in outputs):
            raise refused(self.file, f"is damaged: {self._where(path)} has an output that nothing gives.")
        return [known[one] for one in outputs]

    def _calls(self, entry: Mapping[str, Any]) -> list[tuple[list[Any], dict[str, Any]]]:
        """What each call of a layer takes: its arguments in order, and by name."""
        if entry["class_name"] == "InputLayer":
            return []
        found = []
        for node in entry.get("inbound_nodes") or []:
            if isinstance(node, Mapping):  # Keras 3
                arguments: list[Any] = []
                for one in node.get("args", []):
                    arguments += _flat_arguments(one)
                options = {name: _argument(one) for name, one in dict(node.get("kwargs", {})).items()}
            else:
                arguments, options = _old_call(node)
            found.append((arguments, options))
        return found

    def _input(self, entry: Mapping[str, Any]) -> str:
        config = entry["config"]
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        name = self._free(str(entry["name"]))
        sizes = list(shape[1:]) if isinstance(shape, list | tuple) else None
        if sizes is not None and self.open_shape is not None and len(self.open_shape) == len(sizes):
            sizes = [given if size is None else size for size, given in zip(sizes, self.open_shape, strict=True)]
        if sizes is None or not all(isinstance(size, int) and size > 0 for size in sizes):
            text = f"leaves the shape {shape} of its input {shorten(name)} open"
            raise refused(self.file, f"{text}; say it with --input-shape, such as 224,224,3.")
        self.inputs[name] = tuple(sizes)
        self.layers.append(nn.Input(tuple(sizes), name=name))
        return name

    def _free(self, name: str) -> str:
        """A name that no layer has, without what names cannot hold."""
        clean = re.sub(r"[/\s]+", "_", visible(name)).strip("_") or "layer"
        free, number = clean, 1
        while free in self._taken:
            free, number = f"{clean}_{number}", number + 1
        self._taken.add(free)
        return free

    def _call(
        self,
        entry: Mapping[str, Any],
        path: tuple[str, ...],
        classes: tuple[str, ...],
        inputs: list[Any],
        options: dict[str, Any],
    ) -> list[str]:
        """The names of what a layer gives when it is called."""
        class_name, config, place = str(entry["class_name"]), entry["config"], self._place(entry, path)
        if class_name in MODELS:
            class_name, config = self._model(entry)
            return self._enter(class_name, config, path, classes, inputs)
        if _is_operation(entry, inputs):
            operation = _operation(entry, inputs)
            if operation is None:
                raise refused(self.file, f"{place} is an operation on tensors that has no counterpart here.")
            return self._add([operation[0]], path, operation[1], Origin(path, classes, class_name, config))
        inputs, changes = self._arguments(class_name, inputs, options, place)
        if class_name == "Bidirectional" and not both_directions_alike(config):
            raise refused(self.file, f"{place} has two layers that differ, which has no counterpart here.")
        converted = self.reader.convert(class_name, config, place)
        self.notes += [f"{place}: {note} was left out." for note in converted.notes]
        if not converted.layers:
            return inputs
        layers = [replace(converted.layers[0], **changes), *converted.layers[1:]]
        return self._add(layers, path, inputs, Origin(path, classes, class_name, config))

    def _place(self, entry: Mapping[str, Any], path: tuple[str, ...]) -> str:
        return f"layer {shorten(visible('/'.join(path)), 80)} ({shorten(str(entry['class_name']), 40)})"

    def _arguments(
        self, class_name: str, inputs: list[Any], options: dict[str, Any], place: str
    ) -> tuple[list[str], dict[str, Any]]:
        """The layers that a call takes, in order, and what its options change of the layer."""
        changes: dict[str, Any] = {}
        taken = [one for one in inputs if one is not None]
        taken += [options.pop(name) for name in ("query", "value", "key") if isinstance(options.get(name), str)]
        if options.pop("use_causal_mask", False):
            changes["use_causal_mask"] = True
        left = {name: one for name, one in options.items() if one not in (None, False) and name != "training"}
        if left or not all(isinstance(one, str) for one in taken):
            what = ", ".join(f"{shorten(str(name))}" for name in left) or "something that is no layer"
            raise refused(self.file, f"{place} is called with {what}, which has no counterpart here.")
        if class_name == "MultiHeadAttention" and len(set(taken)) == 1:
            taken = taken[:1]
        return taken, changes

    def _add(self, layers: Sequence[Layer], path: tuple[str, ...], inputs: Sequence[str], origin: Origin) -> list[str]:
        name = self._free(path[-1])
        made = named(layers, name, inputs)
        self._taken |= {str(layer.name) for layer in made}
        first = self._first_call.get(path)
        if first is not None:
            made = [replace(layer, weights_of=owner) for layer, owner in zip(made, first, strict=True)]
        else:
            self._first_call[path] = [str(layer.name) for layer in made]
            self.origins[name] = origin
        self.layers += made
        return [str(made[-1].name)]


_Arguments = tuple[list[Any], dict[str, Any]]


def _numbered(
    calls: Sequence[tuple[dict[str, Any], list[_Arguments]]], outputs: Sequence[Tensor]
) -> list[tuple[dict[str, Any], int, list[Any], dict[str, Any]]]:
    """The calls of all layers with their numbers, by which others name them.

    In Keras 2 a model within a model was called once while it was made, which the others count, though it is not written.
    """
    named = [*outputs, *(one for _, made in calls for taken, options in made for one in (*taken, *options.values()))]
    highest: dict[str, int] = {}
    for one in named:
        if _is_tensor(one):
            highest[one[0]] = max(highest.get(one[0], 0), one[1])
    found = []
    for entry, made in calls:
        before = max(0, highest.get(entry["name"], 0) - (len(made) - 1)) if made else 0
        found += [(entry, before + number, *call) for number, call in enumerate(made)]
    return found


def _class_paths(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The names under which the new form keeps the layers of a model: those of their classes, numbered."""
    used: dict[str, int] = {}
    for entry in entries:
        name = snake_case(str(entry["class_name"]))
        count = used[name] = used.get(name, -1) + 1
        yield name if not count else f"{name}_{count}"


def snake_case(name: str) -> str:
    """Keras's way from the name of a class to that of a group."""
    name = re.sub(r"\W+", "", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _first_shape(entry: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    inner = entry["config"]
    own = inner.get("batch_input_shape") if isinstance(inner, Mapping) else None
    return own or config.get("build_input_shape") or (entry.get("build_config") or {}).get("input_shape")


def _tensors(value: Any) -> list[Tensor]:
    """The tensors of a list, a mapping or a single one, in order."""
    if isinstance(value, Mapping):
        return [tensor for one in value.values() for tensor in _tensors(one)]
    if isinstance(value, list | tuple):
        if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
            return [(value[0], int(value[1]), int(value[2]))]
        return [tensor for one in value for tensor in _tensors(one)]
    return []


def _is_tensor(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], str)


def _argument(value: Any) -> Any:
    """An argument of a call in Keras 3 or 2: a tensor, or what it is."""
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        name, call, output = value["config"]["keras_history"]
        return str(name), int(call), int(output)
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
        return str(value[0]), int(value[1]), int(value[2])
    return value


def _flat_arguments(value: Any) -> list[Any]:
    """An argument of a call, the entries of a list of tensors one by one."""
    if isinstance(value, list) and not _is_tensor(_argument(value)):
        return [_argument(one) for one in value]
    return [_argument(value)]


def _old_call(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """A call in Keras 2: [[layer, call, output, options], …]."""
    arguments: list[Any] = []
    options: dict[str, Any] = {}
    for one in node if isinstance(node, list) else []:
        if isinstance(one, list) and len(one) >= 3 and isinstance(one[0], str):
            arguments.append((str(one[0]), int(one[1]), int(one[2])))
            options |= {name: _argument(given) for name, given in (one[3] if len(one) > 3 else {}).items()}
    return arguments, options


def _is_operation(entry: Mapping[str, Any], inputs: Sequence[Any]) -> bool:
    """Tell arithmetic on tensors from layers; the old form does not say it, but layers take no numbers."""
    return str(entry.get("module", "")).startswith("keras.src.ops") or any(isinstance(one, int | float) for one in inputs)


_SUMS = {"Add": nn.Add, "Subtract": nn.Subtract, "Multiply": nn.Multiply, "Maximum": nn.Maximum, "Minimum": nn.Minimum}


def _operation(entry: Mapping[str, Any], inputs: Sequence[Any]) -> tuple[Layer, list[str]] | None:
    """Arithmetic on tensors, which Keras 3 keeps as operations; None where there is no layer for it."""
    kind, names = str(entry["class_name"]), [one for one in inputs if isinstance(one, str)]
    numbers = [float(one) for one in inputs if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(names) == 2 and not numbers and kind in _SUMS:
        return cast("Any", _SUMS[kind])(), names
    if len(names) == 1 and len(numbers) == 1 and len(inputs) == 2:
        first = isinstance(inputs[0], str)
        number = numbers[0]
        inverse = (1 / number, 0.0) if first and number else None
        scaled = {
            "Add": (1.0, number), "Multiply": (number, 0.0), "Subtract": (1.0, -number) if first else (-1.0, number),
            "TrueDivide": inverse, "Divide": inverse,
        }.get(kind)  # fmt: skip
        if scaled is not None:
            return nn.Rescaling(*scaled), names
    return None
