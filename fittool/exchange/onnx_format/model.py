"""A trained network as an ONNX model: what it takes, the layers, what it gives, and what is said about it in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fittool.errors import MachineError
from fittool.exchange.onnx_format.answers import GraphOutput, plain_outputs, write_answers, write_output
from fittool.exchange.onnx_format.columns import column_inputs, write_features
from fittool.exchange.onnx_format.folding import fold_into, foldable
from fittool.exchange.onnx_format.layers import lower
from fittool.exchange.onnx_format.site import Site
from fittool.exchange.onnx_format.writer import IR_VERSION, ML, ML_OPSET, OPSET, GraphWriter, Value
from fittool.exchange.trained_network import ExportError, InputForm, TrainedNetwork
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.shapes import Shape
from fittool.version import __version__

_LARGEST = 2**31 - 2**20
_CONVOLVING = (
    nn.Conv2D, nn.Conv2DTranspose, nn.DepthwiseConv2D, nn.SeparableConv2D, nn.MaxPooling2D, nn.AveragePooling2D,
    nn.GlobalAveragePooling2D, nn.GlobalMaxPooling2D,
)  # fmt: skip


@dataclass(frozen=True)
class GraphInput:
    """An input of the graph.

    Attributes:
        name: Its name.
        dtype: `uint8`, `float32`, `float64`, `int64` or `string`.
        shape: Without the batch axis.
        kind: `image`, `array`, or the kind of a table's column.
    """

    name: str
    dtype: str
    shape: Shape
    kind: str


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file and what is in it.

    Attributes:
        content: The file.
        inputs: What it takes.
        outputs: What it gives.
    """

    content: bytes
    inputs: tuple[GraphInput, ...]
    outputs: tuple[GraphOutput, ...]


