"""Which column is the label, and when a person is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fittool.data.sources import CsvSource
from fittool.errors import DataError
from fittool.scaffold.label_choice import LabelChoice, choose_label
from fittool.scaffold.table_survey import look_at_table


def chosen(tmp_path: Path, head: str, row: str, **how: object) -> LabelChoice:
    """The label of a table whose rows are made of a pattern, in which N stands for the row's number."""
    path = tmp_path / "data.csv"
    path.write_text("\n".join([head, *(row.replace("N", str(n)).replace("M", str(n % 3)) for n in range(30))]) + "\n")
    _, table, _ = CsvSource(str(path)).look(path)
    return choose_label(table, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "row", "label"),
    [
        ("a,target,b", "M,M,M", "target"),
        ("a,CLASS,b", "M,xM,M", "CLASS"),
        ("class,target,b", "M,M,M", "target"),
        ("x,y,z", "M,M,wM", "z"),
        ("x,y", "M,M", "y"),
        ("a,what,id", "M,wM,M", "what"),
        ("a,what,row", "M,wM,N", "what"),
        ("a,what,counts", "M,wM,N", "what"),
        ("a,what,note", "M,wM,note N", "what"),
        ("a,what,empty", "M,wM,", "what"),
        ("a,what,same", "M,wM,same", "what"),
        ("a,what,same", "M,wM,5", "what"),
        ("a,what,gaps", "M,wM,NA", "what"),
        ("a,b,what", "M,0.N,0.N", "what"),
    ],
)
def test_the_column_that_is_most_likely_meant(tmp_path: Path, head: str, row: str, label: str) -> None:
    assert chosen(tmp_path, head, row).names == (label,)


def test_a_column_with_a_gap_may_be_the_label_and_one_with_many_is_not(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(
        "a,b,c,d\n" + "".join(f"{n},{n % 3},{'' if n == 7 else n % 4},{('None', 'Some')[n % 2]}\n" for n in range(30))
    )
    _, table, _ = CsvSource(str(path)).look(path)
    assert choose_label(table, ["d"]).names == ("c",)
    assert choose_label(table).names == ("d",)


def test_what_is_plain_is_not_asked(tmp_path: Path) -> None:
    def ask(question: str, answers: Sequence[str], guess: str) -> str:
        raise AssertionError(question)

    assert chosen(tmp_path, "a,label,b", "M,M,M", ask=ask).names == ("label",)
    assert chosen(tmp_path, "id,what", "N,wM", ask=ask) == LabelChoice(("what",))


def test_what_is_not_plain_is_asked_with_a_guess(tmp_path: Path) -> None:
    heard: list[object] = []

    def ask(question: str, answers: Sequence[str], guess: str) -> str:
        heard.extend([list(answers), guess])
        return "a"

    assert chosen(tmp_path, "a,b,c", "M,M,M", ask=ask) == LabelChoice(("a",))
    assert heard == [["a", "b", "c"], "c"]


def test_without_anybody_to_ask_the_guess_is_told(tmp_path: Path) -> None:
    choice = chosen(tmp_path, "a,b,c", "M,M,M")
    assert (choice.names, "--label names another" in choice.doubt) == (("c",), True)


def test_a_table_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No column looks like a label: all are row numbers, dates, empty"):
        chosen(tmp_path, "id,note", "N,note N")


def test_an_answer_is_what_is_learnt(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,c\n" + "1.5,u,3\n2.5,v,4\n" * 20)
    survey = look_at_table(str(path), ask=lambda question, answers, guess: "b")
    assert survey.source.label == ["b"]  # type: ignore[attr-defined]
    assert survey.task.classes == {"u": 20, "v": 20}
