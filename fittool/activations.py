"""Keras's activations as values for `activation=…`, and as functions of arrays: `activations.relu(x)`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ActivationFunction(str):
    """The name of an activation, which can be called."""

    __slots__ = ()

    def __call__(self, x: ArrayLike) -> NDArray[np.float32]:
        """The activation's result for an array (N, …), of the same shape; softmax and its kin work along the last axis."""
        from fittool.model import Model  # a name alone needs no engine
        from fittool.nn.layers import Activation

        array = np.asarray(x, np.float32)
        batch = array if array.ndim > 1 else array.reshape(1, -1)
        model = Model([Activation(str(self))], input_shape=batch.shape[1:], threads=1)
        outputs: Any = model.predict_on_batch(batch)
        return np.asarray(outputs.reshape(array.shape), np.float32)


def get(identifier: str | ActivationFunction | None) -> ActivationFunction:
    """The activation of a name; `linear` for None.

    Raises:
        ExperimentError: A ValueError: there is no such activation.
    """
    from fittool.model.parsing import parsed
    from fittool.nn.layers import LAYERS

    name = "linear" if identifier is None else str(identifier)
    layer: Any = parsed("activation", LAYERS, {"Activation": {"activation": name}})
    return ActivationFunction(layer.activation)


linear = ActivationFunction("linear")
relu = ActivationFunction("relu")
relu6 = ActivationFunction("relu6")
leaky_relu = ActivationFunction("leaky_relu")
elu = ActivationFunction("elu")
celu = ActivationFunction("celu")
selu = ActivationFunction("selu")
gelu = ActivationFunction("gelu")
silu = ActivationFunction("silu")
mish = ActivationFunction("mish")
softplus = ActivationFunction("softplus")
softsign = ActivationFunction("softsign")
squareplus = ActivationFunction("squareplus")
sparse_plus = ActivationFunction("sparse_plus")
sigmoid = ActivationFunction("sigmoid")
log_sigmoid = ActivationFunction("log_sigmoid")
hard_sigmoid = ActivationFunction("hard_sigmoid")
sparse_sigmoid = ActivationFunction("sparse_sigmoid")
hard_silu = ActivationFunction("hard_silu")
tanh = ActivationFunction("tanh")
hard_tanh = ActivationFunction("hard_tanh")
tanh_shrink = ActivationFunction("tanh_shrink")
soft_shrink = ActivationFunction("soft_shrink")
hard_shrink = ActivationFunction("hard_shrink")
exponential = ActivationFunction("exponential")
softmax = ActivationFunction("softmax")
log_softmax = ActivationFunction("log_softmax")
sparsemax = ActivationFunction("sparsemax")
swish = ActivationFunction("swish")
hard_swish = ActivationFunction("hard_swish")
