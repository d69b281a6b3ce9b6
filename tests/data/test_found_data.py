"""Where samples are in somebody's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittool.data.found_data import image_column, table_in
from fittool.errors import DataError


def touch(root: Path, *names: str) -> str:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(root)


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["labels.csv", "1.png"], "labels.csv"),
        (["images/1.png", "data.CSV"], "data.CSV"),
        (["train/1.png", "test/2.png", "train.csv", "test.csv"], "train.csv"),
        (["a/1.png", "b/1.png", "labels.csv"], None),
        (["train/a/1.png", "test/a/1.png", "labels.csv"], None),
        (["1.png"], None),
        ([".hidden.csv"], None),
    ],
)
def test_the_table_in_a_folder(tmp_path: Path, names: list[str], table: str | None) -> None:
    folder = touch(tmp_path, *names)
    assert table_in(folder) == (None if table is None else f"{folder}/{table}")


def test_several_tables_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"several tables in it: one.csv, two.csv"):
        table_in(touch(tmp_path, "one.csv", "two.csv"))


def test_the_column_of_images(tmp_path: Path) -> None:
    folder = touch(tmp_path, *(f"images/{number}.png" for number in range(10)))
    numbers = [str(number) for number in range(10)]
    digits = [str(number % 2) for number in range(10)]
    assert image_column({"kind": ["a", "b"] * 5, "id": numbers}, folder) == ("id", "images")
    assert image_column({"digit": digits, "id": numbers}, folder) == ("id", "images")
    assert image_column({"kind": ["a"] * 10}, folder) is None
    assert image_column({"file": ["gone/1.PNG"]}, folder) == ("file", "")
    assert image_column({"file": []}, folder) is None
