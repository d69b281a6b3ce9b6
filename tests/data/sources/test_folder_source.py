"""Image files in class folders."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.images.image_files import ImageFiles
from fittool.data.sources import FolderSource, SourceContext
from fittool.errors import DataError, ExperimentError

CONTEXT = SourceContext(class_mode="sparse")


def image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), (value, value, value)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for value, name in enumerate(("b/2.png", "b/10.png", "a/x.png", "c/1.png")):
        image(tmp_path / "set" / name, value)
    return tmp_path / "set"


def opened(root: Path, context: SourceContext = CONTEXT, **arguments: object) -> ImageFiles:
    return FolderSource(path=str(root), **arguments).open(context)  # type: ignore[arg-type]


def test_classes_and_files_are_sorted(root: Path) -> None:
    dataset = opened(root)
    assert dataset.class_names == ("a", "b", "c")
    assert list(dataset.names) == ["a/x.png", "b/10.png", "b/2.png", "c/1.png"]
    assert dataset.labels().tolist() == [0, 1, 1, 2]
    assert dataset.grouped_by_class


def test_load_decodes(root: Path) -> None:
    (x,), (y,), _ = opened(root).load(np.array([2, 0]))
    assert x.shape == (2, 3, 4, 3)
    assert x[:, 0, 0, 0].tolist() == [0, 2]
    assert y.tolist() == [1, 0]


def test_the_path_is_relative_to_the_base_directory(root: Path) -> None:
    assert len(FolderSource(path="set").open(SourceContext(base_directory=root.parent))) == 4


def test_image_settings_are_used(root: Path) -> None:
    dataset = opened(root, SourceContext(size=(8, 9), color_mode="grayscale"))
    assert dataset.input_shapes == {"input": (8, 9, 1)}
    assert dataset.load(np.array([0]))[0][0].shape == (1, 8, 9, 1)


def test_classes_can_be_chosen_and_ordered(root: Path) -> None:
    dataset = opened(root, classes=["c", "a"])
    assert dataset.class_names == ("c", "a")
    assert list(dataset.names) == ["c/1.png", "a/x.png"]


def test_leftovers_of_other_systems_are_ignored(root: Path) -> None:
    for name in (".git/x.png", "__MACOSX/x.png", "a/.DS_Store", "a/Thumbs.db"):
        image(root / "y.png")
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    assert opened(root).class_names == ("a", "b", "c")
    assert len(opened(root)) == 4


def test_folders_in_class_folders_count(root: Path) -> None:
    image(root / "a" / "deep" / "er" / "z.png")
    assert list(opened(root).names)[:2] == ["a/deep/er/z.png", "a/x.png"]


def test_class_folders_may_be_links(root: Path, tmp_path: Path) -> None:
    image(tmp_path / "elsewhere" / "1.png")
    os.symlink("../elsewhere", root / "d")
    dataset = opened(root)
    assert dataset.class_names == ("a", "b", "c", "d")
    assert dataset.remarks == ()


def test_links_to_folders_within_classes_are_followed_only_if_asked(root: Path, tmp_path: Path) -> None:
    image(tmp_path / "elsewhere" / "1.png")
    os.symlink("../../elsewhere", root / "a" / "more")
    assert list(opened(root, classes=["a", "c"]).names) == ["a/x.png", "c/1.png"]
    assert "1 link to a folder is not followed: a/more. Set follow_links" in opened(root).remarks[0]
    assert list(opened(root, classes=["a", "c"], follow_links=True).names) == ["a/more/1.png", "a/x.png", "c/1.png"]


def test_a_loop_of_links_ends(root: Path) -> None:
    os.symlink(".", root / "c" / "again")
    dataset = opened(root, follow_links=True, classes=["a", "c"])
    assert list(dataset.names) == ["a/x.png", "c/1.png"]
    assert dataset.remarks == ("1 link to a folder that holds it is left out: c/again.",)


def test_pipes_are_no_files(root: Path) -> None:
    os.mkfifo(root / "a" / "pipe.png")
    assert len(opened(root)) == 4


def test_a_missing_folder_suggests_its_neighbour(root: Path) -> None:
    with pytest.raises(DataError, match=r"sett: There is no such folder. Did you mean set\?"):
        opened(root.parent / "sett")


def test_an_empty_class_folder_is_an_error(root: Path) -> None:
    (root / "d").mkdir()
    with pytest.raises(DataError, match="set/d: The class folder is empty"):
        opened(root)


def test_images_without_class_folders_are_an_error_with_its_mend(root: Path) -> None:
    with pytest.raises(DataError, match=r"b: The folder holds files, but no class folders. Put the images of each class"):
        opened(root / "b")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The folder is empty; a folder with images for each class was expected"):
        opened(tmp_path)


def test_one_class_is_nothing_to_learn(root: Path) -> None:
    with pytest.raises(DataError, match="one class only, 'a'"):
        opened(root, classes=["a"])


def test_a_class_without_folder_suggests_the_nearest(root: Path) -> None:
    (root / "cats").mkdir()
    image(root / "cats" / "1.png")
    with pytest.raises(DataError, match=r"no folder for the class 'cat'. Did you mean cats\?"):
        opened(root, classes=["cat", "a"])


def test_validation_numbers_classes_as_training_does(root: Path) -> None:
    dataset = opened(root, SourceContext(class_mode="sparse", class_names=("c", "x", "a", "b")))
    assert dataset.class_names == ("c", "x", "a", "b")
    assert dataset.labels().tolist() == [2, 3, 3, 0]


def test_a_class_unknown_to_training_is_an_error(root: Path) -> None:
    with pytest.raises(DataError, match="The training data have no class 'c'"):
        opened(root, SourceContext(class_mode="sparse", class_names=("a", "b")))


def test_images_without_labels_need_no_class_folders(root: Path) -> None:
    dataset = opened(root / "b", SourceContext(class_mode=None))
    assert len(dataset) == 2
    assert dataset.load(np.array([0]))[1] == ()


def test_one_hot_rows(root: Path) -> None:
    (y,) = opened(root, SourceContext(class_mode="categorical")).load(np.array([3]))[1]
    assert y.tolist() == [[0, 0, 1]]


def test_sizes_that_differ_name_both_files(root: Path) -> None:
    Image.new("RGB", (9, 9)).save(root / "c" / "1.png")
    with pytest.raises(DataError, match=r"c/1.png: The image has 9 x 9 pixels .*a/x.png has 3 x 4.*data.image.size"):
        opened(root).load(np.arange(4))


def test_bad_files_can_be_left_out(root: Path) -> None:
    (root / "b" / "10.png").write_bytes(b"bad")
    dataset = opened(root, SourceContext(class_mode="sparse", on_bad_file="skip", workers=2))
    assert list(dataset.names) == ["a/x.png", "b/2.png", "c/1.png"]
    assert dataset.labels().tolist() == [0, 1, 2]
    assert [problem.place for problem in dataset.bad_files] == [f"{root}/b/10.png"]
    assert dataset.bad_files[0].text.startswith("This is no image in a format that is read (PNG, JPEG")


def test_nothing_but_bad_files_is_an_error(root: Path) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(b"bad")
    with pytest.raises(DataError, match="None of 4 image files can be read"):
        opened(root, SourceContext(on_bad_file="skip"))


def test_the_fingerprint_knows_names_and_sizes_but_not_the_place(root: Path, tmp_path: Path) -> None:
    before = opened(root).fingerprint()
    moved = tmp_path / "moved"
    root.rename(moved)
    assert opened(moved).fingerprint() == before
    image(moved / "c" / "2.png")
    assert opened(moved).fingerprint() != before


def test_a_name_that_is_no_utf8_is_loaded_and_shown_escaped(root: Path) -> None:
    os.rename(root / "a" / "x.png", os.path.join(os.fsencode(root), b"a", b"caf\xe9.png"))
    dataset = opened(root)
    assert dataset.describe(0).endswith(r"a/caf\xe9.png")
    assert dataset.load(np.array([0]))[0][0].shape == (1, 3, 4, 3)


def test_a_class_named_twice_is_refused(root: Path) -> None:
    with pytest.raises(ExperimentError, match="classes names 'a' more than once"):
        opened(root, classes=["a", "b", "a"])


def test_a_group_that_takes_no_part_finds_nothing(root: Path) -> None:
    source = FolderSource(path=str(root))
    with pytest.raises(DataError, match=r"finds nothing in a/x.png"):
        source.groups(r"(x)?\d?", opened(root), CONTEXT)


def test_images_made_anew_with_the_same_names_and_sizes_have_another_fingerprint(tmp_path: Path) -> None:
    prints = set()
    for value in (1, 2):
        for name in ("a/1.bmp", "b/1.bmp"):
            image(tmp_path / name, value)
        prints.add(opened(tmp_path).fingerprint())
    assert len(prints) == 2
