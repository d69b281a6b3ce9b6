"""Predictions and measurements of what people have: damaged files, endings, addresses, labels, scores, columns."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from faults.cases.runner import Case, Done, here
from PIL import Image

PICTURES = """\
name: pictures
data:
  train: {folder: {path: data}}
  image: {size: [8, 8], color_mode: grayscale}
MOREmodel: {layers: [{Rescaling: 1/255}, Flatten, {Dense: {units: UNITS, activation: softmax}}]}
compile: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {epochs: 2, batch_size: 3, verbose: 0, view_metrics: false}
"""
TABLE = """\
name: table
data:
  train: {csv: {path: train.csv, label: LABEL, features: [a, b]}}
MODEmodel: {layers: [LAST]}
compile: {optimizer: {SGD: {learning_rate: 1.0}}, loss: LOSS}
train: {epochs: 60, batch_size: 20, verbose: 0, view_metrics: false, validation_split: 0.2}
"""


def _done(*command: object) -> Done:
    done = here([str(word) for word in command])
    assert done.code == 0, done.out + done.err
    return done


def rows(done: Done) -> list[dict[str, str]]:
    """The CSV on stdout."""
    return list(csv.DictReader(io.StringIO(done.out)))


def pictures(folder: Path, more: str = "", units: int = 2) -> None:
    """A run in `run` on four pictures each of cats and dogs."""
    for name, low in (("cat", 0), ("dog", 150)):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(4):
            pixels = low + np.random.default_rng(number).integers(0, 90, (8, 8)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{number}.png")
    (folder / "e.yaml").write_text(PICTURES.replace("MORE", more).replace("UNITS", str(units)))
    _done("train", "e.yaml", "--run-dir", "run")


def table(folder: Path, label: str, last: str, loss: str, mode: str = "") -> None:
    """A run in `run` on a table whose labels beach and sunset hold where a and b are large; `kind` is of two classes."""
    chance = np.random.default_rng(3)
    lines = ["id,a,b,beach,sunset,kind,sum"]
    for number, (a, b) in enumerate(chance.uniform(-1, 1, (60, 2)).round(3).tolist()):
        lines.append(f"r{number},{a},{b},{int(a > 0)},{int(b > 0)},{'high' if a > 0 else 'low'},{a + b:.3f}")
    lines += [f"c{number},{a},{b},{int(a > 0)},{int(b > 0)},{'high' if a > 0 else 'low'},{a + b}"
              for number, (a, b) in enumerate(((0.9, 0.9), (0.9, -0.9), (-0.9, 0.9), (-0.9, -0.9)))]  # fmt: skip
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    text = (
        TABLE.replace("LABEL", label).replace("LAST", last).replace("LOSS", loss).replace("MODE", f"  {mode}\n" if mode else "")
    )
    (folder / "e.yaml").write_text(text)
    _done("train", "e.yaml", "--run-dir", "run")
    (folder / "corners.csv").write_text("\n".join([lines[0], *lines[-4:]]) + "\n")


def predicting(
    prepare: Callable[[Path], object], *words: object, then: Callable[[Path], object] = str
) -> Callable[[Path], Sequence[object]]:
    """`predict run …` after a training and a change."""

    def make(folder: Path) -> Sequence[object]:
        prepare(folder)
        then(folder)
        return ["predict", "run", *words]

    return make


def _damage(folder: Path) -> None:
    cat = folder / "data" / "cat" / "1.png"
    cat.write_bytes(cat.read_bytes()[:60])


def _all_damaged(folder: Path) -> None:
    for path in folder.rglob("data/*/*.png"):
        path.write_bytes(b"text")


def _predicted(count: int, *, empty: int = 0) -> Callable[[Done], None]:
    """So many rows, all but some with an answer."""

    def check(done: Done) -> None:
        found = rows(done)
        assert len(found) == count, done.out
        assert [row["input"] for row in found if not row["prediction"]] == ["data/cat/1.png"] * empty, done.out

    return check


def _columns(*names: str) -> Callable[[Done], None]:
    def check(done: Done) -> None:
        assert list(rows(done)[0]) == list(names), done.out

    return check


def _labels(done: Done) -> None:
    """Both, one, the other and neither."""
    found = rows(done)
    assert list(found[0]) == ["input", "prediction", "beach", "beach probability", "sunset", "sunset probability"], done.out
    assert [row["prediction"] for row in found] == ["beach sunset", "beach", "sunset", ""], done.out
    assert [(row["beach"], row["sunset"]) for row in found] == [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")]
    for row in found:
        assert (float(row["beach probability"]) > 0.5) == (row["beach"] == "yes")


BEACHES = ("[beach, sunset]", "{Dense: {units: 2, activation: sigmoid}}", "binary_crossentropy", "class_mode: categorical")
KIND = ("kind", "{Dense: {units: 2, activation: softmax}}", "sparse_categorical_crossentropy")


def _beaches(folder: Path) -> None:
    table(folder, *BEACHES)


def _kind(folder: Path) -> None:
    table(folder, *KIND)


def _scores(done: Done) -> None:
    """Columns of what is no probability do not say so, and tell the right classes."""
    found = rows(done)
    assert list(found[0]) == ["input", "prediction", "score", "high", "low"], done.out
    assert [row["prediction"] for row in found] == ["high", "high", "low", "low"], done.out


def _hinge(loss: str, units: int) -> Callable[[Path], None]:
    mode = "class_mode: categorical" if units > 1 else ""
    return lambda folder: table(folder, "kind", f"{{Dense: {units}}}", loss, mode)


def _renamed(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: (folder / old).rename(folder / new)


def _as_arrays(folder: Path) -> None:
    """A run trained on arrays, and the same samples as files."""
    pictures(folder)
    files = sorted(folder.glob("data/*/*.png"))
    arrays = np.stack([np.asarray(Image.open(path).convert("L")) for path in files])[..., None]
    np.savez(folder / "a.npz", x=arrays, y=np.arange(8) // 4)
    text = (folder / "e.yaml").read_text().replace("{folder: {path: data}}", "{npz: a.npz}")
    (folder / "f.yaml").write_text("\n".join(line for line in text.splitlines() if "image:" not in line))
    _done("train", "f.yaml", "--run-dir", "arrays")
    for name, code in (("cat", "0"), ("dog", "1")):
        (folder / "data" / name).rename(folder / "data" / code)


def _agree(folder: Path) -> None:
    """`evaluate --data` measures the very samples that `predict` predicts, for files and for arrays."""
    _as_arrays(folder)
    values = [
        dict(line.split() for line in _done("evaluate", "arrays", "--data", data).out.splitlines()) for data in ("a.npz", "data")
    ]
    assert values[0] == values[1], values
    predictions = [[row["prediction"] for row in rows(_done("predict", "arrays", data))] for data in ("a.npz", "data")]
    assert predictions[0] == predictions[1], predictions


def _truth(folder: Path) -> None:
    """The truth stands beside the predictions of the run's own data, in all forms."""
    for number, (arguments, wanted) in enumerate(
        (
            (KIND, {"truth": ("high", "low")}),
            (BEACHES, {"beach truth": ("yes", "no"), "sunset truth": ("yes", "no")}),
            (("sum", "{Dense: 1}", "mse"), {"truth": None}),
            (("[sum, a]", "{Dense: 2}", "mse"), {"sum truth": None, "a truth": None}),
        )
    ):
        place = folder / str(number)
        place.mkdir()
        with contextlib.chdir(place):
            table(place, *arguments)
            for part, count in (("train", 51), ("validation", 13)):
                found = rows(_done("predict", "run", "--on", part))
                assert len(found) == count
                for column, values in wanted.items():
                    cells = [row[column] for row in found]
                    assert set(cells) == set(values) if values else len([float(cell) for cell in cells]) == count, (column, cells)