def need_onnx() -> None:
    """Make sure that the extra is there.

    Raises:
        MachineError: It is not.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MachineError("Export to ONNX needs the package onnx: pip install 'fittool[onnx]'") from None


def write_onnx(*networks: TrainedNetwork, fold: bool = False) -> OnnxModel:
    """Write a network as ONNX, or the mean of what several give; the same networks give the same bytes.

    Args:
        networks: One, or several of one kind, such as those of folds: the first says what is told.
        fold: Whether batch normalizations go into the layers before them.

    Raises:
        ExportError: A layer or a column cannot be expressed; names it and its place.
        MachineError: The package onnx is missing.
    """
    need_onnx()
    graph, first = GraphWriter(), networks[0]
    inputs = {one.name: replace(one, name=graph.reserve(one.name)) for one in _inputs_of(networks)}
    given: dict[str, list[Value]] = {name: [] for name in first.outputs}
    for number, network in enumerate(networks):
        graph.prefix = f"{number}/" if len(networks) > 1 else ""
        values = _write_inputs(graph, network, inputs)
        _write_layers(graph, network, values, foldable(network) if fold else {})
        for name, form in network.outputs.items():
            given[name].append(write_output(graph, name, values[name], form))
    graph.prefix, graph.scope = "", ""
    read = {name: (_mean(graph, given[name]), form) for name, form in first.outputs.items()}
    outputs = write_answers(graph, read)
    taken = list(inputs.values())
    return OnnxModel(_encode(graph, first, taken, outputs), tuple(taken), tuple(outputs))


def _mean(graph: GraphWriter, values: list[Value]) -> Value:
    """The mean of several arrays, taken in float64; one as it is."""
    if len(values) == 1:
        return values[0]
    total = graph.add("Sum", *(graph.cast(one.name, np.float64) for one in values))  # onnxruntime has no Mean of float64
    mean = graph.add("Div", total, graph.constant(len(values), np.float64))
    return replace(values[0], name=graph.cast(mean, np.float32))


def _inputs_of(networks: Sequence[TrainedNetwork]) -> list[GraphInput]:
    """The inputs of all networks together: arrays, and the columns that any of them learnt from.

    Raises:
        ExportError: Two of them take one column in different forms.
    """
    found: dict[str, GraphInput] = {}
    for network in networks:
        inputs = [_input_of(network, form) for form in network.inputs]
        if network.encoder is not None:
            columns = (GraphInput(one.name, one.dtype, (1,), one.kind) for one in column_inputs(network.encoder))
            inputs = [*inputs[:-1], *columns]
        for one in inputs:
            before = found.setdefault(one.name, one)
            if (before.dtype, before.shape) != (one.dtype, one.shape):
                text = f"column {one.name}: one of the networks has learnt from it as {before.kind}, another as {one.kind}."
                raise ExportError(f"{text} Say which it is with data.columns, and train again.")
    return list(found.values())


def _input_of(network: TrainedNetwork, form: InputForm) -> GraphInput:
    readers = [node for node in network.graph.nodes if form.name in node.inputs]
    if readers and all(isinstance(node.layer, nn.Embedding) for node in readers):
        return GraphInput(form.name, "int64", form.shape, "whole numbers")
    return GraphInput(form.name, form.dtype, form.shape, "image" if len(form.shape) == 3 else "array")


def _write_inputs(graph: GraphWriter, network: TrainedNetwork, inputs: Mapping[str, GraphInput]) -> dict[str, Value]:
    """The inputs of the network, by the names of the graph of layers: float32, but for whole numbers that are looked up."""
    values = {}
    encoder = network.encoder
    arrays = network.inputs if encoder is None else network.inputs[:-1]
    for form in arrays:
        graph.scope, one = form.name, inputs[form.name]
        value = Value(one.name, form.shape)
        if one.kind == "image" and any(isinstance(node.layer, _CONVOLVING) for node in network.graph.nodes):
            value = graph.channels_first(value)  # before the cast, while a pixel is one byte
        name = graph.cast(value.name, np.float32) if one.dtype == "uint8" else value.name
        values[form.name] = replace(value, name=name)
    if encoder is not None:
        columns = {name: one.name for name, one in inputs.items()}
        form = network.inputs[-1]
        values[form.name] = Value(write_features(graph, encoder, network.missing, columns), form.shape)
    return values


def _write_layers(graph: GraphWriter, network: TrainedNetwork, values: dict[str, Value], normalizations: dict[str, Node]) -> None:
    """All layers in order, each by its name in `values`."""
    gone = {node.name for node in normalizations.values()}
    for node in network.graph.nodes:
        if node.name in gone:
            values[node.name] = values[node.inputs[0]]
            continue
        weights, layer = network.weights_of(node), node
        if node.name in normalizations:
            behind = normalizations[node.name]
            weights = fold_into(node, weights, behind, network.weights_of(behind))
            layer = replace(node, layer=replace(node.layer, use_bias=True))  # type: ignore[call-arg]  # all that fold have it
        graph.scope = node.name
        values[node.name] = lower(Site(graph, layer, weights), [values[name] for name in node.inputs])


def _encode(graph: GraphWriter, network: TrainedNetwork, inputs: list[GraphInput], outputs: list[GraphOutput]) -> bytes:
    from onnx import helper

    def info(one: GraphInput | GraphOutput) -> Any:
        dtype = helper.np_dtype_to_tensor_dtype(np.dtype(object if one.dtype == "string" else one.dtype))
        return helper.make_tensor_value_info(one.name, dtype, ["batch", *one.shape])

    size = sum(initializer.ByteSize() for initializer in graph.initializers.values())
    if size > _LARGEST:
        raise ExportError(f"An ONNX file holds 2 GB at most, but the weights have {size:,} bytes.")
    name = str(network.facts.get("name", "network"))
    made = helper.make_graph(
        _prune(graph.nodes, [one.name for one in outputs]), name, list(map(info, inputs)), list(map(info, outputs)),
        [graph.initializers[key] for key in graph.initializers],
    )  # fmt: skip
    versions = [helper.make_opsetid("", OPSET)]
    if any(node.domain == ML for node in graph.nodes):
        versions.append(helper.make_opsetid(ML, ML_OPSET))
    model = helper.make_model(made, opset_imports=versions, producer_name="fittool", producer_version=__version__)
    model.ir_version = IR_VERSION
    told = {
        **network.facts,
        "inputs": [vars(one) | {"shape": list(one.shape)} for one in inputs],
        "outputs": plain_outputs(outputs),
    }
    for key, value in told.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        model.metadata_props.add(key=key, value=text)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _prune(nodes: list[Any], outputs: list[str]) -> list[Any]:
    """The operations that an output needs."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & {name for name in node.output if name}:
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]
