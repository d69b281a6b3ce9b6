"""Batches of samples that an engine holds: drawn as a loader would make them, without touching a sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.image_changes import ImageChanges, draw_changes
from fittool.augmentation.mixing import draw_mixing, mixes
from fittool.augmentation.settings import Augmentation
from fittool.data.dataset import ArrayDataset, Dataset, Subset
from fittool.data.loading.selected_batch import SelectedBatch


@dataclass(frozen=True)
class Selection:
    """Samples that an engine holds, and the random changes to them.

    Attributes:
        dataset: The samples that it holds.
        rows: (M,) for each sample of the loader's dataset the one that is held; None where they are the same.
        augmentation: What may happen to images, without the fixed part; None for nothing.
    """

    dataset: ArrayDataset
    rows: NDArray[np.int64] | None = None
    augmentation: Augmentation | None = None

    @classmethod
    def of(cls, dataset: Dataset, augmentation: Augmentation | None = None) -> Selection | None:
        """That of a dataset in memory, or of a part of one; None for samples that are not in memory."""
        rows: NDArray[np.int64] | None = None
        while isinstance(dataset, Subset):
            rows, dataset = dataset.indices if rows is None else dataset.indices[rows], dataset.dataset
        return cls(dataset, rows, augmentation) if isinstance(dataset, ArrayDataset) else None

    def batch(
        self,
        indices: NDArray[np.int64],
        sample_weight: NDArray[np.generic] | None,
        seed: int,
        pass_number: int,
        first: int,
        *,
        share: slice,
        shared: int | None,
        by_chance: bool,
    ) -> SelectedBatch:
        """The batch of the samples at (N,) indices of the loader's dataset.

        Args:
            indices: Which they are, those of all processes.
            sample_weight: (N,) or (N, outputs), or None where all weigh 1.
            seed: The run's.
            pass_number: Which walk over all samples it is.
            first: The position of the first of them in that pass.
            share: Which of them are this process's.
            shared: N, where there are several processes; else None.
            by_chance: Whether anything random is done.
        """
        augmentation = self.augmentation if by_chance else None
        held = indices if self.rows is None else self.rows[indices]
        if augmentation is None or not mixes(augmentation):
            positions = np.arange(first, first + len(indices))[share]
            changes = self._changes(augmentation, seed, pass_number, positions, indices[share])
            weight = None if sample_weight is None else sample_weight[share]
            return SelectedBatch((), (), weight, share.start, shared, dataset=self.dataset, indices=held[share], changes=changes)
        # Partners of a mixed sample may be in the part of any process, so each process mixes the whole batch.
        changes = self._changes(augmentation, seed, pass_number, np.arange(first, first + len(indices)), indices)
        mixing = draw_mixing(augmentation, len(indices), self.dataset.inputs[0].shape[1:3], seed, pass_number, first)
        return SelectedBatch(
            (), (), sample_weight, share.start, shared, dataset=self.dataset, indices=held, changes=changes, mixing=mixing,
            part=None if shared is None else share,
        )  # fmt: skip

    def _changes(
        self,
        augmentation: Augmentation | None,
        seed: int,
        pass_number: int,
        positions: NDArray[np.int64],
        samples: NDArray[np.int64],
    ) -> tuple[ImageChanges | None, ...]:
        """The changes of the (N,) samples at (N,) positions of a pass, for each input."""
        if augmentation is None or not augmentation.active:
            return (None,) * len(self.dataset.inputs)
        return tuple(
            draw_changes(augmentation, array.shape[1:], seed, pass_number, positions, samples) if array.ndim == 4 else None
            for array in self.dataset.inputs
        )
