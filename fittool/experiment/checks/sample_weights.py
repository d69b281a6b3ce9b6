"""Weights that leave nothing to learn from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.class_weights import class_factors
from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, path_text
from fittool.experiment.checks.findings import Finding


def weight_findings(
    loaded: LoadedExperiment, train: Dataset | GeneratorData, validation: Dataset | GeneratorData | None
) -> Iterator[Finding]:
    """Weights of samples, classes or losses that are all 0."""
    learnt = "is 0, so there is nothing to learn. Give those a weight that count"
    if _all_zero(train):
        yield Finding(f"The weight of every sample {learnt}, or leave the weights out.", ("data", "train"), is_error=True)
    if validation is not None and _all_zero(validation):
        text = "The weight of every validation sample is 0, so the validation loss is 0 whatever the network does."
        yield Finding(f"{text} Leave the weights out.", ("data", "train") if train is validation else ("data", "validation"))
    for stage in loaded.experiment.stages:
        if isinstance(stage.class_weight, dict) and not isinstance(train, GeneratorData):
            labels = train.labels()
            try:
                factors = class_factors(stage.class_weight, train.class_names, labels)
            except ExperimentError:  # a wrong name is told where the weights are used
                continue
            used = factors if labels is None else factors[np.unique(labels[labels < len(factors)])]
            if len(used) and not used.any():
                path = (*loaded.experiment.path_of(stage), "class_weight")
                yield Finding(f"{path_text(path)}: the weight of every class {learnt}.", path, is_error=True)
    weights = loaded.experiment.compile.loss_weights
    if weights is not None and not any(weights.values() if isinstance(weights, dict) else [weights]):
        yield Finding(f"compile.loss_weights: the weight of every loss {learnt}.", ("compile", "loss_weights"), is_error=True)


def _all_zero(data: Dataset | GeneratorData) -> bool:
    """True where samples have weights that are known without reading them, and all are 0."""
    weights = None if isinstance(data, GeneratorData) else getattr(data, "sample_weight", None)
    return weights is not None and len(weights) > 0 and not np.any(weights)
