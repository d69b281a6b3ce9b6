"""A dataset with two inputs for each sample: an image file, and numbers of a table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Samples, Shape
from fittool.data.images.decoding import ImageForm
from fittool.data.images.image_files import ImageFiles
from fittool.data.targets import Targets

IMAGE, FEATURES = "image", "features"
"""The names of the two inputs."""


class ImageTable(ImageFiles):
    """Image files with numbers beside them.

    Args:
        root, names, form, targets, sample_weight: As of `ImageFiles`.
        features: (N, F) float32.
        feature_names: What the F numbers are called.
    """

    def __init__(
        self,
        root: str,
        names: Sequence[str],
        form: ImageForm,
        targets: Targets,
        sample_weight: NDArray[np.float32] | None,
        features: NDArray[np.float32],
        feature_names: tuple[str, ...],
    ) -> None:
        super().__init__(root, names, form, targets, sample_weight)
        self.features, self.feature_names = features, feature_names

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """(H, W, C) and (F,)."""
        return {IMAGE: self._shape, FEATURES: self.features.shape[1:]}

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """Decoded images (N, H, W, C) uint8, and numbers (N, F) float32; raises as `ImageFiles.load`."""
        (images,), _, weight = super().load(indices)
        inputs = (images, self.features.take(indices, axis=0))
        return inputs, self.targets.take(indices, inputs), weight

    def select(self, good: NDArray[np.int64]) -> Self:
        """Some of the samples, as a dataset of their own."""
        rest = super().select(good)
        rest.features = self.features[good]
        return rest

    def fingerprint(self) -> str:
        """Of the files as `ImageFiles` has it, and of the numbers."""
        return hashlib.sha256(super().fingerprint().encode() + self.features.tobytes()).hexdigest()

    def dated_fingerprint(self) -> str:
        """Of all that, and of the times of the files' last changes."""
        return hashlib.sha256(super().dated_fingerprint().encode() + self.features.tobytes()).hexdigest()
