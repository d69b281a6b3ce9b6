"""A first look at somebody's data: what kind they are, how many samples and classes, what cannot be read.

It is what `fittool init --from` fits an experiment to; training reads the data anew, through the sources.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.tags import separator_in, tags_of
from fittool.data.found_data import image_column, table_in
from fittool.data.images.image_folders import class_folders_in, images_below, merged
from fittool.data.images.image_lookup import ImageLookup
from fittool.data.sources.folder import class_folders
from fittool.data.splits.split_column import find_split_column
from fittool.errors import DataError, visible

_TRAIN_FOLDERS, _VALIDATION_FOLDERS = ("train", "training"), ("validation", "valid", "val", "test")
_LABEL_NAMES = ("label", "labels", "target", "class", "classes", "category", "y", "species", "diagnosis", "tags")
_INPUT_ARRAYS, _LABEL_ARRAYS = ("x", "x_train", "images", "data", "inputs"), ("y", "y_train", "labels", "targets", "target")
_MOST_CLASSES = 1000
_MOST_NUMBERED_CLASSES = 30
_MOST_DECODED = 5_000
_SHOWN = 5
_SQUEEZED = 0.05


@dataclass(frozen=True)
class Survey:
    """What a look at the data found.

    Attributes:
        lines: What was found, for people.
        source: The name of the source, and its arguments with paths as they are in the file system.
        validation: The same for validation data of their own; None where a part of the data must do.
        classes: How many samples each class has; empty where the labels are numbers to predict.
        outputs: Numbers to predict for each sample, where there are no classes.
        image_size: (height, width) to train at; None for tables and other arrays.
        color_mode: Of image files; None where the arrays say it themselves.
        fit: How images of other proportions come to `image_size`.
        on_bad_file: `skip` where some files cannot be read.
        several_labels: Whether a sample may have several classes at once.
    """

    lines: tuple[str, ...]
    source: tuple[str, dict[str, str]]
    validation: tuple[str, dict[str, str]] | None = None
    classes: dict[str, int] = field(default_factory=dict)
    outputs: int = 1
    image_size: tuple[int, int] | None = None
    color_mode: str | None = None
    fit: str = "stretch"
    on_bad_file: str = "error"
    several_labels: bool = False


def look_at(path: str) -> Survey:
    """Look at a folder of class folders, a CSV file or an npz file.

    Raises:
        DataError: There is nothing at `path`, or nothing that can be trained on.
    """
    if os.path.isdir(path):
        table = table_in(path)
        return _folder(path) if table is None else _csv(table)
    if not os.path.isfile(path):
        raise DataError("There is no such file or folder.", place=visible(path))
    looks = {".npz": _npz, ".csv": _csv, ".tsv": _csv}
    look = looks.get(os.path.splitext(path)[1].lower())
    if look is None:
        raise DataError("Give a folder with one folder of images for each class, a .csv or a .npz file.", place=visible(path))
    return look(path)


def _folder(path: str) -> Survey:
    parts = {name.lower(): os.path.join(path, name) for name in class_folders(Path(path))}
    train = next((parts[name] for name in _TRAIN_FOLDERS if name in parts), path)
    validation = next((parts[name] for name in _VALIDATION_FOLDERS if name in parts), None) if train != path else None
    folders = class_folders_in(Path(train))
    listings = {name: images_below(Path(train), name, follow_links=False) for name in folders.names}
    files = {name: listing.images for name, listing in listings.items()}
    if not any(files.values()):
        raise DataError("No folder in it holds images; there must be one folder for each class.", place=visible(path))
    sizes, color_mode, unreadable = _decoded([os.path.join(train, image) for images in files.values() for image in images])
    classes = {name: len(images) for name, images in files.items()}
    least, most = min(sizes), max(sizes)
    span = f"all {least[1]}×{least[0]}" if len(set(sizes)) == 1 else f"sizes {least[1]}×{least[0]} to {most[1]}×{most[0]}"
    lines = [
        f"{_shown_folder(train)}: {sum(classes.values()):,} images in {_in_classes(classes)}, {span}",
        *(f"  {text}" for text in (*folders.told(), *merged(list(listings.values())).told())),
        *_complaints(unreadable),
    ]
    return Survey(
        lines=tuple(lines),
        source=("folder", {"path": train}),
        validation=None if validation is None else ("folder", {"path": validation}),
        classes=classes,
        image_size=_training_size(sizes),
        color_mode=color_mode,
        fit=_fit(sizes),
        on_bad_file="skip" if unreadable else "error",
    )


def _decoded(files: list[str]) -> tuple[list[tuple[int, int]], str, list[str]]:
    """(height, width) of what can be decoded, the colours, and what cannot be; of very many files an even choice."""
    from fittool.data.images.decoding import ImageForm, read_image  # Pillow

    sizes, unreadable, coloured = [], [], False
    for file in files[:: -(-len(files) // _MOST_DECODED)]:
        try:
            image = read_image(file, ImageForm())
        except DataError as error:
            unreadable += [f"{problem.place} ({problem.text.rstrip('.')})" for problem in error.problems]
            continue
        sizes.append((image.shape[0], image.shape[1]))
        coloured = coloured or not (image[..., :1] == image).all()
    if not sizes:
        raise DataError("None of the images can be read.", place=visible(os.path.dirname(files[0])))
    return sizes, "rgb" if coloured else "grayscale", unreadable


def _complaints(unreadable: list[str]) -> list[str]:
    if not unreadable:
        return []
    more = f" and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
    files = "file" if len(unreadable) == 1 else "files"
    return [f"  {len(unreadable)} {files} cannot be read: {', '.join(unreadable[:_SHOWN])}{more}"]


def _training_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The common size if it is small, else a square that most images fill."""
    if len(set(sizes)) == 1 and max(sizes[0]) <= 96:
        return sizes[0]
    side = int(np.median([min(size) for size in sizes]))
    return (64, 64) if side >= 64 else (32, 32)


