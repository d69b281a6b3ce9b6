"""The source `synthetic`: samples made from the seed, for trials and tests without any file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.sources.base import Source, SourceContext
from fittool.settings import Field, Integer, setting

if TYPE_CHECKING:
    from fittool.data.batch import Array
    from fittool.data.dataset import ArrayDataset

_CHUNK = 1024
_MIDDLE, _SPREAD = 128.0, 32.0  # grey levels


@setting
class SyntheticSource(Source):
    """Samples made from the seed: a pattern for each class, plus noise. Two or three axes are images, uint8; one is features."""

    samples: Annotated[Integer, Field(ge=1)] = Field(default=1000, description="How many.")
    shape: Annotated[list[Annotated[Integer, Field(ge=1)]], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: [8, 8, 1], description="Of one sample: [features], [height, width] or [height, width, channels]."
    )
    classes: Annotated[Integer, Field(ge=2)] = Field(
        default=10, description="How many classes; each has as many samples as the others."
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "synthetic"

    def open(self, context: SourceContext) -> ArrayDataset:
        """Make the samples; those for validation have the patterns of the training data and other noise.

        Raises:
            DataError: Class mode `binary` with other than two classes.
        """
        from fittool.data.dataset import ArrayDataset
        from fittool.data.targets import from_class_numbers, no_targets, reads_labels

        purpose = "synthetic samples" if context.class_names is None else "synthetic validation samples"
        labels = rng.permuted(context.seed, purpose, positions=np.arange(self.samples), size=self.samples) % self.classes
        inputs = self._inputs(labels, context.seed, purpose)
        targets = no_targets(context.class_mode)
        if reads_labels(context.class_mode):
            names = tuple(map(str, range(self.classes)))
            targets = from_class_numbers(labels, context.class_names or names, context.class_mode, "synthetic")
        return ArrayDataset(
            inputs,
            targets.all((inputs,)),
            class_names=targets.class_names,
            labels=targets.labels,
            describe="synthetic sample {}".format,
        )

    def _inputs(self, labels: NDArray[np.int64], seed: int, purpose: str) -> Array:
        """(N, features) float32, or (N, H, W, C) uint8."""
        shape = (*self.shape, 1) if len(self.shape) == 2 else tuple(self.shape)
        size, image = math.prod(shape), len(shape) == 3
        patterns = rng.generator(seed, "synthetic patterns").standard_normal((self.classes, size), np.float32)
        noise = rng.generator(seed, f"{purpose}, noise")
        result = np.empty((self.samples, size), np.uint8 if image else np.float32)
        for start in range(0, self.samples, _CHUNK):
            rows = patterns[labels[start : start + _CHUNK]]
            rows += noise.standard_normal(rows.shape, np.float32)
            if image:
                rows = np.clip(rows * np.float32(_SPREAD) + np.float32(_MIDDLE), 0, 255)
            result[start : start + _CHUNK] = rows
        return result.reshape(self.samples, *shape)
