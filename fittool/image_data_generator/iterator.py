"""The common part of all iterators of images: endless passes, batches by number, standardised and saved."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.order import Order
from fittool.image_data_generator.flow_options import FlowOptions, ImageChanges
from fittool.rng import fresh_seed


class ImageIterator(ABC):
    """Batches without end, each a function of the seed, the pass and its number, whoever asks and in whatever order.

    Args:
        n: Samples in a pass; of none, as in Keras, there are batches without an image.
        generator: Changes and standardises.
        options: How samples become batches.

    Attributes:
        n, samples: Samples in a pass.
        seed: What was given, or was drawn: the same seed gives the same batches.
        batch_index: The number of the next batch in this pass.
        pass_number: The pass under way, from 0.
        total_batches_seen: How many `next` has given.

    Raises:
        ValueError: batch_size is below 1.
    """

    placed: ClassVar[bool] = True
    """True where `batch_at` tells all: batches are then made by any number of threads and processes."""

    def __init__(self, n: int, generator: ImageChanges, options: FlowOptions) -> None:
        if options.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {options.batch_size}.")
        self.image_data_generator = generator
        self.n = self.samples = n
        self.batch_size, self.shuffle = options.batch_size, options.shuffle
        self.seed = fresh_seed() if options.seed is None else options.seed
        self.batch_index = self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.pass_number = 0
        self._order = Order(max(n, 1), self.batch_size, self.seed, shuffle=self.shuffle)
        # The validation part is changed at random only where that was asked for.
        self._augmented = options.subset != "validation" or generator.augment_validation
        self._saving = saving = options.saving
        self.data_format, self.dtype = generator.data_format, generator.dtype
        self.save_to_dir = None if saving is None else str(saving.folder)
        self.save_prefix, self.save_format = ("", "png") if saving is None else (saving.prefix, saving.format)

    def __init_subclass__(cls, **options: Any) -> None:
        """A subclass with batches of its own is asked for them as Keras would, in order and in one thread."""
        super().__init_subclass__(**options)
        if {"__getitem__", "__next__", "on_epoch_end"} & vars(cls).keys():
            cls.placed = False

    def __getstate__(self) -> dict[str, Any]:
        """For worker processes, which need no lock of this one."""
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As it was."""
        vars(self).update(state, lock=threading.Lock())

    def __len__(self) -> int:
        """Batches in a pass."""
        return math.ceil(self.n / self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        """Batch `idx` of the pass under way.

        Raises:
            ValueError: There are not so many.
        """
        if not 0 <= idx < len(self):
            raise ValueError(f"There is no batch {idx}: a pass has {len(self)}.")
        return self.batch_at(self.pass_number, idx)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """The next batch; behind the last one another pass begins."""
        with self.lock:
            pass_number, number = self.pass_number, self.batch_index
            self.total_batches_seen += 1
            self.batch_index += 1
            if self.batch_index >= len(self):
                self.on_epoch_end()
        return self.batch_at(pass_number, number)

    def next(self) -> Any:
        """The next batch."""
        return self.__next__()

    def on_epoch_end(self) -> None:
        """Begin another pass, with another order and other changes."""
        self.pass_number += 1
        self.batch_index = 0

    def go_to(self, pass_number: int, batch_index: int) -> None:
        """Let another batch be the next."""
        self.pass_number, self.batch_index = pass_number, batch_index

    def reset(self) -> None:
        """Let the next batch be the first of a pass; one under way is left, and its order does not come again."""
        if self.batch_index:
            self.on_epoch_end()

    @property
    def index_array(self) -> NDArray[np.int64]:
        """(n,) the samples of the pass under way, in their order."""
        if not self.n:
            return np.empty(0, np.int64)
        first = self.pass_number * len(self)
        return np.concatenate([self._order.batch(first + number)[2] for number in range(len(self))])

    def batch_at(self, pass_number: int, number: int) -> Any:
        """A batch of any pass, which any thread or process may ask for."""
        if not self.n:
            first, indices = 0, np.empty(0, np.int64)
        else:
            _, first, indices = self._order.batch(pass_number * len(self) + number)
        return self._assemble(self._images(indices, pass_number, first), indices)

    def _images(self, indices: NDArray[np.int64], pass_number: int, first: int) -> NDArray[Any]:
        """The images of a batch, in the user's data format."""
        generator = self.image_data_generator
        images, positions = self._load(indices), np.arange(first, first + len(indices))
        if generator.has_own_methods:
            images = generator.one_by_one(images, self.seed, pass_number, positions, augmented=self._augmented)
        else:
            if self._augmented:
                images = generator.changed(images, self.seed, pass_number, positions, indices)
            images = generator.standardized(images)
        if self._saving is not None:
            self._saving.save(images, indices, pass_number)
        return images.transpose(0, 3, 1, 2) if generator.data_format == "channels_first" else images

    @abstractmethod
    def _load(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """The images (N, H, W, C) of some samples."""

    @abstractmethod
    def _assemble(self, images: NDArray[Any], indices: NDArray[np.int64]) -> Any:
        """The contents of a batch: images, and what belongs to them."""


def split_range(generator: ImageChanges, subset: str | None) -> tuple[float, float]:
    """The share of the samples, from and to, that a subset is: Keras validates on the first.

    Raises:
        ValueError: There is no such subset, or no validation_split.
    """
    if subset is None:
        return 0.0, 1.0
    if subset not in ("training", "validation"):
        raise ValueError(f'subset must be "training" or "validation", got {subset!r}.')
    share = generator.validation_split
    if not share:
        raise ValueError(f'subset="{subset}" needs ImageChanges(validation_split=…) above 0.')
    return (0.0, share) if subset == "validation" else (share, 1.0)
