"""A dataset of images in tar files, read at their places; nothing is unpacked to disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.string_table import StringTable
from fittool.data.images.decoding import ImageForm, decode_image
from fittool.data.images.image_files import ImageFiles
from fittool.data.order import ShardOrder
from fittool.data.targets import Targets
from fittool.errors import DataError, shown


class ShardImages(ImageFiles):
    """Images in shards; samples stand shard by shard.

    Args:
        shards: The tar files.
        names: What each sample is called in its shard.
        shard_of: (N,) which shard holds each sample, in rising order.
        places: (N, 2) offset and length of each image, in bytes.
        form: Size and colours of the arrays.
        targets: Of all samples.
        buffer: Samples that a shuffled pass mixes with each other.
    """

    def __init__(
        self,
        shards: Sequence[str],
        names: StringTable,
        shard_of: NDArray[np.int32],
        places: NDArray[np.int64],
        form: ImageForm,
        targets: Targets,
        buffer: int,
    ) -> None:
        super().__init__("", names, form, targets)
        self.shards = list(shards)
        self.shard_of, self.places = shard_of, places
        self._buffer = buffer

    @property
    def stream(self) -> ShardOrder:
        """Shards in a random order, samples mixed within a buffer."""
        return ShardOrder(np.bincount(self.shard_of, minlength=len(self.shards)).astype(np.int64), self._buffer)

    def describe(self, index: int) -> str:
        """Shard and sample."""
        return f"{shown(self.shards[self.shard_of[index]])}: {shown(self.names[index])}"

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, C) uint8: the decoded image of a sample, read at its place in the shard.

        Raises:
            DataError: It cannot be read or decoded; names shard and sample.
        """
        size = int(self.places[index, 1])
        try:
            content = self._read(index, size)
        except OSError as error:
            raise DataError(f"The shard cannot be read: {error.strerror}.", place=self.describe(index)) from error
        if len(content) != size:
            raise DataError("The shard became shorter since it was opened.", place=self.describe(index))
        return decode_image(content, self.describe(index), self.form)

    def _read(self, index: int, most: int) -> bytes:
        offset, size = self.places[index].tolist()
        descriptor = os.open(self.shards[self.shard_of[index]], os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, min(size, most), offset)
        finally:
            os.close(descriptor)

    def _content(self, index: int) -> bytes:
        try:
            return self._read(index, int(self.places[index, 1]))
        except OSError:
            return b""

    def _beginning(self, index: int, most: int) -> bytes:
        try:
            return self._read(index, most)
        except OSError:
            return b""

    def select(self, good: NDArray[np.int64]) -> Self:
        """The samples at (n,) indices, as a dataset of their own."""
        rest = super().select(good)
        rest.shard_of, rest.places = self.shard_of[good], self.places[good]
        return rest

    @cached_property
    def _facts(self) -> NDArray[np.int64]:
        """(N, 3) the length of each image, and when the content and the entry of its shard were last changed."""
        found = [os.stat(shard) for shard in self.shards]
        times = np.array([(one.st_mtime_ns, one.st_ctime_ns) for one in found], np.int64)
        return np.concatenate([self.places[:, 1:], times[self.shard_of]], axis=1)
