"""A trained network as a `.keras` file: a zip of the configuration as JSON and of the weights as HDF5, as Keras 3 lays them out.

The zip is stored, its times are fixed, and HDF5 is told to keep none, so that the same network gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import MachineError
from fittool.exchange.keras_format.compile_config import compile_config
from fittool.exchange.keras_format.layers import KerasLayer, keras_layers
from fittool.exchange.trained_network import TrainedNetwork, refusal
from fittool.nn import layers as nn
from fittool.nn.output_targets import LARGEST_LOG
from fittool.nn.shapes import Shape
from fittool.settings import snake_case

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_KERAS_VERSION = "3.10.0"
"""The oldest release that the files were loaded with."""


@dataclass(frozen=True)
class _Call:
    """One call of a layer of Keras's.

    Attributes:
        name: What its output is called.
        owner: The name of the layer; that of an earlier call where a layer is called again.
        layer: The layer; None for a call of an earlier one.
        inputs: Names of what it takes.
        trainable: Whether the layer learns.
    """

    name: str
    owner: str
    layer: KerasLayer | None
    inputs: tuple[str, ...]
    trainable: bool = True


def need_h5py() -> None:
    """Make sure that the extra is there.

    Raises:
        MachineError: It is not.
    """
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise MachineError("Export to Keras needs the package h5py: pip install 'fittool[keras]'") from None


def write_keras(network: TrainedNetwork) -> bytes:
    """Write a network as a `.keras` file.

    Raises:
        ExportError: Keras has no counterpart of a layer; names it and its place.
        MachineError: The package h5py is missing.
    """
    need_h5py()
    calls = [*_calls(network)]
    outputs = {name: _behind(network, name, calls) for name in network.graph.outputs}
    order = _keras_order(calls, list(network.graph.inputs), list(outputs.values()))
    config = _model_config(network, calls, outputs, order)
    told = {"keras_version": _KERAS_VERSION, "date_saved": "", "made_by": "fittool", **network.facts}
    members = {
        "metadata.json": json.dumps(told, ensure_ascii=False).encode(),
        "config.json": json.dumps(config, ensure_ascii=False).encode(),
        "model.weights.h5": _weights_file({call.owner: call.layer for call in calls if call.layer is not None}, order),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name, data in members.items():
            file.writestr(zipfile.ZipInfo(name, _EARLIEST), data)
    return content.getvalue()


def _calls(network: TrainedNetwork) -> Iterator[_Call]:
    """Every layer in the order of the graph."""
    for node in network.graph.nodes:
        taken = node.inputs
        if isinstance(node.layer, nn.MultiHeadAttention) and len(taken) == 1:
            taken = taken * 2
        if node.owner != node.name:
            if len(keras_layers(node, network.weights_of(node))) > 1:
                raise refusal(node, "it shares the weights of a layer that becomes several in Keras.")
            yield _Call(node.name, node.owner, None, taken)
            continue
        made = keras_layers(node, network.weights_of(node))
        for number, layer in enumerate(made):
            name = node.name if number == len(made) - 1 else f"{node.name}_{number}"
            yield _Call(name, name, layer, taken, node.layer.trainable)
            taken = (name,)


def _behind(network: TrainedNetwork, name: str, calls: list[_Call]) -> str:
    """The name of an output in its own unit: layers behind it undo the scale of numbers to predict."""
    scale = network.outputs[name].targets.scale
    if scale is None:
        return name
    last = f"{name}_scaled"
    calls.append(_Call(last, last, KerasLayer("Rescaling", {"scale": list(scale.spread), "offset": list(scale.center)}), (name,)))
    if scale.kind == "log":
        limit = {"max_value": LARGEST_LOG, "negative_slope": 1.0}
        steps = [KerasLayer("ReLU", limit), KerasLayer("Activation", {"activation": "exponential"})]
        for number, layer in enumerate([*steps, KerasLayer("Rescaling", {"scale": 1.0, "offset": -1.0})]):
            following = f"{name}_unit_{number}"
            calls.append(_Call(following, following, layer, (last,)))
            last = following
    return last


def _keras_order(calls: Sequence[_Call], inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """The layers' names as `model.layers` has them: furthest from the outputs first, else as a walk from the outputs meets them.

    A layer that is called several times is as far as its furthest call. Keras numbers the weights' places in this order.
    """
    of = {call.name: call for call in calls}
    owner_of = {name: name for name in inputs} | {call.name: call.owner for call in calls}
    met: dict[str, int] = {}
    finished: dict[str, None] = {}
    for output in outputs:
        waiting = [(output, False)]
        while waiting:
            name, ready = waiting.pop()
            if name in finished:
                continue
            if ready:
                finished[name] = None
                continue
            met.setdefault(owner_of[name], len(met))
            waiting.append((name, True))
            waiting.extend((one, False) for one in reversed(of[name].inputs if name in of else ()))
    depths = dict.fromkeys(finished, 0)
    far: dict[str, int] = {}
    for name in reversed(finished):
        owner = owner_of[name]
        far[owner] = depths[name] = max(depths[name], far.get(owner, 0))
        for taken in of[name].inputs if name in of else ():
            depths[taken] = max(depths[taken], depths[name] + 1)
    for name in inputs:
        met.setdefault(name, -1)
        far.setdefault(name, 0)
    return sorted(far, key=lambda owner: (-far[owner], met[owner]))


def _model_config(
    network: TrainedNetwork, calls: Sequence[_Call], outputs: Mapping[str, str], order: Sequence[str]
) -> dict[str, Any]:
    shapes = {name: list(shape) for name, shape in network.graph.inputs.items()}
    entries: dict[str, dict[str, Any]] = {name: _input_entry(name, shape) for name, shape in shapes.items()}
    sizes = _sizes(network, calls)
    at: dict[str, list[Any]] = {name: [name, 0, 0] for name in shapes}
    for call in calls:
        if call.layer is not None:
            learns = {"trainable": call.trainable} if call.layer.variables else {}  # some without weights do not know the word
            config = {"name": call.name, **learns, **call.layer.config}
            entries[call.owner] = {
                "module": "keras.layers", "class_name": call.layer.class_name, "config": config, "registered_name": None,
                "name": call.name, "inbound_nodes": [], "call": call.layer.call,
            }  # fmt: skip
        entry = entries[call.owner]
        at[call.name] = [call.owner, len(entry["inbound_nodes"]), 0]
        entry["inbound_nodes"].append(_inbound([(at[name], sizes[name]) for name in call.inputs], entry))
    for entry in entries.values():
        entry.pop("call", None)
    config = {
        "name": snake_case(str(network.facts.get("name", "network"))).replace("-", "_") or "network",
        "trainable": True,
        "layers": [entries[name] for name in order],
        "input_layers": _alone([at[name] for name in shapes]),
        "output_layers": _alone([at[name] for name in outputs.values()]),
    }
    found = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }
    compiled = compile_config(network, outputs)
    return found if compiled is None else {**found, "compile_config": compiled}


def _sizes(network: TrainedNetwork, calls: Sequence[_Call]) -> dict[str, Shape]:
    """The shape of what each call gives; of those in the midst of a layer of ours it is that of what they take."""
    known = dict(network.graph.inputs) | {node.name: node.output_shape for node in network.graph.nodes}
    for call in calls:
        known.setdefault(call.name, known[call.inputs[0]])
    return known


def _alone(tensors: list[Any]) -> list[Any]:
    """Several as a list, an only one by itself: so Keras knows in which form arrays will come."""
    return list(tensors[0]) if len(tensors) == 1 else tensors


def _input_entry(name: str, shape: list[int]) -> dict[str, Any]:
    config = {"batch_shape": [None, *shape], "dtype": "float32", "sparse": False, "name": name}
    return {
        "module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None, "name": name,
        "inbound_nodes": [],
    }  # fmt: skip


_MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


def _inbound(taken: Sequence[tuple[list[Any], Shape]], entry: Mapping[str, Any]) -> dict[str, Any]:
    """One call as Keras writes it: tensors by where they come from, several of a merging layer as one list."""
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"shape": [None, *shape], "dtype": "float32", "keras_history": history}}
        for history, shape in taken
    ]
    args: list[Any] = [tensors] if entry["class_name"] in _MERGING else tensors
    return {"args": args, "kwargs": dict(entry["call"])}


def _weights_file(layers: Mapping[str, KerasLayer], order: Sequence[str]) -> bytes:
    """The variables of each layer under the place that Keras gives it: its class in snake case, numbered from the second on."""
    import h5py

    content = io.BytesIO()
    used: Counter[str] = Counter()
    with h5py.File(content, "w", libver="earliest", track_order=False) as file:
        file.create_group("vars")
        for owner in order:
            if owner not in layers:
                continue
            base = keras_snake_case(layers[owner].class_name)
            place = base if not used[base] else f"{base}_{used[base]}"
            used[base] += 1
            group = file.create_group(f"layers/{place}")
            group.create_group("vars") if not layers[owner].variables else None
            for path, arrays in layers[owner].variables.items():
                _write(group.create_group(path), arrays)
    return content.getvalue()


def keras_snake_case(name: str) -> str:
    """Keras's own: `Conv2DTranspose` is `conv2d_transpose`, `PReLU` is `p_re_lu`."""
    import re

    text = re.sub(r"\W+", "", name)
    text = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub("([a-z])([A-Z])", r"\1_\2", text).lower()


def _write(group: Any, arrays: Sequence[NDArray[np.float32]]) -> None:
    for number, array in enumerate(arrays):
        group.create_dataset(str(number), data=np.ascontiguousarray(array), track_times=False)
