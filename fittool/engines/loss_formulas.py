"""The names of the formulas of the losses, the same for every engine, which has them as functions of its own arrays."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from fittool.nn import losses
from fittool.nn.losses import Loss

_NAMES: dict[str, dict[type[Loss], str]] = {
    "crossentropies": {
        losses.SparseCategoricalCrossentropy: "sparse",
        losses.CategoricalCrossentropy: "categorical",
        losses.CategoricalFocalCrossentropy: "categorical_focal",
        losses.BinaryCrossentropy: "binary",
        losses.BinaryFocalCrossentropy: "binary_focal",
        losses.KLDivergence: "divergence",
        losses.Poisson: "poisson",
    },
    "differences": {
        losses.MeanSquaredError: "squared_error",
        losses.MeanAbsoluteError: "absolute_error",
        losses.MeanAbsolutePercentageError: "absolute_percentage_error",
        losses.MeanSquaredLogarithmicError: "squared_logarithmic_error",
        losses.Huber: "huber",
        losses.LogCosh: "log_cosh",
        losses.CosineSimilarity: "cosine_similarity",
        losses.Hinge: "hinge",
        losses.SquaredHinge: "squared_hinge",
        losses.CategoricalHinge: "categorical_hinge",
    },
}
"""By the module of an engine's `losses` that has them."""


def loss_formulas(crossentropies: ModuleType, differences: ModuleType) -> dict[type[Loss], Callable[..., Any]]:
    """Every loss with its formula in an engine's modules of these names.

    Raises:
        AttributeError: A module lacks a formula.
    """
    modules = {"crossentropies": crossentropies, "differences": differences}
    return {loss: getattr(modules[module], name) for module, names in _NAMES.items() for loss, name in names.items()}
