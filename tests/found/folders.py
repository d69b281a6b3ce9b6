"""Folders of pictures: links, endings, and what is no picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import CHECK, TRAIN, encoded, experiment, picture
from faults.cases.runner import Case, here
from found.common import counts, init, not_told, run_of, told

import fittool as ft


def _three(folder: Path) -> Path:
    """Folders brick, coffee and grass, of which brick is elsewhere."""
    for number, place in enumerate(("brick", "data/coffee", "data/grass")):
        (folder / place).mkdir(parents=True)
        for which in range(4):
            (folder / place / f"{which}.png").write_bytes(encoded(picture(seed=10 * number + which)))
    return folder / "data"


def _tree(
    change: Callable[[Path], object], source: str = "{folder: {path: data}}", *, units: int = 3
) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        change(_three(folder))
        experiment(folder, source, ("units: 2", f"units: {units}"), more="image: {size: [8, 8]}")
        return CHECK

    return make


def _linked(data: Path) -> None:
    (data / "brick").symlink_to("../brick")


def _linked_twice(data: Path) -> None:
    (data.parent / "there").symlink_to("brick")
    (data / "brick").symlink_to("../there")


def _with(files: dict[str, bytes | str | None], link: bool = True) -> Callable[[Path], None]:
    """Further things in the folders: a file's content, or (as text) where a link leads, or a folder."""

    def change(data: Path) -> None:
        if link:
            _linked(data)
        for name, content in files.items():
            path = data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(exist_ok=True)
            elif isinstance(content, str):
                path.symlink_to(content)
            else:
                path.write_bytes(content)

    return change


THREE = "brick 4, coffee 4, grass 4"
PNG = encoded(picture(seed=99))


def _python_folders(folder: Path) -> None:
    data = _three(folder)
    _linked(data)
    (data / "grass" / "GRASS.JPEG").write_bytes(encoded(picture(), "JPEG"))
    flow = ft.ImageDataGenerator().flow_from_directory(str(data), target_size=(8, 8))
    assert flow.class_indices == {"brick": 0, "coffee": 1, "grass": 2}
    assert np.bincount(flow.classes).tolist() == [4, 4, 5]


def _python_told(files: dict[str, bytes | str | None], says: str) -> Callable[[Path], None]:
    def probe(folder: Path) -> None:
        data = _three(folder)
        _with(files)(data)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ft.ImageDataGenerator().flow_from_directory(str(data), target_size=(8, 8))
        assert any(says in str(one.message) for one in said), [str(one.message) for one in said]

    return probe


def _parts(names: Sequence[str]) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        for part in names:
            for number, name in enumerate(("a", "b")):
                (folder / "data" / part / name).mkdir(parents=True)
                for which in range(2):
                    pixels = encoded(picture(seed=which + 2 * number + 9 * len(part)))
                    (folder / "data" / part / name / f"{which}.png").write_bytes(pixels)
        experiment(folder, "{folder: {path: data}}", ("units: 2", f"units: {len(names)}"), more="image: {size: [8, 8]}")
        return ("check", "e.yaml")

    return make


def _folder_with_notes(folder: Path) -> str:
    _with({"grass/readme.txt": b"hi", "grass/labels.json": b"{}"})(_three(folder))
    return "data"


def _predict_folder(folder: Path) -> None:
    """Links to folders, endings and what is no image are the same to predict."""
    data = _three(folder)
    _with({"grass/readme.txt": b"hi", "grass/gone.png": "/nowhere.png", "grass/NEW.PNG": PNG})(data)
    experiment(folder, "{folder: {path: data}}", ("units: 2", "units: 3"), more="image: {size: [8, 8]}")
    run = run_of(here(TRAIN))
    done = here(("predict", run, "data"))
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 14
    assert "grass/readme.txt" in done.err
    assert "grass/gone.png" in done.err
    done = here(("evaluate", run, "--data", "data"))
    assert done.code == 0, done.err
    assert "grass/readme.txt" in done.err