def _fit(sizes: Sequence[tuple[int, int]]) -> str:
    """To cut out the middle where most images have other proportions than they get, so that nothing is squeezed."""
    height, width = _training_size(sizes)
    other = [abs(rows * width - columns * height) > _SQUEEZED * rows * width for rows, columns in sizes]
    return "crop" if 2 * sum(other) > len(sizes) else "stretch"


def _npz(path: str) -> Survey:
    from fittool.data.formats.npy_format import NpzFile

    try:
        with np.load(path, allow_pickle=False) as archive:
            names = list(archive.files)
    except (OSError, ValueError) as error:
        raise DataError(f"The file is no npz archive: {error}.", place=visible(path)) from error
    x, y = _chosen(names, _INPUT_ARRAYS), _chosen(names, _LABEL_ARRAYS)
    if x is None or y is None:
        text = f"It needs an array of inputs, x, and one of labels, y; it holds {', '.join(map(visible, names))}."
        raise DataError(text, place=visible(path))
    file = NpzFile(Path(path))
    inputs, labels = file.read(x), file.read(y)
    classes = _classes_in(labels)
    what = _in_classes(classes) if classes else f"{_numbers_each(labels)} to predict"
    arguments = {"path": path} | ({"x": x} if x != "x" else {}) | ({"y": y} if y != "y" else {})
    return Survey(
        lines=(
            f"{visible(path)}: {len(inputs):,} samples of shape {'×'.join(map(str, inputs.shape[1:]))}, {what}",
            *_missing_at_the_end(labels.tolist() if classes else []),
        ),
        source=("npz", arguments),
        classes=classes,
        outputs=1 if labels.ndim == 1 else labels.shape[-1],
        image_size=(inputs.shape[1], inputs.shape[2]) if _are_images(inputs) else None,
    )


def _chosen(names: list[str], wanted: Sequence[str]) -> str | None:
    by_folded = {name.casefold(): name for name in names}
    return next((by_folded[name] for name in wanted if name in by_folded), None)


def _are_images(inputs: NDArray[np.generic]) -> bool:
    return inputs.ndim == 3 or (inputs.ndim == 4 and inputs.shape[-1] in (1, 3, 4))


def _classes_in(labels: NDArray[np.generic]) -> dict[str, int]:
    """The class numbers with their counts; empty where the labels are numbers to predict."""
    if labels.dtype.kind not in "iub" or labels.ndim != 1:
        return {}
    values, counts = np.unique(labels, return_counts=True)
    return {} if len(values) > _MOST_CLASSES else {str(value): int(count) for value, count in zip(values, counts, strict=True)}


