"""Tables of features or of image paths; every error with its line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittool.data.formats.reading import Reading
from fittool.data.sources import CsvSource, SourceContext
from fittool.errors import DataError, ExperimentError

SPARSE = SourceContext(class_mode="sparse")
PLANTS = "height,width,kind\n1.5,2,rose\n-3e-1,.5,oak\n+4,1.,rose\n"


def written(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def opened(tmp_path: Path, content: str | bytes, context: SourceContext = SPARSE, **arguments: object) -> Any:
    return CsvSource(path=written(tmp_path, content), **({"label": "kind"} | arguments)).open(context)  # type: ignore[arg-type]


def test_features_and_class_names(tmp_path: Path) -> None:
    dataset = opened(tmp_path, PLANTS)
    np.testing.assert_array_equal(dataset.inputs[0], np.array([[1.5, 2], [-0.3, 0.5], [4, 1]], np.float32))
    assert dataset.targets[0].tolist() == [1, 0, 1]
    assert dataset.class_names == ("oak", "rose")
    assert dataset.feature_names == ("height", "width")
    assert dataset.describe(1).endswith("data.csv:3")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PLANTS.encode(),
        PLANTS.replace("\n", "\r\n"),
        PLANTS.replace("\n", "\r"),
        PLANTS.rstrip(),
        PLANTS + "\n\n",
    ],
    ids=["mark", "crlf", "cr", "no end", "blank lines"],
)
def test_the_same_table_in_other_clothes(tmp_path: Path, content: str | bytes) -> None:
    dataset = opened(tmp_path, content)
    assert dataset.feature_names == ("height", "width")
    assert dataset.inputs[0].shape == (3, 2)
    assert dataset.class_names == ("oak", "rose")


def test_features_can_be_chosen(tmp_path: Path) -> None:
    assert opened(tmp_path, PLANTS, features="width").inputs[0].tolist() == [[2], [0.5], [1]]


def test_columns_of_text_are_features_for_each_word(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "a,note,kind\n1,x,0\n2,y,1\n")
    assert dataset.feature_names == ("a", "note")
    assert dataset.inputs[0].tolist() == [[1, 1, 0], [2, 0, 1]]


def test_validation_takes_the_columns_of_training(tmp_path: Path) -> None:
    context = SourceContext(class_mode="sparse", class_names=("ash", "oak", "rose"), feature_names=("width", "height"))
    dataset = opened(tmp_path, PLANTS, context)
    assert dataset.inputs[0][0].tolist() == [2, 1.5]
    assert dataset.targets[0].tolist() == [2, 1, 2]


def test_a_class_unknown_to_training_is_named_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: The training data have no class 'oak'"):
        opened(tmp_path, PLANTS, SourceContext(class_mode="sparse", class_names=("ash", "rose")))


def test_number_labels_are_class_numbers_or_numbers(tmp_path: Path) -> None:
    content = "a,kind\n1,0\n2,2\n"
    classes = opened(tmp_path, content)
    assert (classes.class_names, classes.targets[0].tolist()) == (("0", "2"), [0, 1])
    plain = opened(tmp_path, content, SourceContext())
    assert plain.class_names is None
    assert plain.targets[0].tolist() == [0, 2]


def test_a_loss_that_ignores_a_label_has_class_numbers_as_they_stand(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "a,kind\n1,0\n2,2\n", SourceContext(class_mode="sparse", numbered_labels=True))
    assert (dataset.class_names, dataset.targets[0].tolist()) == (("0", "1", "2"), [0, 2])


def test_a_regression_has_float_targets(tmp_path: Path) -> None:
    assert opened(tmp_path, "a,kind\n1,0.5\n2,2\n", SourceContext()).targets[0].dtype == np.float32


def test_fractions_are_no_class_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column kind is 2.5, but class numbers must be whole"):
        opened(tmp_path, "a,kind\n1,0\n2,2.5\n")


def test_several_labels_are_rows_of_targets(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "a,u,v\n1,2,3\n4,5,6\n", SourceContext(), label=["v", "u"])
    assert dataset.targets[0].tolist() == [[3, 2], [6, 5]]
    assert dataset.feature_names == ("a",)


def test_weights(tmp_path: Path) -> None:
    dataset = opened(tmp_path, "a,w,kind\n1,0.5,0\n2,2,1\n", weight="w")
    assert dataset.sample_weight.tolist() == [0.5, 2]
    assert dataset.feature_names == ("a",)


def test_a_negative_weight_is_named_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column w: -2 is below 0"):
        opened(tmp_path, "a,w,kind\n1,0.5,0\n2,-2,1\n", weight="w")


def test_another_delimiter(tmp_path: Path) -> None:
    assert opened(tmp_path, PLANTS.replace(",", ";"), delimiter=";").feature_names == ("height", "width")


def test_mixed_names_of_classes_may_hold_digits(tmp_path: Path) -> None:
    assert opened(tmp_path, "a,kind\n1,7\n2,B\n3,8\n").class_names == ("7", "8", "B")


@pytest.mark.parametrize("cell", ["1,5", "$3", "٣", "1_000", "inf", "0x1F", "1e", "1/255", "5%", "true"])
def test_only_forms_of_numbers_are_numbers(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column a: .* is not a number"):
        opened(tmp_path, f'a,kind\n1.5,0\n"{cell}",1\n')


def test_a_number_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:2: column a: '1e400' is too large for float32"):
        opened(tmp_path, "a,kind\n1e400,0\n1,1\n")


def test_ragged_rows_are_told_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        opened(tmp_path, "a,b,kind\n1,2\n1,2,3\n1,2,3,4\n")
    assert [str(problem).rpartition("/")[2] for problem in caught.value.problems] == [
        "data.csv:2: 2 fields, expected 3",
        "data.csv:4: 4 fields, expected 3",
    ]


def test_a_first_line_unlike_all_others_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"data.csv:1: The first line has 2 fields, but all rows below have 4. Remove it"
    ) as caught:
        opened(tmp_path, "569,malignant\n" + "1,2,3,x\n" * 30)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("names", ["1 2 3 4", "u v w x", '"u a" "v b" "w c" "x d"'])
def test_names_of_rows_as_r_writes_them(tmp_path: Path, names: str) -> None:
    cells = names.split() if '"' not in names else ['"u a"', '"v b"', '"w c"', '"x d"']
    rows = "".join(f"{name} {number}.5  {number + 1} {'ab'[number % 2]} \n" for number, name in enumerate(cells))
    dataset = opened(tmp_path, f'"height" "width" "kind"\n{rows}')
    assert (dataset.feature_names, dataset.inputs[0][1].tolist()) == (("height", "width"), [1.5, 2])
    assert dataset.reading.left_out == (("a column without a name", "perhaps row numbers"),)


def test_a_number_more_in_each_row_is_no_name_of_a_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:1: The first line has 2 fields, but all rows below have 3"):
        opened(tmp_path, "height,kind\n" + "1.5,2,a\n2.5,3,b\n3.5,4,a\n")


def test_the_first_20_problems_are_told(tmp_path: Path) -> None:
    lengths = "".join(",".join("x" * count) + "\n" for count in range(3, 33))
    with pytest.raises(DataError, match="these are the first 20") as caught:
        opened(tmp_path, f"a,kind\n1,x\n{lengths}")
    assert len(caught.value.problems) == 21


def test_rows_of_one_other_length_are_told_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        opened(tmp_path, "a,kind\n1,x\n2\n3,y\n4,y,z\n5\n6\n")
    (short, long) = caught.value.problems
    assert str(short).endswith("data.csv:3: 1 field, expected 2 (and so in 2 more: lines 6, 7)")
    assert str(long).endswith("data.csv:5: 3 fields, expected 2")


def test_percentages_to_predict_are_told_and_held_against_other_files(tmp_path: Path) -> None:
    learnt = opened(tmp_path, "a,kind\n1,12%\n2,50%\n", SourceContext())
    np.testing.assert_allclose(learnt.targets[0], [0.12, 0.5])
    assert "read with kind in percent (12.5% is 0.125)" in learnt.reading.told(None)
    again = Reading.of(learnt.reading.plain())
    known = SourceContext(reading=again, feature_names=("a",))
    np.testing.assert_allclose(opened(tmp_path, "a,kind\n1,7%\n", known).targets[0], [0.07])
    with pytest.raises(DataError, match=r"column kind: it holds numbers, but .* percentages such as 12.5%. Write both alike."):
        opened(tmp_path, "a,kind\n1,7\n", known)


def test_percentages_are_no_numbers_of_other_rows(tmp_path: Path) -> None:
    learnt = opened(tmp_path, "a,kind\n1,x\n2,y\n")
    known = replace(SPARSE, reading=Reading.of(learnt.reading.plain()), feature_names=("a",))
    with pytest.raises(DataError, match="column a: '7%' is not a number as the others of this column are"):
        opened(tmp_path, "a,kind\n1,x\n7%,x\n3,x\n", known)


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "-", "?", "NULL"])
def test_a_gap_gets_the_median_and_an_indicator(tmp_path: Path, cell: str) -> None:
    dataset = opened(tmp_path, f"a,kind\n1,0\n{cell},1\n4,1\n")
    assert dataset.inputs[0].tolist() == [[1, 0], [2.5, 1], [4, 0]]


def test_a_run_that_learnt_from_numbers_alone_refuses_gaps_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column a: the cell has no value, and gaps are not allowed there"):
        opened(tmp_path, "a,kind\n1,0\n,1\n", SourceContext(class_mode="sparse", feature_names=("a",)))


def test_lines_are_counted_through_quoted_breaks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:5: column a: 'x' is not a number"):
        opened(tmp_path, 'a,kind\n1,"two\nlines"\n2,b\nx,c\n')


def test_a_quote_that_is_never_closed_names_its_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: A quote that opens in this row is never closed"):
        opened(tmp_path, 'a,kind\n1,b\n2,"c\n3,d\n')


def test_a_cell_that_is_too_long_names_its_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: A cell is longer than 16,000,000 characters"):
        opened(tmp_path, f"a,kind\n1,b\n2,{'c' * 17_000_000}\n")


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:2: The line has more than 67,108,863 characters"):
        opened(tmp_path, "a,kind\n" + "1" * 70_000_000)


def test_a_long_cell_of_text_is_read_and_pythons_limit_stays(tmp_path: Path) -> None:
    dataset = opened(tmp_path, f"a,kind,note\n1,b,x\n2,c,{'c' * 200_000}\n")
    assert (dataset.feature_names, csv.field_size_limit()) == (("a", "note"), 131_072)


@pytest.mark.parametrize("damage", [b"\xc3\xbc\n3,\xe9\n", b"\xe9\0\n", b"\xe9\x81\n"], ids=["letters", "NUL", "no letter"])
def test_a_byte_that_is_no_utf8_is_named_by_line(tmp_path: Path, damage: bytes) -> None:
    with pytest.raises(
        DataError, match=r"data.csv:[34]: Byte 1[38] \(0xe9\) is no UTF-8. Save the file as UTF-8, or set encoding"
    ):
        opened(tmp_path, b"a,kind\n1,b\n2," + damage)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "data.csv:1: The file is empty"),
        ("a,kind\n", "data.csv:1: The file holds names of columns, but no rows"),
        ("1,2\n3,4\n", "data.csv:1: There is no column kind. The first line is no header, so the columns are 0 to 1"),
        ("a,b,a,kind\n1,2,3,4\n", "data.csv:1: The column name 'a' stands at positions 1 and 3"),
        ("note,kind\nx,1\n", r"no column to learn from beside the labels; left out: note \(always 'x'\)"),
    ],
)
def test_heads_that_are_wrong(tmp_path: Path, content: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        opened(tmp_path, content)


def test_a_missing_column_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no column Kinds. Did you mean kind\?"):
        opened(tmp_path, PLANTS, label="Kinds")


def test_another_delimiter_is_guessed_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Is the delimiter ';'\?"):
        opened(tmp_path, PLANTS.replace(",", ";"), delimiter=",")


def test_a_mark_for_a_missing_label_is_refused_among_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column kind: 'NA' stands for a missing value"):
        opened(tmp_path, "a,kind\n1,0\n2,NA\n", SourceContext(class_mode="sparse", on_missing_label="error"))


@pytest.mark.parametrize(
    "rows", ["1,0\n2,NA\n3,1\n", "1,u\n2,\n3,v\n", "1,u\nNA,v\n2,NA\n"], ids=["number", "empty", "as beside"]
)
def test_a_row_without_a_label_is_left_out_and_told(tmp_path: Path, rows: str) -> None:
    dataset = opened(tmp_path, f"a,kind\n{rows}")
    assert (len(dataset), len(dataset.class_names)) == (2, 2)
    assert dataset.describe(1).endswith("data.csv:4" if "NA,v" not in rows else "data.csv:3")
    assert dataset.reading.dropped == "1 row without kind left out"


def test_a_word_that_stands_for_gaps_nowhere_else_is_a_class(tmp_path: Path) -> None:
    assert opened(tmp_path, "a,kind\n1,u\n2,NA\n").class_names == ("NA", "u")


def test_no_label_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:2: column kind: no row has a label"):
        opened(tmp_path, "a,kind\n1,\n2,\n")


def test_text_among_fractions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:3: column kind: 'high' is not a number"):
        opened(tmp_path, "a,kind\n1,0.5\n2,high\n", SourceContext())


@pytest.mark.parametrize("mode", ["auto", "categorical"])
def test_several_labels_of_text_are_each_told_at_its_column(tmp_path: Path, mode: Any) -> None:
    with pytest.raises(DataError, match=r"data\.csv:2: column kind: text such as 'u'") as raised:
        opened(tmp_path, "a,kind,size,c\n1,u,small,0\n2,v,large,1\n", SourceContext(class_mode=mode), label=["kind", "size", "c"])
    assert [problem.text.partition(":")[0] for problem in raised.value.problems] == ["column kind", "column size"]


def test_a_label_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="csv: label is missing"):
        opened(tmp_path, PLANTS, label=None)


def test_no_label_is_needed_for_targets_that_are_the_inputs(tmp_path: Path) -> None:
    dataset = opened(tmp_path, PLANTS, SourceContext(class_mode="input"), label=None)
    assert dataset.targets is dataset.inputs


def test_image_paths_begin_beside_the_table_or_at_root(tmp_path: Path) -> None:
    for folder, value in ((".", 3), ("pictures", 7)):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("L", (2, 2), value).save(tmp_path / folder / "1.png")
    context = SourceContext(base_directory=tmp_path, color_mode="grayscale", class_mode="sparse")
    content = "file,kind\n1.png,a\n1.png,b\n"
    assert opened(tmp_path, content, context, image="file").load(np.array([1]))[0][0].ravel().tolist() == [3] * 4
    rooted = opened(tmp_path, content, context, image="file", root="pictures")
    (x,), (y,), _ = rooted.load(np.array([1]))
    assert x.ravel().tolist() == [7] * 4
    assert y.tolist() == [1]
    assert not rooted.grouped_by_class


def test_missing_images_are_named_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.csv:2: column file: there is no file .*1.png") as caught:
        opened(tmp_path, "file,kind\n1.png,a\n2.png,b\n", image="file")
    assert len(caught.value.problems) == 2


def test_text_for_a_loss_of_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"data.csv:2: column kind is 'rose', but the loss needs numbers"):
        opened(tmp_path, PLANTS, SourceContext())
    with pytest.raises(DataError, match=r"data.csv:3: column kind: 'two' is not a number"):
        opened(tmp_path, "a,kind\n1,1.5\n2,two\n", SourceContext())


@pytest.mark.parametrize(
    ("cell", "mend"),
    [
        ("0,5", r"Write 0\.5\. If all are written so, set decimal: ','\."),
        ("1.000,5", r"Write 1000\.5\. If all are written so, set decimal: ','\."),
        ("1 000", r"Write 1000\. If all are written so, set thousands: ' '\."),
        ("1,381", r"Is the comma a thousands separator\? Write 1381, or set thousands: ','\. For 1\.381 set decimal: ','\."),
    ],
)
def test_a_cell_in_another_form_of_numbers_says_how_to_write_it(tmp_path: Path, cell: str, mend: str) -> None:
    with pytest.raises(DataError, match=rf"data.csv:2: column b: .* is not a number. {mend}"):
        opened(tmp_path, f'a,b,kind\n1,"{cell}",x\n2,2.5,y\n', decimal=".", thousands="")


def test_a_line_break_between_digits_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column a: '1\\n2' is not a number"):
        opened(tmp_path, 'a,b,kind\n"1\n2",3,x\n4,5,y\n', features=["a", "b"])


def test_rows_with_the_same_picture_keep_their_own_groups(tmp_path: Path) -> None:
    for name in ("same", "p", "q"):
        Image.new("L", (2, 2)).save(tmp_path / f"{name}.png")
    written(tmp_path, "file,kind,who\nsame.png,x,ann\np.png,y,ann\nsame.png,x,bob\nq.png,y,bob\n")
    source = CsvSource(path=str(tmp_path / "data.csv"), image="file", label="kind")
    assert source.groups("who", source.open(SPARSE), SPARSE).tolist() == ["ann", "ann", "bob", "bob"]


def test_a_remote_table_of_images_needs_a_root(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    written(tmp_path, "file,kind\np.png,x\n")
    with pytest.raises(ExperimentError, match="csv: root is missing"):
        CsvSource(path=f"file://{tmp_path}/data.csv", image="file", label="kind").open(SPARSE)


@pytest.mark.parametrize("last", ["x", "1,5,", "195,."])
def test_a_long_column_of_whole_numbers_with_one_other_cell_is_told_at_once(tmp_path: Path, last: str) -> None:
    rows = "".join(f"{195 + row % 10},{row % 2}\n" for row in range(5000))
    with pytest.raises(DataError, match=r"data\.csv:5002: column a: "):
        opened(tmp_path, f'a,kind\n{rows}"{last}",1\n')


def calls(path: Path) -> int:
    """How many functions are called, in Python and in C, to open a table."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    source = CsvSource(path=str(path), label="kind")  # type: ignore[arg-type]
    source.open(SPARSE)
    sys.setprofile(see)
    try:
        source.open(SPARSE)
    finally:
        sys.setprofile(None)
    return count


