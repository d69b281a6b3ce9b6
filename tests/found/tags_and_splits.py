"""Several labels in a cell of a table, and a column that says what each sample is for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from faults.cases.inputs import CHECK, TRAIN, experiment
from faults.cases.runner import Case, here
from found.common import counts, init, not_told, rows_of, run_of, told
from found.image_tables import IMAGES, KINDS, SIZE, a_picture, eight, found_table, table

TAGS = ("beach", "sunset", "beach sunset", "sunset beach", "beach", "sunset")


SIGMOID = (
    ("activation: softmax", "activation: sigmoid"),
    ("loss: sparse_categorical_crossentropy", "loss: binary_crossentropy, metrics: [binary_accuracy]"),
)


def _tagged(separator: str, *, written: str | None = None, source: str | None = None) -> Callable[[Path], Sequence[object]]:
    """Six pictures with tags, trained with a sigmoid for each."""

    def make(folder: Path) -> Sequence[object]:
        for number in range(6):
            a_picture(f"{number}.png", number)
        cells = [f'"{(written or separator).join(tags.split())}"' for tags in TAGS]
        table([f"{number}.png" for number in range(6)], cells, head="file,tags")
        own = f"{{csv: {{path: data.csv, image: file, label: tags, label_separator: '{separator}'}}}}"
        experiment(folder, source or own, *(SIGMOID if source is None else ()), more=SIZE)
        return CHECK

    return make


def _tags_learnt(folder: Path) -> None:
    """The targets are rows with a one for each label."""
    from fittool.data.sources import CsvSource, SourceContext

    _tagged(" ")(folder)
    context = SourceContext(class_mode="binary", size=(8, 8))
    data = CsvSource("data.csv", label=["tags"], image="file", label_separator=" ").open(context)
    assert data.class_names == ("beach", "sunset")
    assert data.load(np.arange(6))[1][0].tolist() == [[1, 0], [0, 1], [1, 1], [1, 1], [1, 0], [0, 1]]
    assert data.labels() is None
    run = run_of(here(TRAIN))
    assert json.loads((Path(run) / "classes.json").read_text()) == ["beach", "sunset"]
    assert here(("evaluate", run, "--data", "data.csv")).code == 0
    assert len(rows_of(here(("predict", run, "data.csv")))) == 6


def _unknown_tag(folder: Path) -> None:
    _tagged(" ")(folder)
    run = run_of(here(TRAIN))
    Path("other.csv").write_text("file,tags\n0.png,beach sunsett\n")
    done = here(("evaluate", run, "--data", "other.csv"))
    assert done.code == 4
    told("other.csv:2: column tags: the training data have no label 'sunsett'. Did you mean sunset?")(done)


def _tags_from(separator: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        _tagged(separator)(folder)
        os.unlink("e.yaml")
        return "data.csv"

    return make


# A column that divides


def _divided(head: str, cells: Sequence[str], split: str = "") -> Callable[[Path], Sequence[object]]:
    """Eight pictures with a column that says what each is for."""

    def make(folder: Path) -> Sequence[object]:
        for number in range(8):
            a_picture(f"{number}.png", number)
        table([f"{number}.png" for number in range(8)], head=f"file,kind,{head}", more=cells)
        experiment(folder, f"{IMAGES}\n  validation: {{split: {{kind: column, column: {head}{split}}}}}", more=SIZE)
        return CHECK

    return make


def _divided_npz(folder: Path) -> Sequence[object]:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 8), np.uint8)
    np.savez("data.npz", x=pixels, y=np.arange(8) % 2, part=np.array(["train"] * 6 + ["val"] * 2))
    experiment(folder, "{npz: {path: data.npz}}\n  validation: {split: {kind: column, column: part}}")
    return CHECK


def _divided_features(folder: Path) -> None:
    """The column that divides is none to learn from."""
    rows = [f"{number},{number * 2 % 7},{KINDS[number % 2]},{int(number >= 6)}" for number in range(8)]
    Path("data.csv").write_text("\n".join(["a,b,kind,fold", *rows]) + "\n")
    source = "{csv: {path: data.csv, label: kind}}\n  validation: {split: {kind: column, column: fold, value: 1}}"
    experiment(folder, source)
    run = run_of(here(TRAIN))
    done = here(("summary", run))
    told("2")(done)
    assert here(("check", "e.yaml")).out.startswith("e.yaml: 6 samples to train on, 2 samples to validate on")
    Path("new.csv").write_text("a,b\n1,2\n")
    assert len(rows_of(here(("predict", run, "new.csv")))) == 1


def _tag_cases() -> Iterator[Case]:
    for separator in (" ", ",", ";", "|"):
        yield Case("55", f"tags separated by {separator!r}", _tagged(separator), check=counts("beach 4, sunset 4"))
    for separator in (",", ";"):
        written = f"{separator} "
        yield Case(
            "55",
            f"tags separated by {separator!r} and a blank",
            _tagged(separator, written=written),
            check=counts("beach 4, sunset 4"),
        )
    yield Case("55", "tags are rows of ones", probe=_tags_learnt)
    yield Case("55", "a tag unknown to training", probe=_unknown_tag)
    single = "{csv: {path: data.csv, image: file, label: tags}}"
    for separator in (" ", ","):
        says = ["look like several in one cell, but count as one class.", f"set label_separator: {separator!r}."]
        yield Case(
            "55", f"tags separated by {separator!r} as classes", _more_units(_tagged(separator, source=single), 4), says=says
        )
    yield Case(
        "55",
        "a loss for one class",
        _softmax(_tagged(" ")),
        3,
        ["label_separator gives several labels a sample, but the loss takes one class"],
    )
    yield Case(
        "55",
        "names of two words are no tags",
        eight(lambda number: f"images/grass{number}.png", lambda number: ("golden retriever", "irish setter")[number % 2]),
        check=not_told("several"),
    )
    for separator in (" ", ",", ";"):
        yield Case(
            "55",
            f"init finds tags separated by {separator!r}",
            probe=init(
                _tags_from(separator),
                [f"several labels a cell, separated by {separator!r}"],
                loss="binary_crossentropy",
                train={"csv": {"path": "data.csv", "label": "tags", "label_separator": separator, "image": "file"}},
            ),
        )


def _more_units(make: Callable[[Path], Sequence[object]], units: int) -> Callable[[Path], Sequence[object]]:
    def made(folder: Path) -> Sequence[object]:
        command = make(folder)
        path = Path("e.yaml")
        path.write_text(path.read_text().replace("units: 2", f"units: {units}"))
        return command

    return made


def _softmax(make: Callable[[Path], Sequence[object]]) -> Callable[[Path], Sequence[object]]:
    def made(folder: Path) -> Sequence[object]:
        command = make(folder)
        path = Path("e.yaml")
        path.write_text(
            path.read_text()
            .replace("binary_crossentropy", "sparse_categorical_crossentropy")
            .replace("binary_accuracy", "accuracy")
        )
        return command

    return made


def _split_cases() -> Iterator[Case]:
    halves = told("6 samples to train on, 2 samples to validate on")
    for head, words in (
        ("split", ("train", "val")),
        ("set", ("Training", "Test")),
        ("subset", ("train", "valid")),
        ("phase", ("TRAIN", "dev")),
    ):
        cells = [words[number >= 6] for number in range(8)]
        yield Case("56", f"a column {head} of {' and '.join(words)}", _divided(head, cells), check=halves)
    yield Case("56", "a column is_valid", _divided("is_valid", ["False"] * 6 + ["True"] * 2), check=halves)
    yield Case("56", "a column fold", _divided("fold", list("00112233"), ", value: 3"), check=halves)
    yield Case(
        "56",
        "several folds",
        _divided("fold", list("00112233"), ", value: [2, 3]"),
        check=told("4 samples to train on, 4 samples to validate on"),
    )
    three = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    yield Case(
        "56",
        "test data are left out and told",
        _divided("split", three),
        says=["2 samples are neither trained nor validated on, as split says: test (2)."],
        check=told("4 samples to train on, 2 samples to validate on"),
    )
    yield Case(
        "56",
        "words that do not tell",
        _divided("split", list("aabbccdd")),
        4,
        ["The column split does not tell which samples are trained and validated on: a, b, c, d. Say with value"],
    )
    yield Case(
        "56",
        "a value that is not there",
        _divided("split", ["train"] * 6 + ["val"] * 2, ", value: valid"),
        4,
        ["No sample has the value 'valid' in the column split. Did you mean val?"],
    )
    yield Case("56", "an array of an npz", _divided_npz, check=halves)
    yield Case("56", "no column to learn from", probe=_divided_features)
    for head, cells in (
        ("split", ["train"] * 8 + ["test"] * 4),
        ("fold", list("012345012345")),
        ("is_valid", ["0"] * 8 + ["1"] * 4),
    ):
        wanted = {"split": {"kind": "column", "column": head} | ({"value": "0"} if head == "fold" else {})}
        begun = found_table(lambda number: f"{number}.png", lambda number: f"{number}.png", "data.csv", cells, f",{head}")
        yield Case(
            "56",
            f"init finds a column {head}",
            probe=init(begun, [f"{head} says what is trained and validated on"], validation=wanted),
        )


CASES = [*_tag_cases(), *_split_cases()]
