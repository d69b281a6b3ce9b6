"""The recurrent layers as PyTorch's RNN, LSTM and GRU, which know one activation each."""

from __future__ import annotations

from typing import Any

import numpy as np

from fittool.exchange.torch_format.module_source import Array, TorchSite
from fittool.exchange.trained_network import refusal

_KINDS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
_GATES = {"SimpleRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2)}
"""The places of Keras's gates in PyTorch's order: z, r, h becomes r, z, n."""
_MERGING = {"sum": "sum", "mul": "prod", "ave": "mean"}


def recurrence(site: TorchSite, layer: Any, x: list[str]) -> str:
    """One walk: (T, C) to (units,) or (T, units)."""
    taken = f"{x[0]}.flip(1)" if layer.go_backwards else x[0]
    called = _module(site, layer, [""])
    return f"{called}({taken})[0]" if layer.return_sequences else f"{called}({taken})[0][:, -1]"


def both_ways(site: TorchSite, layer: Any, x: list[str]) -> str:
    """Both walks of a bidirectional layer; the last of the second is at the first step."""
    called, units = _module(site, layer.layer, ["forward_", "backward_"]), layer.layer.units
    text = f"{called}({x[0]})[0]"
    if not layer.layer.return_sequences:
        text = f"(lambda y: torch.cat([y[:, -1, :{units}], y[:, 0, {units}:]], dim=-1))({text})"
    if layer.merge_mode == "concat":
        return text
    return f"{text}.unflatten(-1, (2, {units})).{_MERGING[layer.merge_mode]}(dim=-2)"


def _module(site: TorchSite, layer: Any, prefixes: list[str]) -> str:
    kind = type(layer).__name__
    _check(site, layer, kind)
    state: dict[str, Array | None] = {}
    for prefix, suffix in zip(prefixes, ("", "_reverse"), strict=False):
        state |= {f"{name}_l0{suffix}": array for name, array in _of_direction(site, layer, kind, prefix).items()}
    options = [str(site.node.input_shapes[0][-1]), str(layer.units), "batch_first=True"]
    options += ['nonlinearity="relu"'] if kind == "SimpleRNN" and layer.activation == "relu" else []
    options += ["bidirectional=True"] if len(prefixes) > 1 else []
    return site.module(f"nn.{_KINDS[kind]}({', '.join(options)})", state)


def _check(site: TorchSite, layer: Any, kind: str) -> None:
    """Refuse what PyTorch's layers cannot do.

    Raises:
        ExportError: Another activation, or a reset before the product.
    """
    known = ("tanh", "relu") if kind == "SimpleRNN" else ("tanh",)
    if layer.activation not in known or getattr(layer, "recurrent_activation", "sigmoid") != "sigmoid":
        gates = "" if kind == "SimpleRNN" else " with gates of sigmoid"
        raise refusal(site.node, f"PyTorch's {_KINDS[kind]} has the activation {' or '.join(known)}{gates} alone.")
    if not getattr(layer, "reset_after", True):
        raise refusal(site.node, "PyTorch's GRU has the reset gate after the recurrent product: reset_after: true.")


def _of_direction(site: TorchSite, layer: Any, kind: str, prefix: str) -> dict[str, Array | None]:
    order, units = list(_GATES[kind]), layer.units

    def turn(array: Array) -> Array:
        return array.reshape(*array.shape[:-1], len(order), units)[..., order, :].reshape(array.shape)

    biases = np.zeros((2, len(order) * units), np.float32)
    if layer.use_bias:
        own = turn(site.weights[f"{prefix}bias"])
        biases[: 1 if own.ndim == 1 else 2] = own
    return {
        "weight_ih": turn(site.weights[f"{prefix}kernel"]).T,
        "weight_hh": turn(site.weights[f"{prefix}recurrent_kernel"]).T,
        "bias_ih": biases[0],
        "bias_hh": biases[1],
    }