def columns(count: int) -> str:
    """A table of two rows."""
    cells = "1.5," * count
    return "".join(f"c{number}," for number in range(count)) + f"kind\n{cells}u\n2{cells[3:]}v\n"


@pytest.mark.parametrize(
    "table",
    [
        lambda size: "a,b,kind\n" + "".join(f"{row},{'NA' if row % 7 else 'x'},{'uv'[row % 2]}\n" for row in range(100 * size)),
        lambda size: "a,b,kind\n" + "".join(f"{row},word{row},{'uv'[row % 2]}\n" for row in range(100 * size)),
        lambda size: "a;b;kind\n" + "".join(f"{row};{row % 9},5;{'uv'[row % 2]}\n" for row in range(100 * size)),
        lambda size: "a,kind\n" + "".join(f"{row % 9},{row}\n" for row in range(100 * size)),
        lambda size: "a,kind\n" + "".join(f"{row % 9},{row},\n" for row in range(100 * size)).replace(",\n", "x\n"),
        lambda size: columns(100 * size),
    ],
    ids=["rows with gaps", "rows of text", "rows with decimal commas", "labels of numbers", "labels of text", "columns"],
)
def test_opening_takes_as_many_calls_as_the_table_is_large(tmp_path: Path, table: Callable[[int], str]) -> None:
    counts = []
    for size in (4, 8, 16):
        path = tmp_path / "data.csv"
        path.write_text(table(size))
        counts.append(calls(path))
    assert counts[2] - counts[1] < 2.2 * (counts[1] - counts[0]) + 100
