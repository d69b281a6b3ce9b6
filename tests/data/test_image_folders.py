"""What is in folders of images, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fittool.data.images.image_folders import class_folders_in, images_below, parts_as_classes, same_folders


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_each_thing_is_in_one_list(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/deep/2.JPG", "a/notes.txt", "a/.hidden.png", "a/.DS_Store", "a/Thumbs.db", "b/3.png")
    (tmp_path / "a" / "gone.png").symlink_to("nowhere")
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "more").symlink_to("../b")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    listing = images_below(tmp_path, "a", follow_links=False)
    assert vars(listing) == {
        "images": ["a/1.png", "a/deep/2.JPG"],
        "others": ["a/notes.txt"],
        "nowhere": ["a/gone.png", "a/self.png"],
        "not_followed": ["a/more"],
        "loops": ["a/up"],
        "hidden": ["a/.hidden.png"],
        "special": ["a/pipe.png"],
    }
    assert len(listing.told()) == 6
    assert images_below(tmp_path, "a", follow_links=True).images == ["a/1.png", "a/deep/2.JPG", "a/more/3.png"]


def test_links_in_a_folder_without_classes_are_those_of_class_folders(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/1.png", "set/2.png")
    (tmp_path / "set" / "link").symlink_to("../elsewhere")
    assert images_below(tmp_path / "set", "", follow_links=False).images == ["2.png", "link/1.png"]


def test_class_folders_and_what_is_beside_them(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.png", "a/1.png", "loose.png", "README", ".git/x", "__MACOSX/x.png")
    (tmp_path / "root").symlink_to(".")
    (tmp_path / "gone").symlink_to("nowhere")
    found = class_folders_in(tmp_path)
    assert found.names == ("a", "b")
    assert (found.beside.images, found.beside.loops, found.beside.nowhere) == (["loose.png"], ["root"], ["gone"])
    assert len(found.told()) == 3


@pytest.mark.parametrize("names", [("train",), ("train", "cat"), ("val", "test"), ("cat", "dog"), ()])
def test_names_of_classes_that_are_no_parts(names: tuple[str, ...]) -> None:
    assert parts_as_classes(names) == []


def test_two_names_of_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "c").symlink_to("a")
    assert same_folders(tmp_path, ("a", "b")) == []
    assert "a and c are the same folder" in same_folders(tmp_path, ("a", "b", "c"))[0]