def _address(folder: Path) -> None:
    """An address keeps its slashes: it is read, or what that needs is told."""
    _kind(folder)
    text = (folder / "corners.csv").read_text()
    if importlib.util.find_spec("fsspec") is None:
        for words in (("predict", "run"), ("evaluate", "run", "--data")):
            done = here([*words, "memory://corners.csv"])
            assert (done.code, "memory://corners.csv needs the extra remote: pip install" in done.err) == (6, True), done.err
        return
    import fsspec

    with fsspec.open("memory://corners.csv", "w") as file:
        file.write(text)
    assert [row["prediction"] for row in rows(_done("predict", "run", "memory://corners.csv"))] == ["high", "high", "low", "low"]
    assert "loss" in _done("evaluate", "run", "--data", "memory://corners.csv").out
    done = here(["predict", "run", "memory://none.csv"])
    assert (done.code, "memory://none.csv: There is nothing at this address." in done.err) == (4, True), done.err


def _kept(done: Done) -> None:
    assert [row["id"] for row in rows(done)] == ["c0", "c1", "c2", "c3"], done.out
    assert list(rows(done)[0])[:3] == ["input", "id", "prediction"]


def _all_forms(folder: Path) -> None:
    """What training accepts, every later command accepts: more outputs than classes, a prediction for each pixel."""
    pictures(folder, units=4)
    found = rows(_done("predict", "run", "data"))
    assert list(found[0]) == ["input", "prediction", "probability", "cat", "dog", "output_2", "output_3"]
    for form in ("npz", "jsonl", "csv"):
        _done("predict", "run", "data", "--out", f"p.{form}")
    with np.load("p.npz") as arrays:
        assert arrays["classes"].tolist() == ["cat", "dog", "output_2", "output_3"]
    assert len(Path("p.jsonl").read_text().splitlines()) == 8
    for command in ("evaluate", "summary", "verify"):
        _done(command, "run", *(["--data", "data"] if command == "evaluate" else []))


