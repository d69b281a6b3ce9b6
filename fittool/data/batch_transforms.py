"""Changes to the samples of a training batch after loading: random changes, the user's own function, mixing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Samples

Augment: TypeAlias = Callable[[NDArray[Any], int, int, NDArray[np.int64], NDArray[np.int64]], NDArray[Any]]
"""Images (N, H, W, C), seed, pass, (N,) positions and (N,) samples to images of that shape; `partial(augment, augmentation)`."""
Preprocess: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""Images (N, H, W, C) to images of the same shape."""
Mix: TypeAlias = Callable[..., Any]
"""Inputs, targets, sample weight, seed, pass and first position to the first three; `partial(mix, augmentation)`."""


@dataclass(frozen=True)
class BatchTransforms:
    """The changes of a loader, in the order in which they happen.

    Attributes:
        augment: Changes images at random.
        preprocess: Changes all images in the same way, at any time.
        mix: Mixes the samples of a batch.
        until_step: From this step of the stage on, nothing is random.
    """

    augment: Augment | None = None
    preprocess: Preprocess | None = None
    mix: Mix | None = None
    until_step: int | None = None

    @property
    def any(self) -> bool:
        """True where there is a change at all."""
        return self.augment is not None or self.preprocess is not None or self.mix is not None

    def images(
        self, inputs: tuple[Any, ...], seed: int, step: int, pass_number: int, first: int, samples: NDArray[np.int64]
    ) -> tuple[Any, ...]:
        """The inputs of a batch, of which those that are images change.

        Args:
            inputs: Each (N, …).
            indices: (N,) which samples they are.
            seed: The run's.
            step: The step, counted from the stage's first.
            pass_number: Which walk over all samples it is.
            first: The position of the batch's first sample in that pass.
            samples: (N,) indices of the samples.
        """
        augment = self.augment if self.by_chance(step) else None
        changed = []
        for array in inputs:
            if array.ndim == 4 and augment is not None:
                array = augment(array, seed, pass_number, np.arange(first, first + len(array)), samples)
            if array.ndim == 4 and self.preprocess is not None:
                array = self.preprocess(array)
            changed.append(array)
        return tuple(changed)

    def mixed(self, samples: Samples, seed: int, step: int, pass_number: int, first: int) -> Samples:
        """The samples of a batch, arrays (N, …), mixed; the other arguments as of `images`."""
        if self.mix is None or not self.by_chance(step):
            return samples
        mixed: Samples = self.mix(*samples, seed, pass_number, first)
        return mixed

    def by_chance(self, step: int) -> bool:
        """True where a step, counted from the stage's first, may change samples at random."""
        return self.until_step is None or step < self.until_step
