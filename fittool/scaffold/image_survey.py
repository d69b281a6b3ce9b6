"""A look at images: how large they are, whether they have colours, and which cannot be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from fittool.data.sources import FolderSource, SourceContext
from fittool.errors import DataError, Problem, visible
from fittool.scaffold.survey import Survey
from fittool.scaffold.task import Task

if TYPE_CHECKING:
    from fittool.data.images.image_files import ImageFiles

_TRAIN_FOLDERS, _VALIDATION_FOLDERS = ("train", "training"), ("validation", "valid", "val", "test")
_MOST_DECODED = 5_000
_SHOWN = 5
_SQUEEZED = 0.05
"""A picture whose proportions change by more than this share looks squeezed."""


@dataclass(frozen=True)
class Pictures:
    """Sizes and colours of image files.

    Attributes:
        size: (height, width) to train at.
        color_mode: Whether any has colours.
        span: Their sizes in words.
        lines: What cannot be read, for people.
        unreadable: How many of those that were looked at cannot be.
        fit: How those of other proportions come to `size`.
    """

    size: tuple[int, int]
    color_mode: Literal["grayscale", "rgb"]
    span: str
    lines: tuple[str, ...]
    unreadable: int
    fit: str


def look_at_folder(path: str) -> Survey:
    """Look at a folder with one folder of images for each class, or with such folders train and test.

    Raises:
        DataError: It cannot be trained on.
    """
    parts = {name.lower(): os.path.join(path, name) for name in os.listdir(path) if os.path.isdir(os.path.join(path, name))}
    train = next((parts[name] for name in _TRAIN_FOLDERS if name in parts), path)
    validation = next((parts[name] for name in _VALIDATION_FOLDERS if name in parts), None) if train != path else None
    files = FolderSource(train).open(SourceContext(class_mode="sparse"))
    counts = np.bincount(cast("np.ndarray", files.labels()), minlength=len(files.class_names or ())).tolist()
    task = Task("classes", dict(zip(files.class_names or (), counts, strict=True)))
    pictures = look_at_pictures(files)
    line = f"{visible(os.path.join(train, ''))}: {len(files):,} images in {task.in_words()}, {pictures.span}"
    return Survey(
        lines=(line, *(f"  {text}" for text in getattr(files, "remarks", ())), *pictures.lines),
        source=FolderSource(train),
        task=task,
        validation=None if validation is None else FolderSource(validation),
        image_size=pictures.size,
        color_mode=pictures.color_mode,
        skips_bad_files=pictures.unreadable > 0,
        fit=pictures.fit,
        samples=len(files),
    )


def look_at_pictures(files: object) -> Pictures:
    """Decode image files, of very many an even choice.

    Raises:
        DataError: None can be read.
    """
    pictures = cast("ImageFiles", files)
    sizes, coloured = [], False
    unreadable = [_complaint(problem) for problem in pictures.bad_files]
    for index in range(0, len(pictures), -(-len(pictures) // _MOST_DECODED)):
        try:
            image = pictures.image(index)
        except DataError as error:
            unreadable += map(_complaint, error.problems)
            continue
        sizes.append((image.shape[0], image.shape[1]))
        coloured = coloured or not (image[..., :1] == image).all()
    if not sizes:
        raise DataError("None of the images can be read.", place=visible(os.path.dirname(pictures.path(0))))
    least, most = min(sizes), max(sizes)
    span = f"all {least[1]}×{least[0]}" if len(set(sizes)) == 1 else f"sizes {least[1]}×{least[0]} to {most[1]}×{most[0]}"
    color_mode: Literal["grayscale", "rgb"] = "rgb" if coloured else "grayscale"
    return Pictures(_training_size(sizes), color_mode, span, tuple(_complaints(unreadable)), len(unreadable), _fit(sizes))


def _complaint(problem: Problem) -> str:
    return f"{problem.place} ({problem.text.rstrip('.')})"


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
