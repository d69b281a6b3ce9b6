"""Layers that walk along sequences (N, T, C) with a state, and the one that walks both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.activations import Activation
from fittool.nn.initializers import GlorotUniform, Initializer, InitializerSetting, Orthogonal, Weights, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, sequence, size_of
from fittool.settings import Boolean, Family, Field, Integer, Number, arguments, setting


@setting
class ForgetBias(Initializer):
    """An LSTM's bias whose part for the forget gate starts as ones, so that the state is kept at first."""

    others: InitializerSetting = Field(default=Zeros(), description="How the other three quarters start.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(4 · units,) for input gate, forget gate, candidate and output gate, float32."""
        units = shape[0] // 4
        first, last = self.others.draw((units,), generator), self.others.draw((2 * units,), generator)
        return np.concatenate([first, np.ones(units, np.float32), last])


@arguments
class Cell(Layer):
    """A state that is made anew at every step."""

    units: Integer = Field(ge=1, description="Size of the state and of the output.")
    activation: Activation | None = Field(default="tanh", description="Activation of the state; none if absent.")


@arguments
class GatedCell(Cell):
    """A state that gates let in, keep and let out."""

    recurrent_activation: Activation | None = Field(default="sigmoid", description="Activation of the gates; none if absent.")


@arguments
class CellWeights(Cell):
    """The start of a cell's weights."""

    use_bias: Boolean = Field(default=True, description="Whether a bias is added.")
    kernel_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the kernel starts.")
    recurrent_initializer: InitializerSetting = Field(default=Orthogonal(), description="How the recurrent kernel starts.")
    bias_initializer: InitializerSetting = Field(default=Zeros(), description="How the bias starts.")


@arguments
class UnitForgetBias(CellWeights):
    """A cell whose forget gate has a start of its own."""

    unit_forget_bias: Boolean = Field(default=True, description="Whether the forget gate's bias starts as ones.")


@arguments
class Recurrent(CellWeights):
    """The common part of the recurrent layers: (T, in) to (units,), or to (T, units) with `return_sequences`."""

    gates: ClassVar[int] = 1
    """The number of vectors of `units` that are made of each step's input."""
    kernel_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the kernel.")
    recurrent_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the recurrent kernel.")
    bias_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the bias.")
    dropout: Number = Field(default=0.0, ge=0, lt=1, description="Share of the inputs dropped, the same ones at every step.")
    recurrent_dropout: Number = Field(
        default=0.0, ge=0, lt=1, description="Share of the state dropped on its way into the gates, the same at every step."
    )
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")
    return_sequences: Boolean = Field(default=False, description="Whether the output holds the state after every step.")
    go_backwards: Boolean = Field(default=False, description="Whether it walks from the last step to the first.")

    @property
    def is_random(self) -> bool:
        """True where inputs or parts of the state are dropped."""
        return self.dropout > 0 or self.recurrent_dropout > 0

    def bias(self) -> tuple[Shape, Initializer]:
        """Shape and start of the bias."""
        return (self.gates * self.units,), self.bias_initializer

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(units,), or (T, units)."""
        steps, _ = sequence(shapes)
        return (steps, self.units) if self.return_sequences else (self.units,)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (in, gates · units), recurrent kernel (units, gates · units), bias."""
        wide, channels = self.gates * self.units, sequence(shapes)[1]
        kernel = Parameter("kernel", (channels, wide), self.kernel_initializer, True, self.kernel_regularizer)
        recurrent = Parameter(
            "recurrent_kernel", (self.units, wide), self.recurrent_initializer, True, self.recurrent_regularizer
        )
        if not self.use_bias:
            return kernel, recurrent
        return kernel, recurrent, Parameter("bias", *self.bias(), True, self.bias_regularizer)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and step, and about four for each gate."""
        steps, channels = sequence(shapes)
        return steps * self.gates * self.units * (2 * (channels + self.units) + 4)


@setting
class SimpleRNN(Recurrent):
    """`state = activation(inputs · kernel + state · recurrent_kernel + bias)` at every step (Elman 1990)."""


@setting
class LSTM(Recurrent, UnitForgetBias, GatedCell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers et al. 2000).

    At every step, with weights in the order i, f, c, o: `carry = f · carry + i · c`, `state = o · activation(carry)`.
    """

    gates: ClassVar[int] = 4
    activation: Activation | None = Field(default="tanh", description="Activation of candidate and carry; none if absent.")

    def bias(self) -> tuple[Shape, Initializer]:
        """(4 · units,)."""
        start = ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        return (4 * self.units,), start


@setting
class GRU(Recurrent, GatedCell):
    """The gated recurrent unit (Cho et al. 2014), `state = z · state + (1 - z) · candidate` with weights in the order z, r, h.

    With `reset_after` the reset gate acts on `state · recurrent_kernel`, which has a bias of its own; without, on the state.
    """

    gates: ClassVar[int] = 3
    activation: Activation | None = Field(default="tanh", description="Activation of the candidate; none if absent.")
    reset_after: Boolean = Field(default=True, description="Whether the reset gate acts after the recurrent product.")

    def bias(self) -> tuple[Shape, Initializer]:
        """(2, 3 · units): of the inputs, of the state; (3 · units,) without `reset_after`."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,), self.bias_initializer


RECURRENT: Family[Layer] = Family("recurrence", {cls.__name__: cls for cls in (SimpleRNN, LSTM, GRU)})


@setting
class Bidirectional(Layer):
    """Two copies of a recurrent layer, of which one walks from the last step to the first (Schuster and Paliwal 1997)."""

    layer: Annotated[SimpleRNN | LSTM | GRU, RECURRENT] = Field(description="The recurrent layer.")
    merge_mode: Literal["concat", "sum", "mul", "ave"] = Field(
        default="concat", description="How the two outputs become one: side by side, or their sum, product or mean."
    )

    @model_validator(mode="after")
    def _layer_goes_forward(self) -> Bidirectional:
        if self.layer.go_backwards:
            raise PydanticCustomError("go_backwards", "the layer must not have go_backwards, its copy goes backwards")
        return self

    @property
    def is_random(self) -> bool:
        """True where the recurrent layer is."""
        return self.layer.is_random

    def backward(self) -> SimpleRNN | LSTM | GRU:
        """The copy that walks the other way."""
        return replace(self.layer, go_backwards=True)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """That of the recurrent layer, twice as many units with `concat`."""
        *steps, units = self.layer.output_shape(shapes)
        return (*steps, 2 * units if self.merge_mode == "concat" else units)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Those of the layer as it is, then those of its copy, with `forward_` and `backward_` before their names."""
        return tuple(
            replace(parameter, name=f"{direction}_{parameter.name}", trainable=self.layer.trainable)
            for direction in ("forward", "backward")
            for parameter in self.layer.parameters(shapes)
        )

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Those of both, and one for each element where outputs are mixed."""
        mixed = 0 if self.merge_mode == "concat" else size_of(self.output_shape(shapes))
        return 2 * self.layer.flops(shapes) + mixed
