"""A batch of samples that lie where an engine computes already: which they are, and what is to be done to them there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.image_changes import ImageChanges
from fittool.augmentation.mixing import Mixing
from fittool.data.batch import Batch
from fittool.data.dataset import ArrayDataset


@dataclass(frozen=True)
class SelectedBatch(Batch):
    """A batch without arrays of samples; `sample_weight` alone is one of the host's, before samples are mixed.

    Attributes:
        dataset: The samples, which were given to `Engine.hold`.
        indices: (N,) which of them.
        changes: For each input: how its images change, or None.
        mixing: How the N samples are mixed, or None.
        part: Which of the N mixed samples are this process's; None for all.
    """

    dataset: ArrayDataset = field(kw_only=True)
    indices: NDArray[np.int64] = field(kw_only=True)
    changes: tuple[ImageChanges | None, ...] = field(kw_only=True)
    mixing: Mixing | None = field(default=None, kw_only=True)
    part: slice | None = field(default=None, kw_only=True)

    @property
    def size(self) -> int:
        """The number of samples of this process, N."""
        return len(self.indices) if self.part is None else self.part.stop - self.part.start