def _mixed(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    (folder / "small.npz").write_bytes(b"PK")
    np.savez(folder / "other.npz", x=np.zeros((2, 5)), y=np.zeros(2))


def _in_order(done: Done) -> None:
    """The good ones, in the order that was given."""
    assert [row["input"] for row in rows(done)] == ["data/dog/0.png", "data/cat/0.png", "data/cat/3.png"], done.out
    assert len(done.problems) == 4, done.err


BAD = "data/cat/1.png"
CASES = [
    # damaged inputs
    Case(
        "bad inputs",
        "one picture of a folder",
        predicting(pictures, "data", then=_damage),
        4,
        (BAD, "7 predicted, 1 cannot be read."),
        lines=1,
        check=_predicted(7),
    ),
    Case(
        "bad inputs",
        "skipped",
        predicting(pictures, "data", "--on-bad", "skip", then=_damage),
        0,
        (f"warning: {BAD}",),
        check=_predicted(7),
    ),
    Case(
        "bad inputs",
        "as empty rows",
        predicting(pictures, "data", "--on-bad", "empty", then=_damage),
        0,
        (f"warning: {BAD}",),
        check=_predicted(8, empty=1),
    ),
    Case(
        "bad inputs",
        "skipped by the run's own setting",
        predicting(lambda folder: pictures(folder, "  on_bad_file: skip\n"), "data", then=_damage),
        0,
        (f"warning: {BAD}",),
        check=_predicted(7),
    ),
    Case(
        "bad inputs",
        "an error although the run skips them",
        predicting(lambda folder: pictures(folder, "  on_bad_file: skip\n"), "data", "--on-bad", "error", then=_damage),
        4,
        (BAD,),
        check=_predicted(7),
    ),
    Case("bad inputs", "in all batches", predicting(pictures, "data", then=_all_damaged), 4, ("data/cat/0.png",), lines=8),
    Case(
        "bad inputs",
        "one of several files",
        predicting(pictures, "data/dog/0.png", BAD, "data/cat/3.png", then=_damage),
        4,
        (BAD,),
        check=_predicted(2),
    ),
    Case(
        "bad inputs",
        "files, arrays and what is missing",
        predicting(
            pictures,
            "data/dog/0.png",
            "none.png",
            "data/cat/0.png",
            "other.npz",
            "small.npz",
            "notes.txt",
            "data/cat/3.png",
            then=_mixed,
        ),
        4,
        ("none.png: There is no such file.", "(5,)", "small.npz", "notes.txt"),
        lines=4,
        check=_in_order,
    ),
    Case(
        "bad inputs",
        "a file that is written all the same",
        predicting(pictures, "data", "--out", "p.csv", then=_damage),
        4,
        (BAD,),
        check=lambda done: None if len(Path("p.csv").read_text().splitlines()) == 8 else _fail(done),
    ),
    Case("bad inputs", "no path at all", predicting(pictures), 2, ("Give the paths to predict, or --on validation",)),
    # endings in any case, and addresses
    *(
        Case("endings", f"predict {new}", predicting(_kind, new, then=_renamed("corners.csv", new)), 0)
        for new in ("corners.CSV", "corners.Tsv")
    ),
    *(
        Case(
            "endings",
            f"evaluate {new}",
            lambda folder, new=new: (_kind(folder), _renamed("corners.csv", new)(folder), ("evaluate", "run", "--data", new))[-1],
            0,
        )
        for new in ("corners.CSV", "corners.TXT")
    ),
    Case(
        "endings",
        "predict a.NPZ",
        lambda folder: (_as_arrays(folder), _renamed("a.npz", "a.NPZ")(folder), ("predict", "arrays", "a.NPZ"))[-1],
        0,
    ),
    Case(
        "endings",
        "evaluate a.NPZ",
        lambda folder: (_as_arrays(folder), _renamed("a.npz", "a.NPZ")(folder), ("evaluate", "arrays", "--data", "a.NPZ"))[-1],
        0,
    ),
    Case(
        "endings",
        "a picture in capitals",
        predicting(pictures, "data/cat/0.PNG", then=_renamed("data/cat/0.png", "data/cat/0.PNG")),
    ),
    Case("endings", "--out in capitals", predicting(_kind, "corners.csv", "--out", "P.CSV")),
    Case("addresses", "read, or told what that needs", probe=_address),
    *(
        Case(
            "addresses",
            " ".join(words),
            lambda folder, words=words: words,
            2,
            (f"{words[1]} is an address;",),
        )
        for words in (
            ("train", "http://127.0.0.1/e.yaml"),
            ("check", "s3://bucket/e.yaml"),
            ("resume", "http://127.0.0.1/run"),
            ("predict", "http://127.0.0.1/run", "a.png"),
            ("evaluate", "https://127.0.0.1/run"),
        )
    ),
    # several labels
    Case("labels", "each on its own", predicting(_beaches, "corners.csv"), check=_labels),
    Case(
        "labels",
        "each on its own, from logits",
        predicting(
            lambda folder: table(folder, BEACHES[0], "{Dense: 2}", "{BinaryCrossentropy: {from_logits: true}}", BEACHES[3]),
            "corners.csv",
        ),
        check=_labels,
    ),
    Case(
        "labels",
        "each on its own, without a class mode",
        predicting(lambda folder: table(folder, *BEACHES[:3]), "corners.csv"),
        check=_labels,
    ),
    # scores and numbers
    Case("scores", "categorical hinge", predicting(_hinge("categorical_hinge", 2), "corners.csv"), check=_scores),
    Case(
        "scores",
        "probabilities",
        predicting(_kind, "corners.csv"),
        check=_columns("input", "prediction", "probability", "high", "low"),
    ),
    Case(
        "scores",
        "one number",
        predicting(lambda folder: table(folder, "sum", "{Dense: 1}", "mse"), "corners.csv"),
        check=_columns("input", "prediction"),
    ),
    Case(
        "scores",
        "two numbers by their names",
        predicting(lambda folder: table(folder, "[sum, a]", "{Dense: 2}", "mse"), "corners.csv"),
        check=_columns("input", "sum", "a"),
    ),
    # the same data for all commands
    Case("one way", "evaluate and predict of files by a run on arrays", probe=_agree),
    Case("one way", "more outputs than classes", probe=_all_forms),
    Case("truth", "of all kinds", probe=_truth),
    Case("columns", "one that is passed through", predicting(_kind, "corners.csv", "--keep", "id"), check=_kept),
    Case("columns", "one that is not there", predicting(_kind, "corners.csv", "--keep", "idd"), 4, ("idd",)),
    Case("columns", "of what is no table", predicting(pictures, "data", "--keep", "id"), 2, ("data is no CSV file",)),
]


def _fail(done: Done) -> None:
    raise AssertionError(done.out + done.err)
