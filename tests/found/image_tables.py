"""Tables that name pictures: files that are gone, names without ending, several labels a cell, a column that divides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults.cases.inputs import CHECK, TRAIN, encoded, experiment, picture
from faults.cases.runner import Case, here
from found.common import counts, init, rows_of, run_of, told

import fittool as ft

KINDS = ("cat", "dog")
SIZE = "image: {size: [8, 8]}"
IMAGES = "{csv: {path: data.csv, image: file, label: kind}}"


def a_picture(name: str, seed: int) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(picture(seed=seed), "JPEG" if path.suffix.lower() == ".jpg" else "PNG"))


def table(files: Sequence[str], cells: Sequence[str] | None = None, *, head: str = "file,kind", more: Sequence[str] = ()) -> str:
    """Write `data.csv`: names, labels and, where given, a third column."""
    labels = [KINDS[number % 2] for number in range(len(files))] if cells is None else cells
    rows = [
        ",".join((name, label, *more[number : number + 1]))
        for number, (name, label) in enumerate(zip(files, labels, strict=True))
    ]
    Path("data.csv").write_text("\n".join([head, *rows]) + "\n")
    return "data.csv"


def eight(
    names: Callable[[int], str], cells: Callable[[int], str] | None = None, *, source: str = IMAGES, more: str = ""
) -> object:
    """A check of eight pictures in `images/`, called by a function of their number."""

    def make(folder: Path) -> Sequence[object]:
        for number in range(8):
            a_picture(f"images/grass{number}.png", number)
        table([names(number) for number in range(8)], None if cells is None else [cells(number) for number in range(8)])
        experiment(folder, source, more=f"{SIZE}\n{more}")
        return CHECK

    return make


def _gone(on_bad_file: str) -> Callable[[Path], Sequence[object]]:
    """Eight pictures, one of which is gone, and one is damaged."""

    def make(folder: Path) -> Sequence[object]:
        eight(lambda number: f"images/grass{number}.png", more=f"on_bad_file: {on_bad_file}")(folder)  # type: ignore[operator]
        Path("images/grass2.png").unlink()
        Path("images/grass5.png").write_bytes(b"no picture")
        return CHECK

    return make


def _skipped(folder: Path) -> None:
    """What is left out is listed in the run; evaluate and predict leave it out as well."""
    _gone("skip")(folder)
    done = here(TRAIN)
    run = run_of(done)
    told("2 files are left out. images/grass2.png: The file cannot be read: No such file or directory.")(done)
    listed = (Path(run) / "skipped.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in listed] == ["images/grass2.png", "images/grass5.png"]
    assert len(rows_of(here(("predict", run, "data.csv")))) == 6
    assert here(("evaluate", run, "--data", "data.csv")).code == 0


def _gone_in_python(folder: Path) -> None:
    import pytest

    a_picture("a.png", 1)
    frame = {"filename": ["a.png", "gone.png"], "class": ["cat", "dog"]}
    with pytest.warns(UserWarning, match=r"1 of 2 image files are not there.*first 'gone.png'.*there is no file"):
        flow = ft.ImageDataGenerator().flow_from_dataframe(frame, ".", classes=["cat", "dog"], target_size=(8, 8))
    assert flow.filenames == ["a.png"]


def _ids_in_python(folder: Path) -> None:
    for number in range(4):
        a_picture(f"images/{number:03}.{('png', 'JPG')[number % 2]}", number)
    frame = {"filename": ["000", "001", "002.png", "003.jpg"], "class": ["a", "b", "a", "b"]}
    flow = ft.ImageDataGenerator().flow_from_dataframe(frame, "images", target_size=(8, 8))
    assert flow.filenames == ["000.png", "001.JPG", "002.png", "003.JPG"]


def _two_candidates(folder: Path) -> Sequence[object]:
    eight(lambda number: f"images/grass{number}")(folder)  # type: ignore[operator]
    a_picture("images/grass3.JPG", 3)
    return CHECK


def _predicted_by_id(folder: Path) -> None:
    eight(lambda number: f"grass{number}", source="{csv: {path: data.csv, image: file, label: kind, root: images}}")(folder)  # type: ignore[operator]
    run = run_of(here(TRAIN))
    Path("new.csv").write_text("file\ngrass1\nGRASS2.png\ngrass3.PNG\n")
    done = here(("predict", run, "new.csv"))
    assert done.code == 4
    told("new.csv:3: column file: there is no file images/GRASS2.png. Did you mean grass2.png?")(done)
    Path("new.csv").write_text("file\ngrass1\ngrass3.PNG\n")
    assert len(rows_of(here(("predict", run, "new.csv")))) == 2


def _grouped_by_id(folder: Path) -> None:
    """Names without ending go with splits of groups, also where files are left out."""
    for number in range(8):
        a_picture(f"{number}.png", number)
    table([str(number) for number in range(8)], head="file,kind,person", more=[f"p{number // 2}" for number in range(8)])
    Path("3.png").unlink()
    experiment(
        folder,
        f"{IMAGES}\n  validation: {{split: {{kind: group, group: person, fraction: 0.3}}}}",
        more=f"{SIZE}\non_bad_file: skip",
    )
    done = here(("check", "e.yaml"))
    assert done.code == 0, done.err
    told("5 samples to train on, 2 samples to validate on")(done)


def found_table(
    names: Callable[[int], str], written: Callable[[int], str], table: str, cells: Sequence[str] = (), head: str = ""
) -> Callable[[Path], str]:
    """A folder `set` with pictures and a table, to begin from; gives the folder."""

    def make(folder: Path) -> str:
        for number in range(12):
            a_picture(f"set/{names(number)}", number)
        Path("set").mkdir(exist_ok=True)
        rows = [",".join((written(number), KINDS[number % 2], *cells[number : number + 1])) for number in range(12)]
        Path("set", table).write_text("\n".join([f"id_code,diagnosis{head}", *rows]) + "\n")
        return "set"

    return make


def _two_tables(folder: Path) -> Sequence[object]:
    for number in range(2):
        a_picture(f"set/{number}.png", number)
    for name in ("one.csv", "two.csv"):
        Path("set", name).write_text("file,kind\n0.png,a\n1.png,b\n")
    return ("init", "e.yaml", "--from", "set")


def _a_bad_one(folder: Path) -> str:
    """A table with a file that is gone."""
    for number in range(12):
        a_picture(f"{number}.png", number)
    Path("3.png").unlink()
    return table([f"{number}.png" for number in range(12)])


def _two_inputs(folder: Path) -> None:
    """Pictures and numbers are predicted and evaluated as they were learnt from; endings in capitals are the same."""
    for number in range(8):
        a_picture(f"{number}.png", number)
    heights = [str(number) for number in range(8)]
    table([str(number) for number in range(8)], head="file,kind,height", more=heights)
    layers = (
        "[{Flatten: {inputs: [image], name: a}}, {Dense: {units: 2, inputs: [features], name: b}}, "
        "{Concatenate: {inputs: [a, b]}}, {Dense: {units: 2, activation: softmax}}]"
    )
    source = "{csv: {path: data.csv, image: file, features: [height], label: kind}}"
    experiment(folder, source, ("[Flatten, {Dense: {units: 2, activation: softmax}}]", layers), more=SIZE)
    run = run_of(here(TRAIN))
    Path("NEW.CSV").write_text(Path("data.csv").read_text())
    assert len(rows_of(here(("predict", run, "NEW.CSV")))) == 8
    assert here(("evaluate", run, "--data", "NEW.CSV")).code == 0


def _tables() -> Iterator[Case]:
    error = ["data.csv:4: column file: there is no file images/grass2.png. Did you mean grass"]
    yield Case("52", "a file that is gone", _gone("error"), 4, error)
    yield Case("52", "a file that is gone, left out", _gone("skip"), check=told("6 samples to train on", "2 files are left out"))
    yield Case("52", "left out, listed in the run", probe=_skipped)
    yield Case("52", "in Python", probe=_gone_in_python)
    yield Case("52", "init", probe=init(_a_bad_one, ["1 file cannot be read"], on_bad_file="skip"))
    yield Case("53", "names without ending", eight(lambda number: f"images/grass{number}"), check=counts("cat 4, dog 4"))
    root = "{csv: {path: data.csv, image: file, label: kind, root: images}}"
    yield Case(
        "53",
        "names without ending below root",
        eight(lambda number: f"grass{number}", source=root),
        check=counts("cat 4, dog 4"),
    )
    yield Case("53", "endings in capitals", eight(lambda number: f"images/grass{number}.PNG"), check=counts("cat 4, dog 4"))
    yield Case("53", "Windows's separators", eight(lambda number: f"images\\grass{number}.png"), check=counts("cat 4, dog 4"))
    yield Case(
        "53",
        "names in another folder",
        eight(lambda number: f"grass{number}"),
        4,
        ["there is no file grass0. There is images/grass0.png: do the names begin in images?"],
        lines=8,
    )
    yield Case(
        "53",
        "several candidates",
        _two_candidates,
        4,
        ["data.csv:5: column file: images/grass3 may be images/grass3.JPG or images/grass3.png. Write the ending."],
    )
    yield Case(
        "53",
        "another ending",
        eight(lambda number: f"images/grass{number}.bmp"),
        4,
        ["there is no file images/grass0.bmp. Did you mean grass0.png?"],
        lines=8,
    )
    yield Case("53", "predict", probe=_predicted_by_id)
    yield Case("53", "in Python", probe=_ids_in_python)
    yield Case("53", "with numbers beside the pictures", probe=_two_inputs)
    yield Case("53", "with groups and files left out", probe=_grouped_by_id)
    begun = found_table(lambda number: f"images/{number:x}_.v{number}.png", lambda number: f"{number:x}_.v{number}", "train.csv")
    yield Case(
        "53",
        "init",
        probe=init(
            begun,
            ["12 rows", "2 classes (cat 6, dog 6)"],
            train={"csv": {"path": "set/train.csv", "label": "diagnosis", "image": "id_code", "root": "set/images"}},
        ),
    )
    plain = found_table(lambda number: f"{number}.JPG", lambda number: f"{number}.JPG", "labels.csv")
    yield Case(
        "51",
        "a folder with pictures and a table",
        probe=init(
            plain,
            ["set/labels.csv: 12 rows"],
            train={"csv": {"path": "set/labels.csv", "label": "diagnosis", "image": "id_code"}},
        ),
    )
    kaggle = found_table(lambda number: f"{('train', 'test')[number % 3 == 0]}/{number}.png", str, "train.csv")
    wanted = {"csv": {"path": "set/train.csv", "label": "diagnosis", "image": "id_code", "root": "set/train"}}
    begun = init(kaggle, ["4 files cannot be read"], train=wanted, on_bad_file="skip")
    yield Case("51", "a folder of train/, test/ and a table", probe=begun)
    yield Case(
        "51", "several tables", _two_tables, 4, ["There are several tables in it: one.csv, two.csv. Name the one to train on."]
    )


CASES = [*_tables()]
