"""Small good data and experiments, for cases to spoil."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Make = Callable[[Path], Sequence[object]]
EXPERIMENT = """\
name: small
data:
  train: SOURCE
MOREmodel: {layers: [Flatten, {Dense: {units: 2, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy}
train: {epochs: 1, batch_size: 4, view_metrics: false, verbose: 2}
"""
CHECK = ("check", "--data", "e.yaml")
TRAIN = ("train", "e.yaml")
X = np.arange(24, dtype=np.float32).reshape(8, 3)
Y = np.arange(8) % 2


def experiment(folder: Path, source: str, *changes: tuple[str, str], more: str = "") -> None:
    """Write `e.yaml` with a source, more settings of data, and other changes."""
    text = EXPERIMENT.replace("SOURCE", source).replace("MORE", "".join(f"  {line}\n" for line in more.splitlines()))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "e.yaml").write_text(text, encoding="utf-8")


def picture(size: tuple[int, int] = (8, 8), mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Noise; size is width and height."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """An image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pictures(folder: Path, *, size: str = "[8, 8]", more: str = "", source: str = "{folder: {path: pictures}}") -> Path:
    """Two pictures of each of the classes `cat` and `dog`, with an experiment; gives the folder of the cats."""
    for number, name in enumerate(("cat", "dog")):
        (folder / "pictures" / name).mkdir(parents=True)
        for which in range(2):
            (folder / "pictures" / name / f"{which}.png").write_bytes(encoded(picture(seed=2 * number + which)))
    experiment(folder, source, more=f"image: {{size: {size}}}\n{more}")
    return folder / "pictures" / "cat"


def with_picture(content: Callable[[], bytes], name: str = "bad.png", *, more: str = "", command: Sequence[str] = CHECK) -> Make:
    """A command on good pictures and one of some content."""

    def make(folder: Path) -> Sequence[object]:
        (pictures(folder, more=more) / name).write_bytes(content())
        return command

    return make


def npy(array: np.ndarray, **options: bool) -> bytes:
    """An array as the bytes of an `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def with_npy(x: Callable[[], bytes], *, y: np.ndarray = Y, more: str = "", command: Sequence[str] = CHECK) -> Make:
    """A command on an `.npy` file of some content, with labels."""

    def make(folder: Path) -> Sequence[object]:
        (folder / "x.npy").write_bytes(x())
        (folder / "y.npy").write_bytes(npy(y))
        experiment(folder, "{npy: {x: x.npy, y: y.npy}}", more=more)
        return command

    return make


def with_npz(write: Callable[[Path], object], *changes: tuple[str, str], more: str = "", command: Sequence[str] = CHECK) -> Make:
    """A command on `data.npz`, as some function writes it."""

    def make(folder: Path) -> Sequence[object]:
        write(folder / "data.npz")
        experiment(folder, "{npz: {path: data.npz}}", *changes, more=more)
        return command

    return make


def with_table(
    content: str | bytes, source: str = "{csv: {path: data.csv, label: kind}}", *, more: str = "", command: Sequence[str] = CHECK
) -> Make:
    """A command on a table of some content."""

    def make(folder: Path) -> Sequence[object]:
        (folder / "data.csv").write_bytes(content.encode() if isinstance(content, str) else content)
        experiment(folder, source, more=more)
        return command

    return make
