"""The common base of all data sources: a description that opens as a dataset, and what it is told when it does."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.errors import DataError
from fittool.settings import Named, setting

if TYPE_CHECKING:
    from fittool.data.dataset import Dataset, Progress
    from fittool.data.formats.reading import Reading
    from fittool.data.images.decoding import ColorMode, Fit, Interpolation
    from fittool.data.tables.column_plan import ColumnPlan
    from fittool.data.tables.encoder import TableEncoder
    from fittool.data.targets import ClassMode
    from fittool.data.user_code.generator_data import GeneratorData


@dataclass(frozen=True)
class OutputLabels:
    """The labels of one of several outputs.

    Attributes:
        output: Its name.
        class_mode: The form of its targets.
        class_names: The classes of the training data; None for training, and where there are none.
    """

    output: str
    class_mode: ClassMode
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SourceContext:
    """The facts that a source needs to know of the rest of an experiment.

    Attributes:
        base_directory: Where relative paths begin.
        size: (height, width) that images are resized to, or None: as they are.
        color_mode: Channels of images.
        interpolation: How pixels are computed when an image is resized.
        fit: How an image of other proportions comes to `size`.
        white_level: The value that is white in grey images of more than 8 bits; None where the files say it.
        class_mode: The form of the targets; `auto` leaves numbers as they are, None reads none.
        outputs: Of a network with several outputs, what each takes from its own column of labels; none of others.
        seed: The run's.
        on_bad_file: Whether an image file that cannot be read is an error, left out, or kept and told when it is loaded.
        on_bad_row: Whether a row of a table that cannot be read is an error, left out, or kept and told by the dataset.
        workers: Threads that decode while a source is opened; 0: none beside the caller.
        class_names: The classes of the training data, so that validation data number theirs alike; None for training.
        feature_names: The columns of the training data, so that validation data take the same; None for training.
        not_features: Columns that are none to learn from by default, such as that which divides the data.
        reading: How the training data's table was read, so that other tables are read alike; None for training.
        encoder: What the training part of a table has fixed of its columns; None for training.
        columns: What the experiment says of the columns of a table.
        waits_for_split: Whether columns are left as they are, until it is known which rows are trained on.
        on_missing_label: Whether a row without a label is left out, or an error.
        numbered_labels: Whether labels are class numbers as they stand, as a loss that ignores one of them counts on.
        progress: Told how many files are done while all are decoded.
        timeout: Seconds that user code may take for its first batch; without a limit it is made in the caller's own thread.
    """

    base_directory: Path = field(default_factory=Path)
    size: tuple[int, int] | None = None
    color_mode: ColorMode = "rgb"
    interpolation: Interpolation = "bilinear"
    fit: Fit = "stretch"
    white_level: float | None = None
    class_mode: ClassMode = "auto"
    outputs: tuple[OutputLabels, ...] = ()
    seed: int = 0
    on_bad_file: Literal["error", "skip", "keep"] = "error"
    on_bad_row: Literal["error", "drop", "keep"] = "error"
    workers: int = 0
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    not_features: tuple[str, ...] = ()
    reading: Reading | None = None
    encoder: TableEncoder | None = None
    columns: ColumnPlan | None = None
    waits_for_split: bool = False
    on_missing_label: Literal["drop", "error"] = "drop"
    numbered_labels: bool = False
    progress: Progress | None = None
    timeout: float = math.inf

    def path(self, written: str) -> Path:
        """A path as it was written, relative to the base directory; `..` is taken out, links are not followed.

        Of an address such as `s3://…` this is a copy on this machine.
        """
        from fittool.data.remote import is_remote, local_copy

        if is_remote(written):
            return local_copy(written)
        return Path(os.path.normpath(self.base_directory / written))


@setting
class Source(Named):
    """The place that samples come from."""

    reads_images: ClassVar[bool] = False
    """True where it decodes image files, so that the settings of `data.image` matter."""
    has_columns: ClassVar[bool] = False
    """True where it reads a table, so that the settings of columns matter."""

    def open(self, context: SourceContext) -> Dataset | GeneratorData:
        """The samples; only the source `python` gives `GeneratorData`, all others a `Dataset`.

        Raises:
            DataError: Data are wrong, missing or unreadable.
        """
        raise NotImplementedError

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The group that each sample belongs to, for splits that keep groups whole.

        Args:
            group: What tells them apart: a column, an array, or a pattern.
            dataset: What `open` gave.
            context: As for `open`.

        Returns:
            (N,) text, the name of each sample's group.

        Raises:
            DataError: This source has no groups, or not this one.
        """
        text = f"The source {self.public_name()} has no groups; csv, folder and npz have."
        raise DataError(f"{text} Use another kind of split.")