def _csv(path: str) -> Survey:
    delimiter, header, rows = _table(path)
    folder = os.path.dirname(path)
    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    image, split = image_column(columns, folder), find_split_column(columns)
    others = [name for name in header if name not in (image and image[0], split and split[0])] or header
    label = _chosen(others, _LABEL_NAMES) or others[-1]
    values = columns[label]
    classes = _classes_among(values)
    separator = separator_in(values) if classes else None
    if separator is not None:
        classes = dict(sorted(Counter(tag for cell in values for tag in tags_of(cell, separator)).items()))
    arguments = {"path": path, "label": label} | ({"delimiter": delimiter} if delimiter != "," else {})
    arguments |= {} if separator is None else {"label_separator": separator}
    validation = None if split is None else ("split", {"kind": "column", "column": split[0]} | _value(split[1]))
    what = _in_classes(classes) if classes else "a number to predict"
    lines = [f"{visible(path)}: {len(rows):,} rows, {len(header) - 1} other columns, label {visible(label)}: {what}"]
    if separator is not None:
        lines.append(f"  several labels a cell, separated by {separator!r}: each is predicted on its own")
    if split is not None:
        lines.append(f"  {visible(split[0])} says what is trained and validated on")
    lines += _missing_at_the_end(values if classes and split is None and separator is None else [])
    survey = Survey(
        lines=tuple(lines),
        source=("csv", arguments),
        validation=validation,
        classes=classes,
        several_labels=separator is not None,
    )
    return survey if image is None else _with_images(survey, image, columns[image[0]], folder)


def _value(value: tuple[str, ...] | None) -> dict[str, str]:
    return {} if value is None else {"value": value[0]}


def _with_images(survey: Survey, image: tuple[str, str], names: Sequence[str], folder: str) -> Survey:
    """What is known of a table, and of the images that it names."""
    column, root = image
    lookup = ImageLookup(os.path.join(folder, root))
    sizes, color_mode, unreadable = _decoded([os.path.join(lookup.root, lookup.resolved(name)) for name in names])
    kind, arguments = survey.source
    return replace(
        survey,
        lines=(*survey.lines, *_complaints(unreadable)),
        source=(kind, arguments | {"image": column} | ({"root": lookup.root} if root else {})),
        image_size=_training_size(sizes),
        color_mode=color_mode,
        fit=_fit(sizes),
        on_bad_file="skip" if unreadable else "error",
    )


def _table(path: str) -> tuple[str, list[str], list[list[str]]]:
    """The delimiter, the header and the complete rows."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            delimiter = max(",;\t", key=first.count)
            file.seek(0)
            header, *rows = csv.reader(file, delimiter=delimiter)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"The file cannot be read as a table: {error}.", place=visible(path)) from error
    complete = [row for row in rows if len(row) == len(header)]
    if len(header) < 2 or not complete:
        raise DataError("It needs a header, at least two columns and at least one row.", place=visible(path))
    return delimiter, [name.strip() for name in header], complete


def _classes_among(values: list[str]) -> dict[str, int]:
    """Classes with their counts: text, or few whole numbers; empty where the values are numbers to predict."""
    counts = dict(sorted(Counter(values).items()))
    if all(_is_number(value) for value in counts):
        whole = all(value.strip().lstrip("+-").isdecimal() for value in counts)
        return counts if whole and len(counts) <= _MOST_NUMBERED_CLASSES else {}
    return counts if len(counts) <= _MOST_CLASSES else {}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _missing_at_the_end(labels: Sequence[object]) -> list[str]:
    """What to say where the part that would be validated on, the last fifth, has not every class."""
    missing = sorted(map(str, set(labels) - set(labels[len(labels) * 4 // 5 :])))
    if not missing:
        return []
    return [f"  The last fifth, which is validated on, lacks {', '.join(map(visible, missing[:_SHOWN]))}: mix the samples."]


def _in_classes(classes: dict[str, int]) -> str:
    few = [f"{visible(name)} {count:,}" for name, count in list(classes.items())[:_SHOWN]]
    return f"{len(classes)} classes ({', '.join(few)}{', …' if len(classes) > _SHOWN else ''})"


def _numbers_each(labels: NDArray[np.generic]) -> str:
    return "a number" if labels.ndim == 1 or labels.shape[-1] == 1 else f"{labels.shape[-1]} numbers"


def _shown_folder(path: str) -> str:
    return visible(os.path.join(path, ""))
