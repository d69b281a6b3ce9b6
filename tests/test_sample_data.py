"""The data that ship are what their README says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parents[1] / "sample_data"


def test_digits_in_npz_and_in_folders_are_the_same_pictures() -> None:
    with np.load(FOLDER / "digits.npz") as arrays:
        images, labels = arrays["x"], arrays["y"]
    paths = sorted((FOLDER / "digits").rglob("*.png"), key=lambda path: path.stem)
    assert [int(path.stem) for path in paths] == list(range(1797))
    assert [int(path.parent.name) for path in paths] == labels.tolist()
    assert all(np.array_equal(Image.open(path), image[..., 0]) for path, image in zip(paths, images, strict=True))


def test_digits_of_the_last_fifth_are_the_test_part() -> None:
    numbers = [int(path.stem) for path in (FOLDER / "digits" / "test").rglob("*.png")]
    assert sorted(numbers) == list(range(1437, 1797))


def test_readme_names_every_file_and_folder() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    names = {path.name for path in FOLDER.iterdir() if path.suffix in ("", ".npz", ".csv", ".py")} - {"__pycache__"}
    assert {name for name in names if f"`{name}" not in text} == set()
