"""Every layer in the PyTorch module that fittool writes, against fittool's own engine."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest
from exchange.networks import CASES, OWN_CASES, SEQUENCE, VECTOR, Case, build, distance, inputs_of, outputs_of
from exchange.preset_networks import preset_network

from fittool.exchange.torch_format.layers import TORCH_LAYERS
from fittool.exchange.torch_format.model import write_torch
from fittool.exchange.trained_network import ExportError, OutputForm
from fittool.nn.activations import ACTIVATIONS
from fittool.nn.layers import LAYERS, Input
from fittool.nn.output_targets import OutputTargets, TargetScale

torch = pytest.importorskip("torch")

NOT_IN_TORCH = ("lstm hard", "gru, reset before", "bidirectional, reset before")


def load(network, folder):
    weights, source = write_torch(network, "net.safetensors")
    (folder / "net.safetensors").write_bytes(weights)
    (folder / "net.py").write_bytes(source)
    found = importlib.util.spec_from_file_location("net", folder / "net.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.load()


def answers(module, arrays):
    with torch.inference_mode():
        found = module(*map(torch.from_numpy, arrays))
    return [one.numpy() for one in (found if isinstance(found, tuple) else (found,))]


def check(case: Case, folder) -> None:
    network = build(case)
    module = load(network, folder)
    for count in (1, 7):
        arrays = inputs_of(case, count)
        for found, expected in zip(answers(module, arrays), outputs_of(network, arrays), strict=True):
            assert distance(found, expected) < 1e-5


def test_every_layer_is_known():
    assert set(TORCH_LAYERS) == set(LAYERS.members.values()) - {Input}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in (CASES | OWN_CASES).items() if name not in NOT_IN_TORCH]
)
def test_layers_compute_the_same(case, tmp_path):
    check(case, tmp_path)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_compute_the_same(name, tmp_path):
    check(Case([{"Activation": {"activation": name}}, {"Dense": {"units": 5, "activation": name}}], SEQUENCE), tmp_path)


@pytest.mark.parametrize("name", NOT_IN_TORCH)
def test_what_pytorch_has_not_is_refused_by_name_and_place(name):
    with pytest.raises(ExportError, match=r'layer 0 \(\w+ "\w+"\): PyTorch\'s (LSTM|GRU) has '):
        write_torch(build(CASES[name]), "net.safetensors")


def test_names_that_python_knows_otherwise_are_changed(tmp_path):
    layers = [{"Dense": {"units": 2, "name": name}} for name in ("class", "forward", "2nd", "a-b", "a_b", "torch", "_x")]
    layers += [{"Reshape": {"target_shape": [2, 1]}}, {"MultiHeadAttention": {"num_heads": 1, "key_dim": 2, "name": "attention"}}]
    check(Case(layers, {"input-1": (3,)}), tmp_path)


def test_numbers_are_in_their_own_unit(tmp_path):
    network = build(Case([{"Dense": {"units": 2, "name": "out"}}], VECTOR))
    arrays = inputs_of(Case([], VECTOR), 5)
    scale = TargetScale("log", (1.0, 2.0), (0.5, 0.25))
    module = load(replace(network, outputs={"out": OutputForm("numbers", targets=OutputTargets(scale=scale))}), tmp_path)
    assert distance(answers(module, arrays)[0], scale.undo(outputs_of(network, arrays)[0])) < 1e-5


def test_what_acts_in_training_alone_does_so(tmp_path):
    layers = [{"Dropout": {"rate": 0.5, "noise_shape": [None, 1, 1, 6]}}, {"SpatialDropout2D": {"rate": 0.5}}]
    module = load(build(Case(layers, CASES["regularization"].shapes)), tmp_path)
    x = torch.ones(4, 9, 8, 6)
    assert torch.equal(module(x), x)
    found = module.train()(x)
    assert set(found.unique().tolist()) == {0.0, 4.0}
    assert torch.equal(found, found[:, :1, :1].expand_as(found))


def test_names_of_others_cannot_become_code(tmp_path):
    evil = 'x"""\nraise SystemExit("run")\n"""\\'
    network = replace(build(Case([{"Dense": {"units": 2}}], VECTOR)), facts={"run": evil, "class_names": [evil, "b"]})
    assert load(network, tmp_path) is not None


def test_it_learns(tmp_path):
    module = load(build(CASES["batch normalization"]), tmp_path).train()
    x = torch.from_numpy(inputs_of(CASES["batch normalization"], 8)[0])
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = module(x).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["simple_cnn", "mini_vgg", "resnet", "tabular", "linear"])
def test_presets_compute_the_same(name, tmp_path):
    network, (given,) = preset_network(name, (3,))
    (found,) = answers(load(network, tmp_path), (given,))
    assert distance(found, outputs_of(network, (given,))[0]) < 1e-5


def test_equal_networks_give_equal_bytes():
    case = CASES["several inputs and outputs"]
    assert write_torch(build(case), "a.safetensors") == write_torch(build(case), "a.safetensors")
