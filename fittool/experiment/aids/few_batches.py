"""`train.overfit_batches`: the few batches that a network is to learn by heart, and the network without what hinders it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice
from typing import Any

import numpy as np

from fittool.config.experiment import Experiment
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.order import Order, shard_order_of
from fittool.data.user_code.generator_data import GeneratorData
from fittool.nn.layers import Dropout, GaussianNoise, Layer, SpatialDropout1D, SpatialDropout2D

_SHARES = ("dropout", "recurrent_dropout")
_RATES: dict[type[Layer], str] = {Dropout: "rate", SpatialDropout1D: "rate", SpatialDropout2D: "rate", GaussianNoise: "stddev"}


def few_batches(experiment: Experiment, train: Dataset | GeneratorData) -> Dataset:
    """The samples of the first batches of the first pass, in their order; of a user's function the batches that it gives first.

    Args:
        experiment: With `train.overfit_batches`.
        train: All that would be trained on.
    """
    count, first = experiment.first.overfit_batches or 0, experiment.first
    if isinstance(train, GeneratorData):
        return _of_function(train, count)
    order = Order(len(train), first.batch_size, experiment.seed, shuffle=first.shuffle, stream=shard_order_of(train))
    steps = range(min(count, order.steps_per_pass))
    return Subset(train, np.concatenate([order.batch(step)[2] for step in steps]))


def _of_function(train: GeneratorData, count: int) -> ArrayDataset:
    batches = list(islice(_batches(train), count))
    inputs = dict(zip(train.input_shapes, _joined([batch.inputs for batch in batches]), strict=True))
    weights = [batch.sample_weight for batch in batches if batch.sample_weight is not None]
    whole = np.concatenate(weights) if len(weights) == len(batches) else None
    return ArrayDataset(inputs, _joined([batch.targets for batch in batches]), whole)


def _batches(train: GeneratorData) -> Iterator[Batch]:
    """Those of the first pass: that there are fewer than were asked for is no mistake here."""
    return train.one_pass(0)


def _joined(parts: list[Any]) -> tuple[Any, ...]:
    """One array for each place of tuples of arrays."""
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def batch_size_of(experiment: Experiment, size: int, samples: int) -> int:
    """Samples in a batch: as the user's function made them, where the few batches are of one.

    Args:
        experiment: The experiment.
        size: The size that is asked for.
        samples: How many there are in all.
    """
    count = experiment.first.overfit_batches
    is_function = experiment.data.train.public_name() == "python"
    return size if count is None or not is_function else -(-samples // count)


def without_dropout(layer: Layer) -> Layer:
    """The layer that drops nothing and adds no noise; wrappers with what they wrap."""
    changed: dict[str, Any] = {}
    for kind, name in _RATES.items():
        if isinstance(layer, kind):
            changed[name] = 0.0
    for field in fields(layer):
        value = getattr(layer, field.name)
        if field.name in _SHARES and value:
            changed[field.name] = 0.0
        elif isinstance(value, Layer):
            changed[field.name] = without_dropout(value)
    return replace(layer, **changed) if changed else layer
