"""A dataset of which some samples may be damaged: the others are loaded all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import Dataset, Samples, Shape
from fittool.errors import DataError, Problem


class GoodSamples:
    """The samples of a dataset, with zeros in the place of those that cannot be loaded.

    Args:
        dataset: All samples.
        bad: Why samples cannot be used, by their index, as far as it is known already.

    Attributes:
        bad: Why each sample that was asked for could not be loaded, by its index.
    """

    def __init__(self, dataset: Dataset, bad: Mapping[int, Problem] | None = None) -> None:
        self.dataset = dataset
        self.class_names = dataset.class_names
        self.feature_names = dataset.feature_names
        self.grouped_by_class = dataset.grouped_by_class
        self.bad: dict[int, Problem] = dict(bad or {})

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Those of the dataset."""
        return self.dataset.input_shapes

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, each input (N, …); one by one where not all of them can be loaded."""
        try:
            return self.dataset.load(indices)
        except DataError:
            return self._one_by_one(indices)

    def _one_by_one(self, indices: NDArray[np.int64]) -> Samples:
        loaded: dict[int, Samples] = {}
        for place, index in enumerate(indices.tolist()):
            try:
                loaded[place] = self.dataset.load(indices[place : place + 1])
            except DataError as error:
                self.bad.setdefault(index, error.problems[0])
        if not loaded:
            shapes = self.input_shapes.values()
            return tuple(np.zeros((len(indices), *shape), np.uint8) for shape in shapes), (), None
        count = len(indices)
        inputs = zip(*(inputs for inputs, _, _ in loaded.values()), strict=True)
        targets = zip(*(targets for _, targets, _ in loaded.values()), strict=True)
        weights = [weight for _, _, weight in loaded.values() if weight is not None]
        return (
            tuple(_fill(count, list(loaded), arrays) for arrays in inputs),
            tuple(_fill(count, list(loaded), arrays) for arrays in targets),
            _fill(count, list(loaded), weights) if weights else None,
        )

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) those of the dataset."""
        return self.dataset.labels()

    def fingerprint(self) -> str:
        """That of the dataset."""
        return self.dataset.fingerprint()

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of the dataset's samples at (N,) indices."""
        return self.dataset.fingerprint_of(indices)

    def describe(self, index: int) -> str:
        """As the dataset calls it."""
        return self.dataset.describe(index)


def _fill(count: int, places: list[int], ones: Sequence[Array]) -> Array:
    """(count, …) of single samples (1, …) at some places, else zeros."""
    whole = np.zeros((count, *ones[0].shape[1:]), ones[0].dtype)
    whole[places] = np.concatenate(ones)
    return whole
