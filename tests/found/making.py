"""Tables and arrays that users have, each with one thing that is special."""

from __future__ import annotations

import bz2
import gzip
import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from found.situation import Make

ROWS = 60
LETTERS = "uvw"

Label = Callable[[int], object]
Cell = Callable[[float], object]


def numbers() -> list[tuple[int, list[float]]]:
    """Sixty rows of three classes with three numbers each."""
    draw = random.Random(1)
    return [(row % 3, [round(draw.gauss(row % 3 * 2, 1), 3) for _ in range(3)]) for row in range(ROWS)]


def letters(number: int) -> object:
    """A class by a letter."""
    return LETTERS[number]


def text_of(
    label: Label = letters,
    *,
    head: str = "a,b,c,kind",
    third: Cell = lambda value: value,
    all_cells: Cell = lambda value: value,
    rows: Sequence[tuple[int, list[float]]] | None = None,
    delimiter: str = ",",
) -> str:
    """The text of a table of three columns and a label."""
    lines = [head] if head else []
    for number, (one, two, three) in numbers() if rows is None else rows:
        cells = (all_cells(one), all_cells(two), all_cells(third(three)) if third is not None else three, label(number))
        lines.append(delimiter.join(map(str, cells)))
    return "\n".join(lines) + "\n"


def table(label: Label = letters, *, name: str = "data.csv", **how: Any) -> Make:
    """Writes such a table."""
    return written(text_of(label, **how), name)


def written(text: str | bytes, name: str = "data.csv") -> Make:
    """Writes a file."""

    def make(folder: Path) -> str:
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    return make


def packed(text: str, name: str = "data.csv.gz") -> Make:
    """Writes a file packed with gzip."""
    return written(gzip.compress(text.encode(), mtime=0), name)


def packed_otherwise(text: str) -> Make:
    """Writes a file packed with bzip2, which is not read."""
    return written(bz2.compress(text.encode()), "data.csv")


def sorted_rows() -> list[tuple[int, list[float]]]:
    """The rows class by class."""
    return sorted(numbers(), key=lambda row: row[0])


def x_and_y() -> tuple[np.ndarray, np.ndarray]:
    """(60, 3) inputs and (60,) class numbers from 0."""
    rows = numbers()
    return np.array([values for _, values in rows]), np.array([number for number, _ in rows])


def npz(labels: Callable[[np.ndarray], Any], **more: Any) -> Make:
    """Writes an archive with labels made of the class numbers 0, 1 and 2."""

    def make(folder: Path) -> str:
        x, y = x_and_y()
        np.savez(folder / "data.npz", x=x, y=labels(y), **more)
        return "data.npz"

    return make


def npy(labels: Callable[[np.ndarray], Any]) -> Make:
    """Writes x.npy and y.npy."""

    def make(folder: Path) -> str:
        x, y = x_and_y()
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", labels(y))
        return "x.npy"

    return make


def idx(labels: Callable[[np.ndarray], Any], *, pack: bool) -> Make:
    """Writes MNIST's two files of 8 × 8 images."""

    def make(folder: Path) -> str:
        _, y = x_and_y()
        images = (np.arange(64).reshape(1, 8, 8) % 8 * 8 + y[:, None, None] * 60).astype(np.uint8)
        ending = ".gz" if pack else ""
        for name, array in (("images-idx3", images), ("labels-idx1", labels(y).astype(np.uint8))):
            content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            content = gzip.compress(content, mtime=0) if pack else content
            (folder / f"train-{name}-ubyte{ending}").write_bytes(content)
        return f"train-images-idx3-ubyte{ending}"

    return make


def comma(value: object) -> str:
    """A number with a decimal comma."""
    return str(value).replace(".", ",")


def quoted(value: object) -> str:
    """A cell in quotes."""
    return f'"{value}"'


FIRST = [row[1] for row in numbers()[:2]]
PLAIN = text_of()


def semicolons(label: Label = letters, **how: object) -> str:
    """A table as Excel writes it in half of Europe."""
    return text_of(label, head="a;b;c;kind", all_cells=comma, delimiter=";", **how)  # type: ignore[arg-type]


def inserted(text: str, line: int, new: str) -> str:
    """The text with a line put in."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], f"{new}\n", *lines[line:]])
