"""Labels in the form that class_mode asks for."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.targets import Targets, from_names, from_numbers, no_targets
from fittool.errors import DataError, ExperimentError

ALL = np.arange(3)


def taken(targets: Targets) -> np.ndarray:
    (array,) = targets.take(ALL[: 3 if targets.values is None else len(targets.values)], ())
    return array


def named(names: list[str], class_mode: str = "sparse", known: tuple[str, ...] | None = None) -> Targets:
    return from_names(names, class_mode, known, "data.csv:{}".format, "column species")  # type: ignore[arg-type]


def test_names_become_sorted_class_numbers() -> None:
    targets = named(["dog", "cat", "dog"])
    assert targets.class_names == ("cat", "dog")
    assert taken(targets).tolist() == [1, 0, 1]
    assert taken(targets).dtype == np.int64


def test_validation_takes_the_numbers_of_training() -> None:
    assert taken(named(["dog", "dog"], known=("ant", "cat", "dog"))).tolist() == [2, 2]


@pytest.mark.parametrize("written", [("true", "false"), ("TRUE", "FALSE"), ("True", "False")])
def test_truth_is_one_class_however_it_is_written(written: tuple[str, str]) -> None:
    assert taken(named(list(written), known=("False", "True"))).tolist() == [1, 0]


def test_other_names_are_as_they_are_written() -> None:
    with pytest.raises(DataError, match=r"no class 'YES'\. Did you mean yes\?"):
        named(["YES"], known=("no", "yes"))


def test_a_class_that_training_does_not_know_is_named_with_its_place() -> None:
    with pytest.raises(DataError, match=r"data.csv:1: The training data have no class 'doog'. Did you mean dog\?"):
        named(["cat", "doog"], known=("cat", "dog"))


def test_categorical_gives_one_hot_rows() -> None:
    rows = taken(named(["b", "a", "b"], "categorical"))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_binary_gives_a_column_of_0_and_1() -> None:
    column = taken(named(["b", "a", "b"], "binary"))
    assert column.dtype == np.float32
    assert column.tolist() == [[1], [0], [1]]


def test_binary_needs_two_classes() -> None:
    with pytest.raises(DataError, match=r"binary needs two classes, but column species gives 3 classes \(a, b, c\)"):
        named(["a", "b", "c"], "binary")


def test_input_gives_back_the_very_inputs() -> None:
    inputs = (np.zeros((3, 2)),)
    assert no_targets("input").take(ALL, inputs) is inputs


def test_null_gives_none() -> None:
    assert no_targets(None).take(ALL, (np.zeros((3, 2)),)) == ()


def test_auto_leaves_numbers_as_they_are() -> None:
    assert taken(from_numbers(np.array([3, -1, 7]), "auto", None, "y")).tolist() == [3, -1, 7]
    assert taken(from_numbers(np.array([0.5]), "auto", None, "y")).dtype == np.float32


def test_auto_knows_no_classes() -> None:
    assert from_numbers(np.array([0, 1]), "auto", None, "y").labels is None


def test_whole_floats_and_columns_are_classes() -> None:
    targets = from_numbers(np.array([[0.0], [2.0]]), "sparse", None, "y")
    assert taken(targets).tolist() == [0, 1]
    assert targets.class_names == ("0", "2")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0, 1.5, 2.5], r"a.npz: y\[1\] is 1.5 \(and 1 more\), but class numbers must be whole numbers. For regression"),
        ([np.nan], r"NaN or infinite, the first at y\[0\]"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels: list[float], text: str) -> None:
    with pytest.raises(DataError, match=text):
        from_numbers(np.array(labels), "sparse", None, "a.npz: y")


def test_a_class_number_beyond_those_of_training_is_refused() -> None:
    with pytest.raises(DataError, match=r"y\[1\] is 2, but class numbers must be 0 to 1, as in the training data"):
        from_numbers(np.array([0, 2]), "sparse", ("0", "1"), "y")


def test_one_hot_rows_need_class_mode_categorical() -> None:
    with pytest.raises(DataError, match=r"shape \(3, 3\), but class_mode: sparse.*use class_mode: categorical"):
        from_numbers(np.eye(3), "sparse", None, "y")


def test_one_hot_rows_are_taken_as_they_are() -> None:
    targets = from_numbers(np.eye(3), "categorical", None, "y")
    np.testing.assert_array_equal(taken(targets), np.eye(3))
    assert targets.labels is not None
    assert targets.labels.tolist() == [0, 1, 2]


def test_several_answers_of_yes_or_no_are_binary() -> None:
    assert taken(from_numbers(np.array([[0, 1], [1, 1]]), "binary", None, "y")).tolist() == [[0, 1], [1, 1]]


def test_rows_outside_of_0_to_1_are_refused() -> None:
    with pytest.raises(DataError, match=r"y\[0, 1\] is 7, but class_mode: categorical needs numbers from 0 to 1"):
        from_numbers(np.array([[0, 7]]), "categorical", None, "y")


def test_rows_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(2, 2\), but class_mode: categorical needs \(samples, 3\)"):
        from_numbers(np.eye(2), "categorical", ("a", "b", "c"), "y")


def test_text_in_an_array_is_class_names() -> None:
    assert from_numbers(np.array(["b", "a"]), "sparse", None, "y").class_names == ("a", "b")


def test_text_is_the_numbers_that_it_spells_where_the_loss_takes_numbers() -> None:
    targets = from_numbers(np.array(["1.5", " -2 ", "7"]), "auto", None, "y")
    assert (targets.class_names, targets.take(np.arange(3), ())[0].tolist()) == (None, [1.5, -2, 7])
    with pytest.raises(ExperimentError, match=r"y\[1\] is 'cat', but the loss needs numbers"):
        from_numbers(np.array(["1", "cat"]), "auto", None, "y")


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(DataError, match=r"y\[1\] is b'\\xff', which is not UTF-8"):
        from_numbers(np.array([b"a", b"\xff"]), "sparse", None, "y")
