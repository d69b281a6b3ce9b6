"""A column that divides the samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fittool.data.splits.split_column import column_split, find_split_column
from fittool.errors import DataError


def divided(column: str, values: Sequence[str], asked: Sequence[str] | None = None) -> tuple[set[str], set[str], dict[str, int]]:
    found = column_split(column, np.array(list(values)), asked)
    return set(found.training), set(found.validation), dict(found.others)


@pytest.mark.parametrize(
    ("column", "values", "training", "validation", "others"),
    [
        ("split", ["train", "val"], {"train"}, {"val"}, {}),
        ("split", ["Train", "TEST"], {"Train"}, {"TEST"}, {}),
        ("set", ["training", "valid", "test", "test"], {"training"}, {"valid"}, {"test": 2}),
        ("part", ["train", "dev", "unused"], {"train"}, {"dev"}, {"unused": 1}),
        ("is_valid", ["True", "False"], {"False"}, {"True"}, {}),
        ("is_valid", ["0", "1"], {"0"}, {"1"}, {}),
        ("is_train", ["1", "0"], {"1"}, {"0"}, {}),
    ],
)
def test_words_that_tell(
    column: str, values: list[str], training: set[str], validation: set[str], others: dict[str, int]
) -> None:
    assert divided(column, values) == (training, validation, others)


def test_values_that_are_asked_for() -> None:
    assert divided("fold", "0123", ["2", "3"]) == ({"0", "1"}, {"2", "3"}, {})
    assert divided("split", ["train", "val", "test"], ["val"]) == ({"train"}, {"val"}, {"test": 1})
    assert divided("split", ["train", "test"], ["test"]) == ({"train"}, {"test"}, {})


@pytest.mark.parametrize(
    ("values", "asked", "message"),
    [
        (["a", "b"], None, "does not tell which samples are trained and validated on: a, b. Say with value"),
        (["train"], None, "does not tell"),
        (["train", "val"], ["vall"], r"No sample has the value 'vall' in the column split. Did you mean val\?"),
        (["val"], ["val"], "does not tell"),
    ],
)
def test_values_that_do_not_tell(values: list[str], asked: list[str] | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        divided("split", values, asked)


def test_what_is_left_out_is_told() -> None:
    found = column_split("split", np.array(["train", "val", "test", "test"]))
    assert found.remark("split") == "2 samples are neither trained nor validated on, as split says: test (2)."
    assert column_split("split", np.array(["train", "val"])).remark("split") is None


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"a": ["1", "2"], "Split": ["train", "test"]}, ("Split", None)),
        ({"fold": ["0", "1", "2"]}, ("fold", ("0",))),
        ({"fold": ["1", "10", "2"]}, ("fold", ("1",))),
        ({"set": ["a", "b"]}, None),
        ({"fold": ["a", "b"]}, None),
        ({"kind": ["train", "test"]}, None),
        ({"fold": ["1", "2"], "split": ["train", "val"]}, ("split", None)),
    ],
)
def test_a_column_that_divides_a_table(columns: dict[str, list[str]], found: object) -> None:
    assert find_split_column(columns) == found
