"""Several labels in one cell."""

from __future__ import annotations

import pytest

from fittool.data.formats.tags import from_tags, separator_in, tags_of
from fittool.errors import DataError, ExperimentError


@pytest.mark.parametrize(
    ("cell", "separator", "tags"),
    [
        ("beach sunset", " ", ("beach", "sunset")),
        ("  beach   sunset ", " ", ("beach", "sunset")),
        ("beach, sunset,", ",", ("beach", "sunset")),
        ("beach;beach", ";", ("beach",)),
        ("", ",", ()),
    ],
)
def test_labels_in_a_cell(cell: str, separator: str, tags: tuple[str, ...]) -> None:
    assert tags_of(cell, separator) == tags


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["a", "b", "a b"], " "),
        (["a,b", "b,c", "a,c"], ","),
        (["a b, c", "c, a b", "c", "a b"], ","),
        (["haze primary", "clear primary water", "clear haze", "water clear primary", "primary"], " "),
        (["cat", "dog"], None),
        (["golden retriever", "labrador retriever", "irish setter"], None),
        (["new york", "new jersey", "york"], None),
        ([], None),
    ],
)
def test_what_separates_them(cells: list[str], separator: str | None) -> None:
    assert separator_in(cells) == separator


def test_rows_of_ones_in_the_order_of_the_names() -> None:
    targets = from_tags(["b a", "", "c"], " ", "binary", None, str, "column tags")
    assert targets.class_names == ("a", "b", "c")
    assert targets.values is not None
    assert targets.values.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert targets.labels is None


def test_the_classes_of_training_decide() -> None:
    targets = from_tags(["a"], " ", "binary", ("b", "a"), str, "column tags")
    assert targets.values is not None
    assert targets.values.tolist() == [[0, 1]]
    with pytest.raises(DataError, match=r"1: column tags: the training data have no label 'x'"):
        from_tags(["a", "x"], " ", "binary", ("b", "a"), str, "column tags")


def test_no_label_at_all() -> None:
    with pytest.raises(DataError, match="column tags holds no label"):
        from_tags([" "], " ", "binary", None, str, "column tags")


def test_one_class_a_sample_has_no_room() -> None:
    with pytest.raises(ExperimentError, match="Use binary_crossentropy, and sigmoid"):
        from_tags(["a"], " ", "sparse", None, str, "column tags")
