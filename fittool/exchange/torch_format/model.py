"""A trained network for PyTorch: the state dict as safetensors, and the source of the module that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator

from fittool.exchange.torch_format.helpers import HELPERS
from fittool.exchange.torch_format.layers import expression
from fittool.exchange.torch_format.module_source import ModuleSource, TorchSite, literal
from fittool.exchange.trained_network import TrainedNetwork
from fittool.nn.output_targets import LARGEST_LOG

_HEAD = '''\
"""{about}

Needs PyTorch alone. `load()` gives the network with its weights, which lie in {beside} beside this file:

    from {module} import load
    network = load()
    with torch.inference_mode():
        outputs = network({inputs})

It takes {taken}. It gives {given}.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

WEIGHTS = Path(__file__).with_name({weights!r})
'''
_LOAD = '''\
def load(path=WEIGHTS):
    """The network with the weights of a safetensors file, ready to predict; `train()` makes it ready to learn."""
    network = Network()
    network.load_state_dict(read_safetensors(path), strict=True)
    return network.eval()


def read_safetensors(path):
    """The float32 tensors of a safetensors file, by name: eight bytes of length, a JSON header, the numbers."""
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            numbers = torch.frombuffer(content, dtype=torch.float32, count=(last - first) // 4, offset=start + first)
            found[name] = numbers.reshape(entry["shape"]).clone()
    return found
'''


def write_torch(network: TrainedNetwork, weights: str) -> tuple[bytes, bytes]:
    """The safetensors file and the source; the same network gives the same bytes.

    Args:
        network: The network.
        weights: The name of the safetensors file; the source's is the same with `.py`.

    Raises:
        ExportError: A layer cannot be written; names it and its place.
    """
    from safetensors.numpy import save

    source = ModuleSource()
    names = {name: source.name_of(name) for name in network.graph.inputs}
    forward = [*_forward(network, source, names)]
    text = "\n\n".join([*_parts(network, source, weights, names, forward)])
    facts = json.dumps({**network.facts, "module": "written by fittool"}, ensure_ascii=False)
    state = dict(sorted(source.state.items()))
    return bytes(save(state, {"fittool_export": facts})), text.encode()


def _forward(network: TrainedNetwork, source: ModuleSource, names: dict[str, str]) -> Iterator[str]:
    """The lines that compute every layer, and the outputs in their own unit."""
    for name, taken in names.items():
        yield f"{taken} = {taken}.float()" if name else ""
    for node in network.graph.nodes:
        attribute = source.name_of(node.owner)
        site = TorchSite(source, node, network.weights_of(node), attribute, node.owner == node.name)
        text = expression(site, [names[taken] for taken in node.inputs])
        names[node.name] = source.name_of(node.name)
        yield f"{names[node.name]} = {text}"
    for name, form in network.outputs.items():
        scale = form.targets.scale
        if scale is not None:
            spread, center = (f"torch.tensor({literal(values)})" for values in (scale.spread, scale.center))
            yield f"{names[name]} = {names[name]} * {spread}.to({names[name]}) + {center}.to({names[name]})"
            if scale.kind == "log":
                yield f"{names[name]} = torch.expm1({names[name]}.clamp({-LARGEST_LOG}, {LARGEST_LOG}))"


def _parts(
    network: TrainedNetwork, source: ModuleSource, weights: str, names: dict[str, str], forward: list[str]
) -> Iterator[str]:
    facts, graph = network.facts, network.graph
    inputs = [names[name] for name in graph.inputs]
    about = f"The network of the run {facts.get('run') or facts.get('name', 'network')}, written by fittool."
    taken = ", ".join(f"{names[name]} {_shape(shape)}" for name, shape in graph.inputs.items())
    given = ", ".join(f"{names[name]} {_shape(shape)}" for name, shape in graph.output_shapes.items())
    stem = weights.removesuffix(".safetensors")
    text = {"about": about, "beside": weights, "module": stem, "inputs": ", ".join(inputs), "taken": taken, "given": given}
    classes = facts.get("class_names")
    harmless = {key: _harmless(one) for key, one in text.items()}
    yield _HEAD.format(**harmless, weights=weights) + (f"CLASSES = {classes!r}\n" if classes else "")
    yield from (HELPERS[name] for name in sorted(source.helpers))
    yield "\n".join(_module(source, inputs, [names[name] for name in graph.outputs], forward)) + "\n"
    yield _LOAD


def _harmless(text: str) -> str:
    """Text that cannot end the docstring that it stands in: names in a run of somebody else's may hold anything."""
    return "".join(letter if letter.isalnum() or letter in " .,-_()" else "_" for letter in text)


def _module(source: ModuleSource, inputs: list[str], outputs: list[str], forward: list[str]) -> Iterator[str]:
    yield "class Network(nn.Module):"
    yield '    """Arrays have the channels last, as pictures and tables do."""'
    yield ""
    yield "    def __init__(self):"
    yield "        super().__init__()"
    yield from (f"        {line}" for line in source.made)
    yield ""
    yield f"    def forward(self, {', '.join(inputs)}):"
    yield from (f"        {line}" for line in forward)
    yield f"        return {', '.join(outputs)}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"
