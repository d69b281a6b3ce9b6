"""The samples that were measured: what the network said of each, and what is true."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.engines.base import Engine
from fittool.engines.state import State
from fittool.nn.accumulators import Accumulator
from fittool.nn.shapes import Shape, size_of
from fittool.results.bootstrap import Interval, draws, exact_share, interval_of, unit_of

_MOST_NUMBERS = 4096
"""A network whose outputs hold more numbers a sample, as one that makes images does, has no samples kept."""


def are_kept(output_shapes: Mapping[str, Shape]) -> bool:
    """True where outputs (N, …) of these shapes, without the axis of samples, are small enough to be kept."""
    return sum(map(size_of, output_shapes.values())) <= _MOST_NUMBERS


@dataclass
class MeasuredSamples:
    """Collects batches with the network's outputs.

    Attributes:
        wanted: Whether anything is kept.
    """

    wanted: bool = True
    _batches: list[tuple[tuple[NDArray[np.float32], ...], Batch]] = field(default_factory=list)

    def add(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Take a batch; its inputs are let go."""
        if self.wanted:
            one = np.zeros((batch.size, 1), np.float32)
            self._batches.append((outputs, Batch((one,), batch.targets, batch.sample_weight)))

    def __len__(self) -> int:
        """The number of samples."""
        return sum(batch.size for _, batch in self._batches)

    @property
    def outputs(self) -> tuple[NDArray[np.float32], ...]:
        """One array (N, …) for each output of the network."""
        return tuple(np.concatenate(arrays) for arrays in zip(*(outputs for outputs, _ in self._batches), strict=True))

    @property
    def targets(self) -> tuple[Array, ...]:
        """One array (N, …) for each output that has targets."""
        return tuple(np.concatenate(arrays) for arrays in zip(*(batch.targets for _, batch in self._batches), strict=True))

    @property
    def sample_weight(self) -> Array | None:
        """(N,) or (N, outputs), or None where all weigh 1."""
        weights = [batch.sample_weight for _, batch in self._batches]
        known = [one for one in weights if one is not None]
        return np.concatenate(known) if known and len(known) == len(weights) else None


def intervals_of(
    engine: Engine, samples: MeasuredSamples, accumulators: Mapping[str, Accumulator], shares: Collection[str] = ()
) -> dict[str, Interval | None]:
    """The interval of every running value of an engine, by the bootstrap over the samples that were measured.

    Each unit that is drawn is measured alone; the sums behind the running values are then added up for each drawing, so that
    any value, also one that is no mean, has the interval of just what is printed.

    Args:
        engine: With the objectives; its running values are begun anew.
        samples: Those measured.
        accumulators: What the sums behind each running value mean.
        shares: The names of values that are shares of samples, as accuracies are.
    """
    count = len(samples)
    if not count:
        return {}
    sums = _sums_of_units(engine, samples, unit_of(count))
    drawings = draws(len(sums))
    found: dict[str, Interval | None] = {}
    for name, accumulator in accumulators.items():
        table = np.stack([one[f"metrics/{name}"] for one in sums]).astype(np.float64)
        value = accumulator.result(table.sum(axis=0))
        is_sure = name in shares and value in (0.0, 1.0)
        found[name] = exact_share(value, count) if is_sure else interval_of(accumulator.results(drawings @ table), count)
    return found


def _sums_of_units(engine: Engine, samples: MeasuredSamples, units: NDArray[np.int64]) -> list[State]:
    """The sums behind the running values for each unit alone."""
    outputs, targets, weights = samples.outputs, samples.targets, samples.sample_weight
    order = np.argsort(units, kind="stable")
    found = []
    for chosen in np.split(order, np.flatnonzero(np.diff(units[order])) + 1):
        engine.reset_metrics()
        one = np.zeros((len(chosen), 1), np.float32)
        batch = Batch((one,), tuple(array[chosen] for array in targets), None if weights is None else weights[chosen])
        engine.update_metrics(tuple(array[chosen] for array in outputs), batch)
        found.append(engine.metrics_state())
    return found
