from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import DataError
from fittool.experiment.check import check_experiment
from fittool.scaffold.scaffold import from_data


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(name: str, values: list[object], name_of_file: str = "t.csv") -> str:
    """A table with that column, a number and a label."""
    with Path(name_of_file).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name, "x", "label"])
        writer.writerows([value, number * 0.37 % 1, "ab"[number * 7 % 5 % 2]] for number, value in enumerate(values))
    return name_of_file


def hint(path: str) -> str:
    return next((line for line in from_data(path, labels=["label"]).lines if "whom or what a row is of" in line), "")


@pytest.mark.parametrize(
    "name", ["subject", "Subject", "patient_id", "PatientID", "user", "Speaker No", "customer-id", "case_id"]
)
def test_a_column_of_groups_is_noticed_by_its_name_and_values_that_come_again(name: str) -> None:
    assert f"{name} seems to say whom" in hint(table(name, [f"S{number % 12}" for number in range(120)]))
    assert "12 of them, about 10 rows each" in hint(table(name, [100 + number % 12 for number in range(120)]))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("subject", [f"S{number}" for number in range(120)]),  # one row each: no groups
        ("subject", [f"S{number % 3}" for number in range(120)]),  # too few to hold some out
        ("island", [f"S{number % 12}" for number in range(120)]),
        ("age_group", [f"S{number % 12}" for number in range(120)]),
        ("subject", [number % 12 + 0.5 for number in range(120)]),
        ("state_id", [f"S{number % 7}" for number in range(120)]),
    ],
)
def test_other_columns_are_none(name: str, values: list[object]) -> None:
    assert hint(table(name, values)) == ""


def test_what_is_written_in_the_file_can_be_taken_as_it_is() -> None:
    text = from_data(table("subject", [f"S{number % 12}" for number in range(120)]), labels=["label"]).text
    (line,) = [line for line in text.splitlines() if "kind: group" in line]
    split, _, columns = line.lstrip(" #").partition("   and below   ")
    kept = [line for line in text.splitlines() if not line.startswith(("  validation:", "  columns:"))]
    place = kept.index(next(line for line in kept if line.startswith("  train:"))) + 1
    Path("e.yaml").write_text("\n".join([*kept[:place], f"  {split}", f"  {columns}", *kept[place:]]))
    report = check_experiment(load_experiment(Path("e.yaml"), []))
    assert "learns from 1 column: x" in "\n".join(report.counts)


def test_several_labels_in_one_name_are_explained() -> None:
    with pytest.raises(
        DataError, match=r"There is no column x,label. .*: --label x --label label; in the file, label: \[x, label\]"
    ):
        from_data(table("subject", [1, 2] * 20), labels=["x,label"])
    with pytest.raises(DataError, match=r"There is no column x,y\. Columns: subject, x, label"):
        from_data(table("subject", [1, 2] * 20), labels=["x,y"])
