"""The source `shards`: tar files in the WebDataset layout, read nearly in sequence."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fittool.data.sources.base import Source, SourceContext
from fittool.errors import DataError, shown
from fittool.settings import Field, Integer, Text, setting

if TYPE_CHECKING:
    from fittool.data.formats.shard_index import Member
    from fittool.data.images.shard_images import ShardImages
    from fittool.data.targets import Targets


@setting
class ShardsSource(Source):
    """Images in tar files, such as `000017.jpg` beside its label `000017.cls`; for data too large for single files."""

    reads_images: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The tar files: a pattern such as `train-*.tar` or `train-{000..127}.tar`.")
    image: Text = Field(
        default="jpg;jpeg;png;webp;bmp;gif;tif;tiff;ppm", min_length=1, description="Endings of the images, separated by `;`."
    )
    label: Text = Field(
        default="cls",
        min_length=1,
        description="Ending of the labels, each a class's name or number as text; json.label for the entry label of a JSON file.",
    )
    buffer: Integer = Field(
        default=2000,
        ge=1,
        le=10_000_000,
        description="Samples that a shuffled pass mixes, beside taking shards in a random order.",
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "shards"

    def open(self, context: SourceContext) -> ShardImages:
        """Read the headers of all shards; images are read and decoded when they are asked for.

        Raises:
            DataError: There is no such shard, or one is damaged, compressed or has samples without labels.
        """
        from fittool.data.formats.shard_index import LabelForm, contents_of, remarks_on
        from fittool.data.formats.string_table import StringTable
        from fittool.data.images.image_files import as_wanted, form_of
        from fittool.data.images.shard_images import ShardImages
        from fittool.data.targets import reads_labels

        shards = shards_of(context.path(self.path))
        label = LabelForm.parse(self.label) if reads_labels(context.class_mode) else None
        endings = [ending for written in self.image.split(";") if (ending := written.strip(" .").lower())]
        contents = [contents_of(shard, endings, label) for shard in shards]
        remarks = tuple(remarks_on(contents))
        samples = list(chain.from_iterable(shard.samples for shard in contents))
        if not samples:
            text = " ".join([f"The shards hold no images; endings looked for: {', '.join(endings)}.", *remarks])
            raise DataError(text, place=shown(shards[0]))
        files = ShardImages(
            [str(shard) for shard in shards],
            StringTable(sample.name for sample in samples),
            np.repeat(np.arange(len(shards), dtype=np.int32), [len(shard.samples) for shard in contents]),
            np.array([(sample.offset, sample.size) for sample in samples], np.int64),
            form_of(context),
            _targets(samples, context, shown(shards[0])),
            self.buffer,
        )
        files.remarks = remarks
        return as_wanted(files, context)


def _targets(samples: list[Member], context: SourceContext, place: str) -> Targets:
    from fittool.data.formats.number_parsing import PLAIN, is_number
    from fittool.data.targets import from_numbers, from_text, no_targets, whole_if_possible

    labels = [sample.label for sample in samples if sample.label is not None]
    if not labels:
        return no_targets(context.class_mode)

    def called(index: int) -> str:
        return f"{place}: {shown(samples[index].name)}"

    if context.numbered_labels and context.class_names is None and all(map(is_number, labels)):
        numbers = whole_if_possible(PLAIN.values(labels))
        return from_numbers(numbers, context.class_mode, None, "labels", called, numbered=True)
    return from_text(labels, context.class_mode, context.class_names, called, "label")


def shards_of(pattern: Path) -> list[Path]:
    """The files that a pattern with `*`, `?`, `[…]` or `{000..127}` stands for, sorted.

    Raises:
        DataError: There are none, or a numbered one is missing.
    """
    from fittool.data.files import existing_file, numbered

    names = numbered(pattern.name)
    if names != [pattern.name]:
        return [existing_file(pattern.with_name(name)) for name in names]
    if not any(letter in pattern.name for letter in "*?["):
        return [existing_file(pattern)]
    found = sorted(path for path in pattern.parent.glob(pattern.name) if path.is_file())
    if not found:
        raise DataError("No file fits this pattern.", place=shown(pattern))
    return found
