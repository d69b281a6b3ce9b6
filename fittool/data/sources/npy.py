"""The source `npy`: one array a file, the inputs left on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fittool.data.sources.base import Source, SourceContext
from fittool.errors import ExperimentError, shown
from fittool.settings import Field, Text, setting

if TYPE_CHECKING:
    from fittool.data.formats.memory_mapped import MemoryMappedArray


@setting
class NpySource(Source):
    """Arrays in `.npy` files; the inputs are read from disk as they are needed, so they may be larger than the memory."""

    x: Text = Field(min_length=1, description="The file of inputs, (samples, ...); images may be (N, H, W) or (N, H, W, C).")
    y: Text | None = Field(
        default=None, min_length=1, description="The file of labels; needed unless class_mode is input or null."
    )
    sample_weight: Text | None = Field(default=None, min_length=1, description="The file of sample weights.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "npy"

    def open(self, context: SourceContext) -> MemoryMappedArray:
        """Map the inputs, read labels and weights.

        Raises:
            ExperimentError: Labels are needed, and `y` is not set.
            DataError: A file is missing or refused, lengths differ, or labels do not fit the class mode.
        """
        from fittool.data.arrays import as_weights, check_lengths
        from fittool.data.formats.memory_mapped import MemoryMappedArray
        from fittool.data.formats.npy_format import map_array
        from fittool.data.targets import from_numbers, no_targets, reads_labels

        wanted = {"y": self.y if reads_labels(context.class_mode) else None, "sample_weight": self.sample_weight}
        if wanted["y"] is None and reads_labels(context.class_mode):
            raise ExperimentError("npy: y is missing. Name the file of labels, or set data.class_mode to input or null.")
        dataset = MemoryMappedArray(context.path(self.x))
        paths = {key: context.path(written) for key, written in wanted.items() if written is not None}
        arrays = {key: map_array(path, shown(path)) for key, path in paths.items()}
        length = check_lengths({dataset.name: dataset.array, **{shown(paths[key]): array for key, array in arrays.items()}})
        targets = no_targets(context.class_mode)
        if "y" in arrays:
            name, numbered = shown(paths["y"]), context.numbered_labels
            targets = from_numbers(arrays["y"], context.class_mode, context.class_names, name, numbered=numbered)
        weight = as_weights(arrays["sample_weight"], shown(paths["sample_weight"]), length) if "sample_weight" in arrays else None
        dataset.label(targets, weight)
        return dataset
