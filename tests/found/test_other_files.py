"""A run that has learnt from one file meets the same table written in another way: the same predictions, or a refusal."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from cli.commands import Fittool, fittool, folder
from found.labels import settings
from found.making import comma, text_of

__all__ = ["fittool", "folder"]

PLAIN = text_of()
SEMICOLONS = text_of(head="a;b;c;kind", all_cells=comma, delimiter=";")
LARGE = text_of(all_cells=lambda value: f"{float(value) * 1000 + 5000:.0f}")  # type: ignore[arg-type]
POINTS = text_of(head="a;b;c;kind", delimiter=";", all_cells=lambda value: f"{float(value) * 1000 + 5000:,.0f}".replace(",", "."))  # type: ignore[arg-type]
PERCENT = text_of(all_cells=lambda value: f"{value}%")
SHARES = text_of(all_cells=lambda value: float(value) / 100)  # type: ignore[arg-type]
NO_HEAD = text_of(head="")
WORDS = text_of(third=lambda value: value > 1)
NUMBERS = text_of(third=lambda value: int(value > 1))


def trained(fittool: Fittool, folder: Path, text: str, more: str = "") -> None:
    """Train two epochs on a table; `more` are keys of the source."""
    (folder / "one.csv").write_text(text)
    label = "3" if text is NO_HEAD else "kind"
    (folder / "e.yaml").write_text(settings(f"csv: {{path: one.csv, label: {label}{more}}}") + "train: {epochs: 2}\n")
    done = fittool("train", "e.yaml", "--run-dir", "run")
    assert done.code == 0, done.err


def predictions(fittool: Fittool, folder: Path, path: str) -> np.ndarray:
    done = fittool("predict", "run", path, "--out", "p.npz")
    assert done.code == 0, done.err
    with np.load(folder / "p.npz") as file:
        return file["output"]


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (PLAIN, SEMICOLONS),
        (SEMICOLONS, PLAIN),
        (PLAIN, PLAIN.replace(",", "\t")),
        (PLAIN, PLAIN.replace(",", "|").replace("\n", "\r\n")),
        (PLAIN, "sep=;\n" + PLAIN.replace(",", ";")),
        (PLAIN, PLAIN.replace(",", ", ")),
        (PLAIN, text_of(head='" a","b ",c,kind')),
        (PLAIN, "\ufeff" + PLAIN),
        (NO_HEAD, NO_HEAD.replace(",", ";")),
        (NO_HEAD, text_of(head="0,1,2,3")),
        (WORDS, NUMBERS),
        (NUMBERS, WORDS),
        (PERCENT, text_of(head="a;b;c;kind", all_cells=lambda value: f"{comma(value)} %", delimiter=";")),
    ],
)
def test_the_same_table_in_another_form_has_the_same_predictions(fittool: Fittool, folder: Path, first: str, other: str) -> None:
    trained(fittool, folder, first)
    (folder / "other.csv").write_bytes(other.encode())
    (folder / "OTHER.CSV.GZ").write_bytes(gzip.compress(other.encode()))
    expected = predictions(fittool, folder, "one.csv")
    for name in ("other.csv", "OTHER.CSV.GZ"):
        np.testing.assert_array_equal(predictions(fittool, folder, name), expected)
        measured = fittool("evaluate", "run", "--data", name)
        assert measured.code == 0, measured.err
    assert measured.out == fittool("evaluate", "run", "--data", "one.csv").out


@pytest.mark.parametrize(
    ("first", "more", "other"),
    [
        (SEMICOLONS, ', delimiter: ";", decimal: ","', PLAIN),
        (PLAIN, ', delimiter: ",", decimal: ".", thousands: "", encoding: utf-8', SEMICOLONS),
        (NO_HEAD, ", header: false", text_of(head="0,1,2,3")),
        (text_of(head="2001,2005,2010,kind"), ", header: true", text_of(head="2001;2005;2010;kind", delimiter=";")),
        (SEMICOLONS, ', delimiter: ";", decimal: ",", features: [a, b]', PLAIN),
    ],
)
def test_what_the_experiment_says_of_its_own_file_is_no_rule_for_others(
    fittool: Fittool, folder: Path, first: str, more: str, other: str
) -> None:
    trained(fittool, folder, first, more)
    (folder / "other.csv").write_text(other)
    np.testing.assert_array_equal(predictions(fittool, folder, "other.csv"), predictions(fittool, folder, "one.csv"))


def test_a_head_of_numbers_that_only_the_experiment_knows_is_known_of_other_files(fittool: Fittool, folder: Path) -> None:
    rows = "".join(f"{n % 7},{n % 5},{n % 2}\n" for n in range(40))
    (folder / "one.csv").write_text(f"2001,2005,2010\n{rows}")
    (folder / "e.yaml").write_text(settings('csv: {path: one.csv, label: "2010", header: true}', 2))
    assert fittool("train", "e.yaml", "--run-dir", "run", "--set", "train.epochs=1").code == 0
    assert len(predictions(fittool, folder, "one.csv")) == 40


def test_points_between_thousands_stay_so_where_one_file_alone_would_not_show_it(fittool: Fittool, folder: Path) -> None:
    trained(fittool, folder, POINTS.replace("\n", ";1,5\n").replace("kind;1,5", "kind;d"))
    head, *rows = (folder / "one.csv").read_text().splitlines()
    (folder / "other.csv").write_text("\n".join([head, *(row.replace("1,5", "1.500") for row in rows)]) + "\n")
    first = predictions(fittool, folder, "one.csv")
    assert not np.array_equal(predictions(fittool, folder, "other.csv"), first)  # 1.500 is 1500 there
    (folder / "other.csv").write_text("\n".join([head, *(row.replace("1,5", "1,50") for row in rows)]) + "\n")
    np.testing.assert_array_equal(predictions(fittool, folder, "other.csv"), first)


@pytest.mark.parametrize(("first", "other", "said"), [(PERCENT, SHARES, "numbers"), (SHARES, PERCENT, "percentages")])
def test_percentages_and_numbers_are_not_taken_for_each_other(
    fittool: Fittool, folder: Path, first: str, other: str, said: str
) -> None:
    trained(fittool, folder, first)
    (folder / "other.csv").write_text(other)
    for done in (fittool("predict", "run", "other.csv"), fittool("evaluate", "run", "--data", "other.csv")):
        assert done.code == 4
        assert f"other.csv: column a: it holds {said}, but what the training data have there are" in done.err


def test_validation_is_read_as_training_was(fittool: Fittool, folder: Path) -> None:
    for name, text in (("one.csv", PERCENT), ("two.csv", SHARES), ("three.csv", PERCENT.replace(",", ";"))):
        (folder / name).write_text(text)
    for name, code in (("two.csv", 4), ("three.csv", 0)):
        both = settings("csv: {path: one.csv, label: kind}").replace(
            "{split: {kind: stratified}}", f"{{csv: {{path: {name}, label: kind}}}}"
        )
        (folder / "e.yaml").write_text(both)
        assert fittool("check", "e.yaml").code == code


@pytest.mark.parametrize("label", [lambda c: c + 1, lambda c: f"0{c + 1}", lambda c: c + 1.0])
def test_a_class_is_found_by_its_value_in_another_file(fittool: Fittool, folder: Path, label: object) -> None:
    trained(fittool, folder, text_of(label))  # type: ignore[arg-type]
    (folder / "other.csv").write_text(text_of(lambda c: c + 1))
    measured = fittool("evaluate", "run", "--data", "other.csv")
    assert (measured.code, measured.out) == (0, fittool("evaluate", "run", "--data", "one.csv").out)
    (folder / "other.csv").write_text(text_of(lambda c: c + 2))
    refused = fittool("evaluate", "run", "--data", "other.csv")
    assert (refused.code, "The training data have no class '4'" in refused.err) == (4, True)


def test_a_run_goes_on_where_only_the_form_of_its_table_is_written_otherwise(fittool: Fittool, folder: Path) -> None:
    trained(fittool, folder, SEMICOLONS, ', delimiter: ";", decimal: ","')
    text = (
        (folder / "e.yaml")
        .read_text()
        .replace(', delimiter: ";", decimal: ","', ", encoding: utf-8")
        .replace("epochs: 2", "epochs: 3")
    )
    (folder / "e.yaml").write_text(text)
    done = fittool("train", "e.yaml", "--run-dir", "run", "--resume")
    assert (done.code, "3/3" in done.err) == (0, True), done.err
    (folder / "e.yaml").write_text(text.replace("encoding: utf-8", "features: [a, b]").replace("epochs: 3", "epochs: 4"))
    refused = fittool("train", "e.yaml", "--run-dir", "run", "--resume")
    assert (refused.code, "features was absent when the run last went on" in refused.err) == (3, True), refused.err


def test_a_run_goes_on_with_labels_as_they_were(fittool: Fittool, folder: Path) -> None:
    trained(fittool, folder, text_of(lambda c: f"0{c + 1}"))
    assert fittool("resume", "run", "--epochs", "3").code == 0
    assert (folder / "run/classes.json").read_text().split() == ["[", '"01",', '"02",', '"03"', "]"]
    (folder / "one.csv").write_text(text_of(lambda c: f"0{c + 4}"))
    changed = fittool("resume", "run", "--epochs", "4")
    assert (changed.code, "The train data are not those that the run began with" in changed.err) == (4, True)
