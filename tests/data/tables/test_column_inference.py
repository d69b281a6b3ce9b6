"""The kind that each column gets, and why."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.errors import DataError
from tests.data.tables.tables import column, encoded, fitted

N = 60
ROWS = range(N)


def kind(cells: list[str], name: str = "a", **settings: object) -> tuple[str, str]:
    (found,) = fitted({name: cells}, **settings).columns
    return found.kind, found.facts.why


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([f"{n * 0.37:.2f}" for n in ROWS], ("number", "numbers")),
        ([f"{n % 20}" for n in ROWS], ("number", "numbers")),
        ([f"{n % 4}" for n in ROWS], ("category", "4 whole numbers, each of them often")),
        ([f"{n % 4}" if n < 50 else "9" for n in ROWS], ("category", "5 whole numbers, each of them often")),
        ([f"{n % 4}" if n < 59 else "9" for n in ROWS], ("number", "numbers")),
        ([f"{n % 2}" for n in ROWS], ("boolean", "two values")),
        ([("yes", "no")[n % 2] for n in ROWS], ("boolean", "two values")),
        ([f"{n % 7}%" for n in ROWS], ("number", "numbers")),
        (["7.0"] * N, ("drop", "always 7")),
        (["same"] * N, ("drop", "always 'same'")),
        ([""] * N, ("drop", "empty")),
        ([f"{n + 17}" for n in ROWS], ("drop", "counts the rows")),
        (["u" if n % 3 else "v" for n in ROWS], ("category", "words")),
        ([f"u{n}" for n in ROWS], ("key", "another word in most rows")),
        ([f"u{n % 40}" for n in ROWS], ("category", "words")),
        ([f"u{n % 46}" for n in ROWS], ("key", "another word in most rows")),
        ([f"0{n % 7}" for n in ROWS], ("category", "numbers with leading zeros")),
        ([f"2024-01-{n % 28 + 1:02d}" for n in ROWS], ("date", "dates")),
        ([f"a house with {n} rooms and a garden" for n in ROWS], ("text", "sentences that differ")),
    ],
)
def test_the_kind_by_the_cells(cells: list[str], found: tuple[str, str]) -> None:
    assert kind(cells) == found


NAMES_OF_KEYS = [
    "id",
    "ID",
    "customer_id",
    "PassengerId",
    "row.id",
    "index",
    "uuid",
    "uid",
    "userUid",
    "Identifier",
    "row_identifier",
]


@pytest.mark.parametrize("name", NAMES_OF_KEYS)
def test_different_whole_numbers_called_so_are_keys(name: str) -> None:
    cells = [str(n * 7919 % 10_007) for n in ROWS]
    assert kind(cells, name)[0] == "key"
    assert kind(cells, "paid")[0] == "number"


@pytest.mark.parametrize("repeated", [1, 6])
@pytest.mark.parametrize(("form", "what"), [("{}", "number"), ("0{}", "number"), ("A-{:060}", "code")])
def test_a_few_repetitions_do_not_let_a_key_in(form: str, what: str, repeated: int) -> None:
    cells = [form.format(max(n, repeated) * 7919 % 10_007 + 100) for n in ROWS]
    why = f"a {what} of its own in most rows ({N - repeated} of 60 differ), and called as one"
    assert kind(cells, "user_id") == ("key", why)
    assert kind(cells, "paid")[1] != why


def test_a_key_may_have_a_gap_and_words_among_its_numbers() -> None:
    cells = [str(n * 7919 % 10_007) for n in ROWS]
    assert kind([*cells[1:], ""], "id")[0] == kind(["x", "x", *cells[2:]], "id")[0] == "key"
    with pytest.raises(DataError, match="'x' is not a number"):
        kind(["x", "x", *cells[2:]], "paid")


def test_more_repetitions_and_fractions_are_learnt_from_whatever_the_name() -> None:
    assert kind([str(max(n, 7) * 7919 % 10_007) for n in ROWS], "id")[0] == "number"
    assert kind([f"{n * 0.37:.2f}" for n in ROWS], "price_index")[0] == "number"
    with pytest.raises(DataError, match="is not a number"):
        kind(["x", "x", *(f"{n * 0.37:.2f}" for n in ROWS[2:])], "price_index")


def test_an_experiment_that_says_nothing_of_columns_keeps_all_numbers() -> None:
    cells = {"same": ["7"] * N, "rows": [str(n) for n in ROWS], "few": [str(n % 3) for n in ROWS], "word": ["x"] * N}
    encoder = fitted(cells, drops_useless=False)
    assert [column.kind for column in encoder.columns] == ["number", "number", "number", "drop"]
    np.testing.assert_array_equal(encoded(encoder, cells), np.array([(7, n, n % 3) for n in ROWS], np.float32))


def test_a_listed_column_is_learnt_from_whatever_it_holds() -> None:
    cells = {"same": ["7"] * N, "rows": [str(n) for n in ROWS], "name": [f"u{n}" for n in ROWS]}
    encoder = fitted(cells, listed=frozenset(cells))
    assert [column.kind for column in encoder.columns] == ["number", "number", "category"]


def test_constants_with_gaps_say_something() -> None:
    assert kind(["7", ""] * 30)[0] == "number"
    assert kind(["same", ""] * 30)[0] == "category"


def test_only_the_rows_to_train_on_count() -> None:
    cells = [str(n % 4) if n < 40 else f"word {n}" for n in ROWS]
    (found,) = fitted({"a": cells}, rows=range(40)).columns
    assert (found.kind, found.facts.rows, found.facts.distinct) == ("category", 40, 4)


def test_row_numbers_are_seen_through_a_split() -> None:
    assert (
        fitted({"a": [str(n) for n in ROWS]}, rows=[0, 3, 5, 6, 11, 12, 30, 41, 42, 59]).columns[0].facts.why == "counts the rows"
    )


def test_day_and_month_are_never_guessed() -> None:
    cells = [f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2024" for n in ROWS]
    assert kind(cells) == (
        "drop",
        "dates such as 01/01/2024: does the day or the month come first? Set {date: {order: dmy}}, or mdy",
    )
    assert kind(cells, kinds={"a": {"date": {"order": "dmy"}}}) == ("date", "set")
    with pytest.raises(DataError, match="whether the day or the month comes first in '01/01/2024'"):
        kind(cells, kinds={"a": "date"})


@pytest.mark.parametrize("cells", [["1", "2", "x"], ["1.5", "2", "3", "$3"]])
def test_other_cells_among_numbers_are_refused_with_the_ways_out(cells: list[str]) -> None:
    with pytest.raises(DataError, match=r"column a: .* is not a number.*missing_values: \[.*data.columns: \{a: category\}"):
        kind(cells)


def test_the_number_of_other_cells_is_told_once() -> None:
    cells = [str(n) if n % 3 else f"x{n % 2}" for n in ROWS]
    with pytest.raises(DataError, match=r"'x0' is not a number \(and 19 more of 60 cells\)") as caught:
        kind(cells)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("number", "'u' is not a number"),
        ("boolean", "it is boolean, but has 3 different values"),
        ("date", "it is a date, but 'u' is none"),
    ],
)
def test_a_column_that_is_not_of_the_kind_that_is_set(written: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kind(["u", "v", "w"] * 20, kinds={"a": written})


def test_refused_gaps_are_counted() -> None:
    with pytest.raises(DataError, match=r"column a: 2 of 4 cells have no value, and missing is error"):
        kind(["1", "", "NA", "4"], kinds={"a": {"number": {"missing": "error"}}})


def test_a_column_of_text_that_begins_with_numbers_is_text() -> None:
    cells = [*(str(n) for n in range(5000)), *(f"w{n % 7}" for n in range(6000))]
    made = column("a", cells)
    assert made.text == cells