def _folder_cases() -> Iterator[Case]:
    follow = "{folder: {path: data, follow_links: true}}"
    yield Case("46", "a class folder that is a link", _tree(_linked), check=counts(THREE))
    yield Case("46", "through a link of links", _tree(_linked_twice), check=counts(THREE))
    yield Case("46", "in Python", probe=_python_folders)
    yield Case(
        "46",
        "two classes and a link that leads nowhere",
        _tree(_with({"brick": "../gone"}, link=False), units=2),
        check=counts("coffee 4, grass 4", "1 link that leads nowhere is left out: brick."),
    )
    yield Case(
        "46",
        "a link to itself",
        _tree(_with({"brick": "brick"}, link=False), units=2),
        check=counts("coffee 4, grass 4", "1 link that leads nowhere is left out: brick."),
    )
    yield Case(
        "46",
        "a link to the folder above",
        _tree(_with({"all": "."})),
        check=counts(THREE, "1 link to a folder that holds it is left out: all."),
    )
    yield Case(
        "46",
        "two names of one folder",
        _tree(_with({"alias": "grass"}), units=4),
        check=told("alias 4, brick 4", "alias and grass are the same folder"),
    )
    nested = {"grass/more": "../../brick"}
    yield Case(
        "46",
        "a link within a class",
        _tree(_with(nested)),
        check=counts(THREE, "1 link to a folder is not followed: grass/more. Set follow_links"),
    )
    yield Case("46", "a link within a class, followed", _tree(_with(nested), follow), check=counts("brick 4, coffee 4, grass 8"))
    yield Case(
        "46",
        "a link within a class to all of them, followed",
        _tree(_with({"grass/all": ".."}), follow),
        check=counts(THREE, "1 link to a folder that holds it is left out: grass/all."),
    )
    yield Case("46", "predict and evaluate", probe=_predict_folder)
    for names in (("train", "val"), ("Training", "Validation"), ("test", "train", "valid")):
        yield Case(
            "47", f"the parent of {' and '.join(names)}", _parts(names), says=["count as classes here, but are called as parts"]
        )
    yield Case("47", "classes that are called otherwise", _parts(("trains", "valves")), check=not_told("parts of the data"))
    notes = {"grass/readme.txt": b"hi", "grass/labels.json": b"{}"}
    yield Case(
        "49",
        "notes beside images",
        _tree(_with(notes)),
        check=counts(THREE, "2 files that are no images are left out: grass/labels.json, grass/readme.txt."),
    )
    yield Case("49", "notes, in Python", probe=_python_told(notes, "2 files that are no images are left out"))
    yield Case(
        "49",
        "notes, init",
        probe=init(_folder_with_notes, ["12 images in 3 classes", "2 files that are no images"], on_bad_file="error"),
    )
    yield Case(
        "49",
        "endings in capitals",
        _tree(_with({"grass/A.PNG": PNG, "grass/b.Jpeg": encoded(picture(), "JPEG")})),
        check=counts("brick 4, coffee 4, grass 6"),
    )
    yield Case(
        "49",
        "no ending, told by content",
        _tree(_with({"grass/9": PNG, "grass/NOTES": b"no picture"})),
        check=counts("brick 4, coffee 4, grass 5", "grass/NOTES"),
    )
    yield Case(
        "49",
        "nothing but notes",
        _tree(_with({"notes/a.txt": b"hi"}), units=4),
        4,
        ["data/notes: The class folder holds no images. 1 file that is no image is left out"],
    )
    yield Case(
        "49",
        "hidden images",
        _tree(_with({"grass/.a.png": PNG, "grass/._0.png": b"", ".git/x.png": PNG})),
        check=counts(THREE, "1 hidden image or folder is left out"),
    )
    yield Case(
        "49",
        "images beside the class folders",
        _tree(_with({"loose.png": PNG})),
        check=counts(THREE, "1 image beside the class folders is left out: loose.png."),
    )
    yield Case("49", "a table beside the class folders", _tree(_with({"labels.csv": b"a,b\n"})), check=counts(THREE))
    gone = {"grass/x.png": "/nowhere.png"}
    yield Case(
        "50", "a link to no image", _tree(_with(gone)), check=counts(THREE, "1 link that leads nowhere is left out: grass/x.png.")
    )
    yield Case(
        "50", "a link to no image, in Python", probe=_python_told(gone, "1 link that leads nowhere is left out: grass/x.png.")
    )
    says = ["Is data/inner meant, which holds the folders coffee, grass? Set path to it."]
    yield Case("50", "one class in a folder of its own", _tree(_wrapped), 4, says)


def _wrapped(data: Path) -> None:
    """The class folders lie in a folder of the archive."""
    data.rename(data.parent / "inner")
    data.mkdir()
    (data.parent / "inner").rename(data / "inner")


CASES = [*_folder_cases()]
