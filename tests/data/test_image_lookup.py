"""Image files by the names that a table gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittool.data.images.image_lookup import ImageLookup, folder_of_images


@pytest.fixture
def lookup(tmp_path: Path) -> ImageLookup:
    for name in ("a.png", "b.JPG", "two.png", "two.jpeg", "v1.0_7.png", "plain", "sub/c.tif", "a.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return ImageLookup(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", ["a.png"]),
        ("a", ["a.png"]),
        ("a.PNG", ["a.png"]),
        ("b.jpg", ["b.JPG"]),
        ("b", ["b.JPG"]),
        ("plain", ["plain"]),
        (" a.png ", ["a.png"]),
        ("sub/c", ["sub/c.tif"]),
        ("sub\\c.tif", ["sub/c.tif"]),
        ("v1.0_7", ["v1.0_7.png"]),
        ("two", ["two.jpeg", "two.png"]),
        ("a.jpg", []),
        ("A", []),
        ("", []),
        ("sub/", []),
        ("gone/c", []),
        ("a\0b", []),
    ],
)
def test_what_a_name_stands_for(lookup: ImageLookup, name: str, found: list[str]) -> None:
    assert lookup.find(name) == found


def test_an_absolute_name(lookup: ImageLookup) -> None:
    assert lookup.find(f"{lookup.root}/sub/c") == [f"{lookup.root}/sub/c.tif"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two", "two may be two.jpeg or two.png. Write the ending."),
        ("c", "There is {root}/sub/c.tif: do the names begin in sub?"),
        ("b.jpgg", "there is no file {root}/b.jpgg. Did you mean b.JPG?"),
    ],
)
def test_what_is_wrong_with_a_name(lookup: ImageLookup, name: str, text: str) -> None:
    assert text.format(root=lookup.root) in str(lookup.problem(name))


def test_nothing_is_wrong(lookup: ImageLookup) -> None:
    assert lookup.problem("a") is None
    assert lookup.resolved("a") == "a.png"
    assert lookup.resolved("gone") == "gone"


def test_the_folder_in_which_names_are_found(lookup: ImageLookup) -> None:
    assert folder_of_images(lookup.root, ["a", "b"]) == ""
    assert folder_of_images(lookup.root, ["c", "gone", "c.tif"]) == "sub"
    assert folder_of_images(lookup.root, ["x", "y"]) is None
    assert folder_of_images(lookup.root, ["a.txt"]) is None
