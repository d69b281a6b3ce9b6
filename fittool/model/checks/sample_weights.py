"""Weights that leave nothing to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from fittool.data.class_weights import ClassWeight, class_factors
from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, KeyPath, path_text
from fittool.model.checks.findings import Finding


def weight_findings(
    train: Dataset | GeneratorData,
    validation: Dataset | GeneratorData | None,
    class_weights: Mapping[KeyPath, ClassWeight | None],
    loss_weights: float | Mapping[str, float] | None,
) -> Iterator[Finding]:
    """Weights of samples, classes or losses that are all 0.

    Args:
        train, validation: The data.
        class_weights: Those of each training, by the place where they are written.
        loss_weights: As in `compile`.
    """
    learnt = "is 0, so there is nothing to learn. Give those a weight that count"
    if _all_zero(train):
        yield Finding(f"The weight of every sample {learnt}, or leave the weights out.", ("data", "train"), is_error=True)
    if validation is not None and _all_zero(validation):
        text = "The weight of every validation sample is 0, so the validation loss is 0 whatever the network does."
        yield Finding(f"{text} Leave the weights out.", ("data", "train") if train is validation else ("data", "validation"))
    for path, weights in class_weights.items():
        if isinstance(weights, Mapping) and not isinstance(train, GeneratorData):
            labels = train.labels()
            try:
                factors = class_factors(weights, train.class_names, labels)
            except ExperimentError:  # a wrong name is told where the weights are used
                continue
            used = factors if labels is None else factors[np.unique(labels[labels < len(factors)])]
            if len(used) and not used.any():
                yield Finding(f"{path_text(path)}: the weight of every class {learnt}.", path, is_error=True)
    if loss_weights is not None and not any(loss_weights.values() if isinstance(loss_weights, Mapping) else [loss_weights]):
        yield Finding(f"compile.loss_weights: the weight of every loss {learnt}.", ("compile", "loss_weights"), is_error=True)


def _all_zero(data: Dataset | GeneratorData) -> bool:
    """True where samples have weights that are known without reading them, and all are 0."""
    weights = None if isinstance(data, GeneratorData) else getattr(data, "sample_weight", None)
    return weights is not None and len(weights) > 0 and not np.any(weights)
