"""The base of every layer: its name, its place in the graph, how shapes pass through it; and arguments that many layers share.

A class has the fields of its last base first: `class Dense(KernelAndBias, Units)` takes `units`, then what is said of kernel and
bias. Keras's arguments are ordered so, and may be given by position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import ArgsKwargs, PydanticCustomError

from fittool.nn.activations import Activation
from fittool.nn.calls.symbolic import SymbolicTensor, called
from fittool.nn.initializers import GlorotUniform, InitializerSetting, Zeros
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, ShapeError, single, size_of
from fittool.settings import Boolean, Field, Integer, Named, Pair, Text, ValueName, arguments, fields_of, setting


def _as_list(value: object) -> object:
    """A single name stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _alone(value: object) -> object:
    """Keras's other form of one number: a list of one."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _positive(pair: tuple[int, int]) -> tuple[int, int]:
    if min(pair) < 1:
        raise PydanticCustomError("positive_pair", "must be 1 or more")
    return pair


Names = Annotated[tuple[Text, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
"""Names of layers; a single text stands for a list of one."""
PositivePair = Annotated[Pair, AfterValidator(_positive)]
"""(height, width), both at least 1; one number stands for both."""
PositiveSingle = Annotated[Integer, Field(ge=1), BeforeValidator(_alone, json_schema_input_type=int | list[int])]
"""A whole number from 1; a list of one is welcome."""
Padding = Literal["valid", "same"]
"""`valid`: only windows that lie inside; `same`: padded with zeros, ceil(size / stride) windows."""
LastAxis = Literal[-1]
"""The channels: the only axis for which this is offered."""


@setting
class Layer(Named):
    """A description of one layer; arrays live in the engine.

    The defaults of the methods are those of a layer that works element by element and has no parameters.
    """

    name: ValueName | None = Field(
        default=None, kw_only=True, description="Name in the graph, in weights and in messages; made from the class if absent."
    )
    inputs: Names | None = Field(
        default=None, kw_only=True, description="Names of the layers or graph inputs it takes; by default the layer before it."
    )
    trainable: Boolean = Field(default=True, kw_only=True, description="Whether the optimizer moves its weights.")
    input_shape: tuple[Integer, ...] | None = Field(
        default=None,
        kw_only=True,
        description="Shape of what it takes, without the batch axis; compared with the data, if given.",
    )

    weights_of: Text | None = Field(
        default=None,
        kw_only=True,
        description="Name of an earlier layer of the same form whose weights it uses too.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_input_dim(cls, given: Any) -> Any:
        """Keras's older form of `input_shape`, for inputs of one axis."""
        arguments = given.kwargs if isinstance(given, ArgsKwargs) else given
        if not isinstance(arguments, Mapping) or "input_dim" not in arguments or "input_dim" in fields_of(cls):
            return given
        changed = {name: value for name, value in arguments.items() if name != "input_dim"}
        changed["input_shape"] = (arguments["input_dim"],)
        return ArgsKwargs(given.args, changed) if isinstance(given, ArgsKwargs) else changed

    def __call__(self, inputs: Any) -> SymbolicTensor:
        """The layer's output in a network that is written as calls.

        Args:
            inputs: What `Input(shape=…)` or another layer gave; for layers that merge, a list of such.

        Raises:
            TypeError: It is something else.
            ExperimentError: A ValueError: the layer cannot take these shapes.
        """
        return called(self, inputs)

    @property
    def is_random(self) -> bool:
        """True where it draws random numbers while it trains."""
        return False

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The output's shape, without the batch axis.

        Args:
            shapes: One shape for each input.

        Raises:
            ShapeError: The layer cannot take these shapes.
        """
        return single(shapes)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """The weight arrays for inputs of these shapes, in the order of Keras's `get_weights`."""
        return ()

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Floating-point operations of the forward pass for one sample; a multiplication with its addition counts 2."""
        return size_of(self.output_shape(shapes))


def features(shapes: Sequence[Shape]) -> int:
    """The size of the last axis of the only input.

    Raises:
        ShapeError: The input has no axis beside the batch.
    """
    shape = single(shapes)
    if not shape:
        raise ShapeError("expected inputs with at least one axis beside the batch, got single numbers.")
    return shape[-1]


@arguments
class Units(Layer):
    """A layer with a number of output features."""

    units: Integer = Field(ge=1, description="Size of the output's last axis.")


@arguments
class Filters(Layer):
    """A layer with a number of output channels."""

    filters: Integer = Field(ge=1, description="Number of output channels.")


@arguments
class ChannelGroups(Layer):
    """A convolution whose channels may be split into groups that do not see each other."""

    groups: Integer = Field(
        default=1, ge=1, description="Groups of neighbouring channels, each with filters of its own that see no other group."
    )

    def group_channels(self, channels: int, filters: int) -> int:
        """The number of input channels that each filter sees.

        Args:
            channels: Of the input.
            filters: Of the output.

        Raises:
            ShapeError: One of the two cannot be split into that many groups of one size.
        """
        for count, what in ((channels, "input channels"), (filters, "filters")):
            if count % self.groups:
                raise ShapeError(f"{count} {what} cannot be split into {self.groups} groups; use a divisor of {count}.")
        return channels // self.groups


@arguments
class KernelAndBias(Layer):
    """A layer that multiplies by a kernel, adds a bias and applies an activation."""

    activation: Activation | None = Field(default=None, description="Activation after the bias; none if absent.")
    use_bias: Boolean = Field(default=True, description="Whether a bias is added.")
    kernel_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the kernel starts.")
    bias_initializer: InitializerSetting = Field(default=Zeros(), description="How the bias starts.")
    kernel_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the kernel.")
    bias_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the bias.")

    def kernel_and_bias(self, kernel: Shape, outputs: int) -> tuple[Parameter, ...]:
        """A kernel of this shape, and where there is one the bias (outputs,)."""
        weights = Parameter("kernel", kernel, self.kernel_initializer, True, self.kernel_regularizer)
        bias = Parameter("bias", (outputs,), self.bias_initializer, True, self.bias_regularizer)
        return (weights, bias) if self.use_bias else (weights,)
