"""The activations of the PyTorch engine against those of the NumPy engine: values and derivatives, kinks included."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine.activations import ACTIVATIONS as NUMPY
from fittool.nn.activations import ACTIVATIONS as NAMES

torch = pytest.importorskip("torch")

POINTS = np.array([[-30.0, -4.1, -3.0, -1.0], [-0.5, -0.2, 0.0, 0.2], [0.5, 1.0, 3.0, 6.0], [7.0, 2.0, 0.3, 40.0]])


@pytest.mark.parametrize("name", NAMES)
def test_both_engines_agree(name: str) -> None:
    from fittool.engines.torch_engine.activations import ACTIVATIONS

    x = torch.tensor(POINTS, requires_grad=True)
    direction = np.random.default_rng(0).standard_normal(POINTS.shape)
    y = ACTIVATIONS[name](x)
    y.backward(torch.from_numpy(direction))
    expected, slope = POINTS.copy(), np.empty_like(POINTS)
    NUMPY[name].forward(POINTS.copy(), expected)
    NUMPY[name].backward(POINTS.copy(), expected.copy(), direction.copy(), slope)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), slope, rtol=1e-9, atol=1e-12)


def test_the_table_names_every_activation() -> None:
    from fittool.engines.torch_engine.activations import ACTIVATIONS

    assert tuple(ACTIVATIONS) == NAMES
