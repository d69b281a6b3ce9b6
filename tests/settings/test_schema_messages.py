"""Every kind of complaint that pydantic can make has a sentence of ours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError, create_model

from fittool.settings import Boolean, Field, Integer, Number, Pair, Text
from fittool.settings.complaints import Sentence, Subject, sentences
from fittool.settings.messages import RULES, WRONG_KIND, literals, one_of


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("Value is even")
    return value


def _asserts(value: int) -> int:
    raise AssertionError("must be something else")


CASES: list[tuple[str, Any, Any, str]] = [
    ("int_type", Integer, "x", 'must be a whole number, got the text "x".'),
    ("int_from_float", int, 1.5, "must be a whole number, got 1.5."),
    ("float_type", Number, True, "must be a number, got true."),
    ("bool_type", Boolean, "on", 'must be true or false, got the text "on". Write true or false.'),
    ("string_type", Text, 1.5, "must be text, got 1.5. Put it in quotes."),
    ("list_type", list[Text], "a", 'must be a list, got the text "a". Write [a].'),
    ("tuple_type", tuple[int, int], "a", 'must be a list, got the text "a".'),
    ("pair_form", Pair, "a", 'must be a whole number, or two for height and width, got the text "a".'),
    ("dict_type", dict[str, int], 1, "must be a mapping, got 1."),
    ("none_required", None, 1, "must be null, got 1."),
    ("literal_error", Literal["a", 1], "b", 'must be a or 1, got the text "b".'),
    ("greater_than", Annotated[Number, Field(gt=0)], 0, "must be greater than 0, got 0."),
    ("greater_than_equal", Annotated[Integer, Field(ge=1)], -5, "must be at least 1, got -5."),
    ("less_than", Annotated[Number, Field(lt=1)], 1.0, "must be less than 1, got 1.0."),
    ("less_than_equal", Annotated[Number, Field(le=0.5)], 1, "must be at most 0.5, got 1."),
    ("multiple_of", Annotated[Integer, Field(multiple_of=8)], 9, "must be a multiple of 8, got 9."),
    ("finite_number", Annotated[float, Field(allow_inf_nan=False)], float("inf"), "must be a finite number, got inf."),
    ("string_too_short", Annotated[Text, Field(min_length=1)], "", 'must not be empty, got the text "".'),
    ("string_too_long", Annotated[Text, Field(max_length=1)], "ab", 'must have at most 1 characters, got the text "ab".'),
    ("string_pattern_mismatch", Annotated[Text, Field(pattern="^a$")], "b", 'must match the pattern ^a$, got the text "b".'),
    ("too_short", Annotated[list[int], Field(min_length=2)], [1], "must have at least 2 items, not 1."),
    ("too_long", Annotated[dict[str, int], Field(max_length=1)], {"a": 1, "b": 2}, "must have at most 1 entry."),
    ("value_error", Annotated[int, AfterValidator(_odd)], 2, "is not valid: value is even, got 2."),
    ("assertion_error", Annotated[int, AfterValidator(_asserts)], 2, "must be something else, got 2."),
]  # fmt: skip


def told(error: ValidationError, value: Any) -> Sentence:
    """The one sentence for what is wrong with `x`."""
    (one,) = sentences(error.errors(), Subject(int, {"x": value}))
    return one


def complaint(annotation: Any, value: Any) -> tuple[str, str]:
    """Pydantic's kind of error for a value, and our sentence."""
    model: type[BaseModel] = create_model("Model", x=(annotation, ...))
    with pytest.raises(ValidationError, match="1 validation error") as caught:
        TypeAdapter(model).validate_python({"x": value})
    return caught.value.errors()[0]["type"], told(caught.value, value).text


@pytest.mark.parametrize(("kind", "annotation", "value", "sentence"), CASES, ids=[case[0] for case in CASES])
def test_sentence(kind: str, annotation: Any, value: Any, sentence: str) -> None:
    assert complaint(annotation, value) == (kind, f"x {sentence}")


def test_no_rule_is_without_a_case() -> None:
    elsewhere = {"dataclass_type"}  # in test_spec_problems
    assert set(WRONG_KIND) | set(RULES) <= {case[0] for case in CASES} | elsewhere


def test_literals_read_as_a_sentence() -> None:
    assert one_of(literals("'auto', 0 or 'it'")) == "auto, 0 or it"


def test_forms_of_a_union_are_told_together() -> None:
    model: type[BaseModel] = create_model("Model", x=(Integer | Literal["auto"], ...))
    with pytest.raises(ValidationError, match="2 validation errors") as caught:
        TypeAdapter(model).validate_python({"x": "aut"})
    assert told(caught.value, "aut").text == 'x must be a whole number or auto, got the text "aut". Did you mean auto?'


def test_a_broken_limit_says_more_than_the_other_forms_of_a_union() -> None:
    model: type[BaseModel] = create_model("Model", x=(Annotated[Integer, Field(ge=1)] | Literal["auto"], ...))
    with pytest.raises(ValidationError, match="2 validation errors") as caught:
        TypeAdapter(model).validate_python({"x": 0})
    assert told(caught.value, 0).text == "x must be at least 1, got 0."
