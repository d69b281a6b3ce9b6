"""A dataset of image files, decoded when they are asked for."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Progress, Samples, Shape
from fittool.data.formats.reading import Reading
from fittool.data.formats.string_table import StringTable
from fittool.data.images.decoding import CHANNELS, ImageForm, depth_of, read_image
from fittool.data.loading.prefetch import in_order
from fittool.data.sources.base import SourceContext
from fittool.data.targets import Targets
from fittool.errors import DataError, Problem, shown

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder
    from fittool.data.tables.unencoded import RawColumns

_FILES_LOOKED_INTO = 256
_BYTES_LOOKED_AT = 16 << 20  # in all of them
_CHUNK = 64
_SHOWN = 20
_FILES_OF_DEPTH = 32


Files = TypeVar("Files", bound="ImageFiles")


class ImageFiles:
    """Image files with targets; each `load` decodes.

    Args:
        root: The folder that the fingerprint does not depend on.
        names: The files, relative to `root` or absolute.
        form: Size and colours of the arrays.
        targets: Of all files.
        sample_weight: (N,) float32.
        grouped_by_class: Whether the files stand class by class.

    Attributes:
        bad_files: Those that cannot be read and were left out.
        remarks: Sentences on what else was left out, or is odd.
        damaged_exif: Names of files whose EXIF data cannot be read, noted when they are decoded.
        absent: By their names: those that are kept though they are not there, with what is told when they are loaded.
    """

    feature_names: tuple[str, ...] | None = None
    reading: Reading | None = None  # how the table was read that names the files
    bad_rows: Mapping[int, Problem] = {}  # by the sample: why its row of the table could not be read
    left_out_rows: tuple[Problem, ...] = ()  # why rows of the table were left out

    def __init__(
        self,
        root: str,
        names: Sequence[str],
        form: ImageForm,
        targets: Targets,
        sample_weight: NDArray[np.float32] | None = None,
        *,
        grouped_by_class: bool = False,
    ) -> None:
        self.root = root
        self.names = names if isinstance(names, StringTable) else StringTable(names)
        self.form = form
        self.targets = targets
        self.sample_weight = sample_weight
        self.class_names = targets.class_names
        self.grouped_by_class = grouped_by_class
        self.bad_files: tuple[Problem, ...] = ()
        self.remarks: tuple[str, ...] = ()
        self.damaged_exif: set[str] = set()
        self.absent: Mapping[str, Problem] = {}

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> str:
        """The file of a sample."""
        return os.path.join(self.root, self.names[index])

    def image(self, index: int) -> NDArray[np.uint8]:
        """The decoded image of a sample, (H, W, C).

        Raises:
            DataError: It cannot be decoded; names it.
        """
        if (problem := self.absent.get(self.names[index])) is not None:
            raise DataError([problem])
        return read_image(self.path(index), self.form, lambda: self.damaged_exif.add(self.names[index]))

    def describe(self, index: int) -> str:
        """The file of a sample, fit for messages."""
        return shown(self.path(index))

    @cached_property
    def _shape(self) -> Shape:
        if self.form.size is not None:
            return (*self.form.size, CHANNELS[self.form.color_mode])
        return self.image(0).shape

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """(H, W, C); without a size, that of the first file."""
        return {"input": self._shape}

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """Decode files; (N, H, W, C) uint8.

        Raises:
            DataError: A file cannot be decoded, or has another size than the first while no size is set.
        """
        images = np.empty((len(indices), *self._shape), np.uint8)
        for row, index in enumerate(indices.tolist()):
            image = self.image(index)
            if image.shape != self._shape:
                raise DataError(_sizes_differ(image.shape, self._shape, self.describe(0)), place=self.describe(index))
            images[row] = image
        inputs = (images,)
        weight = None if self.sample_weight is None else self.sample_weight.take(indices)
        return inputs, self.targets.take(indices, inputs), weight

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class number of each file."""
        return self.targets.labels

    @cached_property
    def _facts(self) -> NDArray[np.int64]:
        """(N, 3) the size of each file, and when its content and its entry were last changed; nobody can put back the last."""
        facts = np.empty((len(self), 3), np.int64)
        for index in range(len(self)):
            found = os.stat(self.path(index))
            facts[index] = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        return facts

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"({self.class_names!r}, {self.form.identity()})".encode("utf-8", "surrogateescape"))
        for name, size in zip(self.names, self._facts[:, 0].tolist(), strict=True):
            digest.update(os.fsencode(f"{name}\0{size}\0"))
        some = np.linspace(0, len(self) - 1, min(len(self), _FILES_LOOKED_INTO)).astype(np.int64)
        for index in some.tolist():
            digest.update(self._beginning(index, _BYTES_LOOKED_AT // len(some)))
        for values in (self.targets.values, self.sample_weight):
            digest.update(b"" if values is None else np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def _beginning(self, index: int, most: int) -> bytes:
        """The first bytes of a file; none where it cannot be read, which decoding will tell."""
        try:
            with open(self.path(index), "rb", buffering=0) as file:
                return file.read(most)
        except OSError:
            return b""

    def _content(self, index: int) -> str | bytes:
        """The source of a sample's image: a path, or its bytes."""
        return self.path(index)

    def check_depth(self) -> None:
        """Look at some files: where all that have 16 bits use few of them, little would be left when they are scaled to 8.

        Raises:
            DataError: At most 8 of 16 bits are used.
        """
        if self.form.white_level is not None:
            return
        some = np.unique(np.linspace(0, len(self) - 1, min(len(self), _FILES_OF_DEPTH)).astype(np.int64))
        depth = depth_of(self._content(index) for index in some.tolist())
        if depth is None:
            return
        if depth.is_lost:
            mend = f"Set data.image.white_level to {depth.highest}, if that is white, or save them with 8 bits."
            raise DataError(f"{depth} {mend}", place=self.describe(0))
        mend = "Set data.image.white_level to the value that is white, such as 4095" if depth.highest else "Look at them"
        self.remarks += (f"{depth} {mend}, or save them with 8 bits.",)

    def fingerprint(self) -> str:
        """Of the files' names and sizes (not their dates or folder), targets and image settings, and of what some files hold.

        All files would take minutes to read; 256 of them, evenly chosen, tell where the images were made anew.
        """
        return self._fingerprint

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of a dataset of the files at (N,) indices."""
        return self.select(indices).fingerprint()

    def dated_fingerprint(self) -> str:
        """Of all that, and of the times of the files' last changes."""
        return hashlib.sha256(self._fingerprint.encode() + self._facts.tobytes()).hexdigest()

    def without_bad_files(self, workers: int, progress: Progress | None = None) -> Self:
        """The files that can be decoded; decodes each once, and keeps why the others cannot in `bad_files`.

        Raises:
            DataError: None can be decoded; holds the first causes.
        """
        bad: dict[int, Problem] = {}
        pieces = iter([range(start, min(start + _CHUNK, len(self))) for start in range(0, len(self), _CHUNK)])
        for piece, problems in in_order(lambda piece: (piece, self.unreadable(piece)), pieces, workers, 2 * workers + 1):
            bad |= problems
            if progress is not None:
                progress(piece.stop, len(self))
        if len(bad) == len(self):
            raise DataError([Problem(f"None of {len(self):,} image files can be read."), *list(bad.values())[:_SHOWN]])
        rest = self.select(np.array([index for index in range(len(self)) if index not in bad], np.int64))
        rest.bad_files = tuple(bad.values())
        return rest

    def select(self, good: NDArray[np.int64]) -> Self:
        """The files at (n,) indices, as a dataset of their own."""
        rest = copy.copy(self)
        # Facts of all files are not those of some; kept in the copy, they would be taken for them.
        for computed in ("_shape", "_facts", "_fingerprint"):
            rest.__dict__.pop(computed, None)
        if "_facts" in self.__dict__:  # a file is asked once for its size
            rest.__dict__["_facts"] = self._facts[good]
        rest.names, rest.targets = self.names.select(good), self.targets.select(good)
        rest.sample_weight = None if self.sample_weight is None else self.sample_weight[good]
        return rest

    def unreadable(self, indices: Iterable[int]) -> dict[int, Problem]:
        """The reasons why each of some files cannot be decoded; whether their sizes are alike does not matter here."""
        problems = {}
        for index in indices:
            try:
                self.image(index)
            except DataError as error:
                problems[index] = error.problems[0]
        return problems


def _sizes_differ(shape: Shape, first: Shape, first_name: str) -> str:
    return (
        f"The image has {shape[0]} x {shape[1]} pixels (height x width), but {first_name} has {first[0]} x {first[1]}. "
        "Set data.image.size, so that all become alike."
    )


def files_of(
    root: str,
    names: Sequence[str],
    targets: Targets,
    sample_weight: NDArray[np.float32] | None,
    context: SourceContext,
    *,
    grouped_by_class: bool = False,
) -> ImageFiles:
    """Image files, with (N,) weights, as an experiment wants them: with its image settings, and bad files left out if it says so.

    Raises:
        DataError: `on_bad_file: skip`, and no file can be read.
    """
    return as_wanted(
        ImageFiles(root, names, form_of(context), targets, sample_weight, grouped_by_class=grouped_by_class), context
    )


def form_of(context: SourceContext) -> ImageForm:
    """The experiment's image settings."""
    return ImageForm(context.size, context.color_mode, context.interpolation, context.fit, context.white_level)


def as_wanted(files: Files, context: SourceContext) -> Files:
    """The files, without bad ones if the experiment says so.

    Raises:
        DataError: `on_bad_file: skip`, and no file can be read.
    """
    if context.on_bad_file == "skip":
        files = files.without_bad_files(context.workers, context.progress)
    files.check_depth()
    return files


IMAGE, FEATURES = "image", "features"
"""The names of the two inputs."""


class ImageTable(ImageFiles):
    """Image files with numbers beside them.

    Args:
        root, names, form, targets, sample_weight: As of `ImageFiles`.
        features: (N, F) float32.
        feature_names: The columns that they were made of.

    Attributes:
        raw: The columns of which the features are yet to be made; None once they are.
    """

    raw: RawColumns | None = None
    encoder: TableEncoder | None = None

    def __init__(
        self,
        root: str,
        names: Sequence[str],
        form: ImageForm,
        targets: Targets,
        sample_weight: NDArray[np.float32] | None,
        features: NDArray[np.floating[Any]],
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
        """The samples at (n,) indices, as a dataset of their own."""
        rest = super().select(good)
        rest.features = self.features[good]
        rest.raw = None if self.raw is None else self.raw.select(good)
        return rest

    def with_features(self, values: NDArray[np.float32], encoder: TableEncoder, reading: Reading) -> Self:
        """The same files with (N, F) features beside them."""
        made = copy.copy(self)
        made.features, made.feature_names, made.encoder, made.raw, made.reading = values, encoder.sources, encoder, None, reading
        return made

    def fingerprint(self) -> str:
        """Of the files as `ImageFiles` has it, and of the numbers."""
        return hashlib.sha256(super().fingerprint().encode() + self.features.tobytes()).hexdigest()

    def dated_fingerprint(self) -> str:
        """Of all that, and of the times of the files' last changes."""
        return hashlib.sha256(super().dated_fingerprint().encode() + self.features.tobytes()).hexdigest()
