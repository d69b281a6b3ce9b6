"""Every layer in onnxruntime against fittool's own engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from exchange.networks import CASES, IMAGE, OWN_CASES, SEQUENCE, VECTOR, Case, build, distance, inputs_of, outputs_of

from fittool.exchange.onnx_format.layers import OPERATIONS
from fittool.exchange.onnx_format.model import OnnxModel, write_onnx
from fittool.exchange.trained_network import ExportError, OutputForm
from fittool.nn.activations import ACTIVATIONS, softmax
from fittool.nn.layers import LAYERS, Input

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def run(model: OnnxModel, arrays):
    session = onnxruntime.InferenceSession(model.content, providers=["CPUExecutionProvider"])
    given = {one.name: array.astype(one.dtype) for one, array in zip(model.inputs, arrays, strict=True)}
    return session.run(None, given)


def check(case: Case, *, fold: bool = False) -> OnnxModel:
    network = build(case)
    model = write_onnx(network, fold=fold)
    onnx.checker.check_model(model.content, full_check=True)
    for count in (1, 7, 64):
        arrays = inputs_of(case, count)
        for found, expected in zip(run(model, arrays), outputs_of(network, arrays), strict=True):
            assert distance(found, expected) < 1e-5
    return model


def test_every_layer_is_known():
    assert set(OPERATIONS) == set(LAYERS.members.values()) - {Input}


def test_the_table_uses_every_layer():
    used = {type(node.layer) for case in (*CASES.values(), *OWN_CASES.values()) for node in build(case).graph.nodes}
    assert set(OPERATIONS) - used == set()


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (CASES | OWN_CASES).items()])
def test_layers_compute_the_same(case):
    check(case)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_compute_the_same(name):
    check(Case([{"Activation": {"activation": name}}, {"Dense": {"units": 5, "activation": name}}], SEQUENCE))


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "exponential"])  # which grows beyond all numbers
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_recurrent_layers_know_every_activation(kind, name):
    check(Case([{"Bidirectional": {"layer": {kind: {"units": 3, "activation": name, "return_sequences": True}}}}], SEQUENCE))


@pytest.mark.parametrize("merge_mode", ["sum", "mul", "ave", "concat"])
@pytest.mark.parametrize("options", [{"reset_after": False}, {"use_bias": False}, {"return_sequences": True}], ids=str)
def test_walks_that_are_written_out_go_both_ways(merge_mode, options):
    layer = {"GRU": {"units": 3, "activation": "mish", "recurrent_activation": "sigmoid", **options}}
    check(Case([{"Bidirectional": {"layer": layer, "merge_mode": merge_mode}}], SEQUENCE))
    check(Case([{"GRU": {**layer["GRU"], "go_backwards": True}}], SEQUENCE))


@pytest.mark.parametrize(
    "layer",
    [
        {"Conv2D": {"filters": 4, "kernel_size": 3}},
        {"SeparableConv2D": {"filters": 4, "kernel_size": 3, "use_bias": False}},
        {"Conv2DTranspose": {"filters": 4, "kernel_size": 3}},
        {"DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2}},
        {"Dense": {"units": 4}},
    ],
    ids=lambda layer: next(iter(layer)),
)
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}], ids=str)
def test_a_folded_normalization_computes_the_same(layer, options):
    case = Case([layer, {"BatchNormalization": options}, "ReLU", "Flatten"], IMAGE)
    model = check(case, fold=True)
    assert "BatchNormalization" not in {node.op_type for node in onnx.load_from_string(model.content).graph.node}


def test_a_normalization_stays_where_others_read_what_it_takes():
    layers = [
        {"Conv2D": {"filters": 6, "kernel_size": 1, "name": "a"}}, {"BatchNormalization": {"name": "b"}},
        {"Add": {"inputs": ["a", "b"]}}, {"Dense": {"units": 6, "activation": "relu"}}, "BatchNormalization",
    ]  # fmt: skip
    model = check(Case(layers, IMAGE), fold=True)
    kinds = [node.op_type for node in onnx.load_from_string(model.content).graph.node]
    assert kinds.count("BatchNormalization") == 2


def test_a_normalization_stays_where_a_kernel_is_shared():
    layers = [
        {"Dense": {"units": 12, "name": "a"}}, "BatchNormalization", {"Dense": {"units": 12, "name": "b", "weights_of": "a"}},
        {"Dense": {"units": 2}},
    ]  # fmt: skip
    model = check(Case(layers, {"input": (12,)}), fold=True)
    assert "BatchNormalization" in {node.op_type for node in onnx.load_from_string(model.content).graph.node}


def test_the_graph_has_no_training_operations():
    graph = onnx.load_from_string(check(CASES["regularization"]).content).graph
    assert {node.op_type for node in graph.node} <= {"Reshape", "Identity"}


def test_equal_networks_give_equal_bytes():
    case = CASES["several inputs and outputs"]
    assert write_onnx(build(case)).content == write_onnx(build(case)).content


def test_pictures_are_taken_as_bytes():
    case = Case([{"Rescaling": {"scale": 1 / 255}}, {"Conv2D": {"filters": 4, "kernel_size": 3}}, "Flatten"], IMAGE)
    network = build(case)
    network = type(network)(
        network.graph, network.weights, tuple(type(one)(one.name, one.shape, "uint8") for one in network.inputs), network.outputs
    )
    model = write_onnx(network)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 9, 8, 6), np.uint8)
    assert [(one.dtype, one.kind) for one in model.inputs] == [("uint8", "image")]
    (found,), (expected,) = run(model, (pictures,)), outputs_of(network, (pictures,))
    assert distance(found, expected) < 1e-5


def test_whole_numbers_that_are_looked_up_are_taken_as_such():
    assert [one.dtype for one in write_onnx(build(CASES["embedding"])).inputs] == ["int64"]


def test_what_cannot_be_expressed_is_refused_by_name_and_place():
    case = Case([{"Dense": {"units": 4}}, {"LSTM": {"units": 3, "activation": "mish", "name": "walk"}}], {"input": (300, 2)})
    with pytest.raises(ExportError, match=r'layer 1 \(LSTM "walk"\): .* 300 steps are too many to write out one by one'):
        write_onnx(build(case))


@pytest.mark.parametrize("name", ["batch normalization", "several inputs and outputs"])
def test_several_networks_give_their_mean(name):
    case = CASES[name]
    networks = [build(case, seed) for seed in range(3)]
    model = write_onnx(*networks, fold=True)
    onnx.checker.check_model(model.content, full_check=True)
    arrays = inputs_of(case, 5)
    expected = [np.mean(each, axis=0) for each in zip(*(outputs_of(one, arrays) for one in networks), strict=True)]
    for found, mean in zip(run(model, arrays), expected, strict=True):
        assert distance(found, mean) < 1e-5


def test_logits_of_several_networks_are_averaged_as_probabilities():
    case, form = Case([{"Dense": {"units": 3, "name": "out"}}], VECTOR), OutputForm("classes", ("a", "b", "c"), "softmax")
    networks = [replace(build(case, seed), outputs={"out": form}) for seed in range(2)]
    arrays = inputs_of(Case([], VECTOR), 5)
    expected = np.mean([softmax(outputs_of(one, arrays)[0]) for one in networks], axis=0)
    scores, names = run(write_onnx(*networks), arrays)
    assert distance(scores, expected) < 1e-5
    assert names.tolist() == ["abc"[best] for best in expected.argmax(axis=1)]
