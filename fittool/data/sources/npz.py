"""The source `npz`: arrays in one of NumPy's archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.sources.base import Source, SourceContext
from fittool.errors import DataError, shown
from fittool.settings import Field, Text, setting

if TYPE_CHECKING:
    from fittool.data.dataset import ArrayDataset, Dataset


@setting
class NpzSource(Source):
    """Arrays in an `.npz` file, held in memory; images may be (N, H, W) or (N, H, W, C)."""

    path: Text = Field(min_length=1, description="The file, as numpy.savez writes it.")
    x: Text = Field(default="x", description="Name of the array of inputs.")
    y: Text = Field(default="y", description="Name of the array of labels.")
    sample_weight: Text | None = Field(default=None, description="Name of the array of sample weights.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "npz"

    def open(self, context: SourceContext) -> ArrayDataset:
        """Read the arrays.

        Raises:
            DataError: The file or an array is missing or refused, lengths differ, or labels do not fit the class mode.
        """
        from fittool.data.formats.npy_format import NpzFile
        from fittool.data.sources.arrays import NamedArray, dataset_of
        from fittool.data.targets import reads_labels

        path = context.path(self.path)
        file = NpzFile(path)

        def read(name: str | None) -> NamedArray | None:
            return None if name is None else NamedArray(f"{shown(path)}: {name}", file.read(name))

        x = NamedArray(f"{shown(path)}: {self.x}", file.read(self.x))
        return dataset_of(x, read(self.y if reads_labels(context.class_mode) else None), read(self.sample_weight), context)

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The array called `group`, (N,): one value for each sample.

        Raises:
            DataError: There is no such array, or it has another length.
        """
        from fittool.data.formats.npy_format import NpzFile
        from fittool.data.targets import as_text

        path = context.path(self.path)
        values = NpzFile(path).read(group)
        if values.shape != (len(dataset),):
            text = f"{shown(path)}: {group} has shape {values.shape}; one group for each of {len(dataset):,} samples is needed."
            raise DataError(text)
        return as_text(values, f"{shown(path)}: {group}[{{}}]".format) if values.dtype.kind == "S" else values.astype(np.str_)
