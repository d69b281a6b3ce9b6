"""A `torch.nn.Module` of the user's: what is to be known of it, and its call with the engine's weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from fittool.engines.torch_engine.operations.base import LayerSteps, Weights
from fittool.engines.torch_engine.step import StepContext
from fittool.errors import ExperimentError
from fittool.nn.graph import Node
from fittool.nn.layers.user_module import HELD, HeldModule, HeldWeight
from fittool.nn.shapes import Shape


def seed_everything(seed: int) -> None:
    """Let what a module draws by PyTorch's own generators follow from a number."""
    torch.manual_seed(seed & 0x7FFFFFFFFFFFFFFF)


def hold(module: object, input_shape: Shape, what: str) -> HeldModule:
    """Look at a module: its weights, and what it gives for one sample.

    Args:
        module: What the user's function gave.
        input_shape: Shape of one sample; images (H, W, C) come to it as (C, H, W).
        what: The function, for messages.

    Raises:
        ExperimentError: It is no module, or gives no single tensor.
    """
    if not isinstance(module, nn.Module):
        raise ExperimentError(f"{what} must give a torch.nn.Module, but it gave a {type(module).__name__}.")
    given: Any = module.cpu().float().eval()
    with torch.no_grad():
        output = given(as_taken(torch.zeros(2, *input_shape)))
    if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != 2:
        found = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
        raise ExperimentError(f"{what}: the module must give one tensor (N, …, K) for N samples, but for 2 it gave {found}.")
    weights = [HeldWeight(name, entry.requires_grad, _array(entry)) for name, entry in given.named_parameters()]
    weights += [HeldWeight(name, False, _array(entry)) for name, entry in given.named_buffers() if entry.is_floating_point()]
    return HeldModule(given, tuple(weights), input_shape, tuple(output.shape[1:]))


def as_taken(values: Tensor) -> Tensor:
    """Inputs as PyTorch's modules take them: images (N, H, W, C) as (N, C, H, W), a view; all else as it is."""
    return values.permute(0, 3, 1, 2) if values.ndim == 4 else values


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    return tensor.detach().cpu().float().contiguous().numpy().copy()


def user_module(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """The call of a module; in training its own random numbers follow from the seed and the step."""
    held, stream = HELD[layer.key], node.random_stream("module")
    found = {weight.name: weights(weight.name) for weight in held.weights}
    device = next(iter(found.values())).device if found else torch.device("cpu")
    whole = {name: entry.clone().to(device) for name, entry in held.module.named_buffers() if not entry.is_floating_point()}
    shape = node.output_shape

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        held.module.train(context.training and layer.trainable)
        if context.training:
            seed_everything(stream.key(context.seed, context.iteration))
        output: Tensor = functional_call(held.module, {**found, **whole}, (as_taken(x[0]),))
        return output.view(-1, *shape)

    return LayerSteps(call)
