"""The form in which a layer is carried out: calls on tensors, with what may be done to their result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fittool.engines.torch_engine.activations import Function
from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Node

Weights = Callable[[str], Tensor]
"""Gives a weight of the layer by its own name, in the order that PyTorch takes."""
Call = Callable[[list[Tensor], StepContext], Tensor]
"""`call(inputs, context)` gives the layer's output, (N, …)."""


@dataclass(frozen=True)
class LayerSteps:
    """The calls that carry out one layer.

    Attributes:
        call: What is done with the inputs; None where there is the activation alone.
        activation: What is done with each element of the result; None where nothing is.
        ending: Gives the call with a function at its end that overwrites the result, of which no derivative asks; None where
            that cannot be. The result of `call` may be a view, and to overwrite a view costs more than it saves.
    """

    call: Call | None
    activation: Function | None = None
    ending: Callable[[Function], Call] | None = None


Lowering = Callable[[Node, Any, Weights], LayerSteps]


def with_ending(
    call: Callable[[list[Tensor], StepContext, Function | None], Tensor], activation: Function | None = None
) -> LayerSteps:
    """The steps of a call whose result may be overwritten at its end."""
    return LayerSteps(
        lambda x, context: call(x, context, None),
        activation,
        ending=lambda last: lambda x, context: call(x, context, last),
    )


def end_with(values: Tensor, last: Function | None) -> Tensor:
    """Values behind a function, if there is one."""
    return values if last is None else last(values)
