"""Arguments that many layers share: a number of outputs, then a kernel and a bias, each with its start and its penalty.

A class has the fields of its last base first: `class Dense(KernelAndBias, Units)` takes `units`, then what is said of kernel and
bias. Keras's arguments are ordered so, and may be given by position.
"""

from __future__ import annotations

from fittool.nn.activations import Activation
from fittool.nn.initializers import GlorotUniform, InitializerSetting, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.parameter import Parameter
from fittool.nn.regularizers import RegularizerSetting
from fittool.nn.shapes import Shape
from fittool.settings import Boolean, Field, Integer, arguments


@arguments
class Units(Layer):
    """A layer with a number of output features."""

    units: Integer = Field(ge=1, description="Size of the output's last axis.")


@arguments
class Filters(Layer):
    """A layer with a number of output channels."""

    filters: Integer = Field(ge=1, description="Number of output channels.")


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
