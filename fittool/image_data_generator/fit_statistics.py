"""The attributes of an ImageDataGenerator that `fit` sets, and the axes that they lie along."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.augmentation.standardize import Statistics

DataFormat = Literal["channels_last", "channels_first"]


class FitStatistics:
    """Statistics under Keras's names, in the user's order of axes.

    Attributes:
        data_format: channels_last (H, W, C) or channels_first (C, H, W).
        statistics: The same as `standardize` takes them, channels last.
    """

    data_format: DataFormat
    statistics: Statistics

    @property
    def channel_axis(self) -> int:
        """The axis of channels of (N, …) images."""
        return 1 if self.data_format == "channels_first" else 3

    @property
    def row_axis(self) -> int:
        """The axis of rows."""
        return 2 if self.data_format == "channels_first" else 1

    @property
    def col_axis(self) -> int:
        """The axis of columns."""
        return self.row_axis + 1

    @property
    def mean(self) -> NDArray[np.float32] | None:
        """Of each channel, (1, 1, C) or (C, 1, 1) as images are; None before `fit`. May be set, also as (C,)."""
        return self._by_channel(self.statistics.mean)

    @mean.setter
    def mean(self, values: ArrayLike | None) -> None:
        self.statistics = replace(self.statistics, mean=_flat(values))

    @property
    def std(self) -> NDArray[np.float32] | None:
        """The same of the standard deviation."""
        return self._by_channel(self.statistics.std)

    @std.setter
    def std(self, values: ArrayLike | None) -> None:
        self.statistics = replace(self.statistics, std=_flat(values))

    @property
    def zca_whitening_matrix(self) -> NDArray[np.float32] | None:
        """(H·W·C, H·W·C), or None before `fit`. May be set."""
        return self.statistics.zca

    @zca_whitening_matrix.setter
    def zca_whitening_matrix(self, matrix: ArrayLike | None) -> None:
        self.statistics = replace(self.statistics, zca=None if matrix is None else np.asarray(matrix, np.float32))

    def _by_channel(self, values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        if values is None:
            return None
        return values.reshape((-1, 1, 1) if self.data_format == "channels_first" else (1, 1, -1))

    def _shape(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        if len(shape) != 3:
            raise ValueError(f"An image has three axes, got the shape {shape}.")
        return (shape[1], shape[2], shape[0]) if self.data_format == "channels_first" else (shape[0], shape[1], shape[2])


def _flat(values: ArrayLike | None) -> NDArray[np.float32] | None:
    return None if values is None else np.asarray(values, np.float32).reshape(-1)
