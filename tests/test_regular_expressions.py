"""No regular expression goes back and forth over its text: the steps of matching grow as the text does, and no faster."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from backtracking import Machine, TooManyStepsError, matched, near_matches, steps

from fittool.data.formats import number_forms
from fittool.runs.listing import curve

PACKAGE = Path(__file__).parents[1] / "fittool"
SEARCHES = ("search", "sub", "subn", "findall", "finditer", "split")
BY_USERS = {"data/sources/folder.py": 1, "nn/optimizers.py": 2, "model/checks/optimizers.py": 1}
"""Expressions that users write in their own experiments, which nobody can hold to anything."""
MADE = {"data/formats/number_parsing.py": 2, "runs/listing/curve.py": 1}
"""Expressions that are put together for each form of numbers, and for the name of a value."""
FORMS = ("compile", "match", "fullmatch", *SEARCHES)


def expressions() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Each expression of the package, with where it stands and whether it is searched for anywhere in a text."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "re." not in text:
            continue
        name, inline = path.relative_to(PACKAGE).as_posix(), 0
        for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "re" and call.func.attr in FORMS:
                inline += 1
                if call.func.attr != "compile" and isinstance(call.args[0], ast.Constant):
                    yield f"{name}:{call.lineno}", re.compile(call.args[0].value), call.func.attr in SEARCHES
        if inline:
            module = importlib.import_module("fittool." + name.removesuffix(".py").replace("/", "."))
            for key, value in vars(module).items():
                if isinstance(value, re.Pattern) and re.search(rf"^{key} = ", text, re.MULTILINE):
                    yield f"{name}: {key}", value, any(f"{key}.{method}(" in text for method in SEARCHES)


def of_numbers() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Those of one number and of a column of numbers in each form."""
    for form in number_forms.FORMS:
        yield f"one number, {form}", form.one, False
        yield f"a column, {form}", form.column, False


def of_values() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """That of a value's number in the rows of a run, as text: what is searched there are bytes."""
    pattern = curve._number_of("loss")
    yield "a value of a row", re.compile(pattern.pattern.decode()), True


EXPRESSIONS = [*expressions(), *of_numbers(), *of_values()]


def grows_as_its_text(pattern: re.Pattern[str], *, anywhere: bool) -> bool:
    """True where twice the text never takes much more than twice the steps, for texts that nearly match."""
    try:
        for short, long in zip(near_matches(pattern, 24), near_matches(pattern, 48), strict=True):
            few, many = (steps(pattern, text, whole=not anywhere, anywhere=anywhere) for text in (short, long))
            if many > 2.2 * few + 100:
                return False
    except TooManyStepsError:
        return False
    return True


def test_every_expression_is_looked_at() -> None:
    call = re.compile(rf"\bre\.(?:{'|'.join(FORMS)})\(")
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    written = Counter({name: len(call.findall(text)) for name, text in texts.items()})
    looked_at = Counter(name.partition(":")[0] for name, _, _ in expressions())
    assert +(looked_at + Counter(BY_USERS) + Counter(MADE)) == +written
    assert written.total() > 25


@pytest.mark.parametrize(("pattern", "anywhere"), [one[1:] for one in EXPRESSIONS], ids=[one[0] for one in EXPRESSIONS])
def test_steps_grow_as_the_text(pattern: re.Pattern[str], anywhere: bool) -> None:
    assert grows_as_its_text(pattern, anywhere=anywhere)


@pytest.mark.parametrize(
    "pattern",
    [r"(?:a+)+", r"[0-9]+\.?[0-9]*", r"(?:[0-9]+\.?[0-9]*)(?:\n[0-9]+\.?[0-9]*)*", r"(?:a|ab|b)*", r"\s*x?\s*y"],
)
def test_expressions_that_go_back_and_forth_are_told(pattern: str) -> None:
    assert not grows_as_its_text(re.compile(pattern), anywhere=False)


@pytest.mark.parametrize("text", ["ab", "aab1", "", "b", "aaab12", "aaac", "AB1", "a\nb"])
@pytest.mark.parametrize("pattern", [r"(?:a+)b[0-9]{0,2}", r"a*?b", r"(?i)(?>a|ab)+b?.*", r"a(?=b)b|(?!a)b", r"[^a\d]\w*|\S++"])
def test_the_counting_matcher_matches_as_re_does(pattern: str, text: str) -> None:
    made = re.compile(pattern)
    assert matched(made, text, Machine(10_000), whole=True) == (made.fullmatch(text) is not None)
    assert matched(made, text, Machine(10_000), anywhere=True) == (made.search(text) is not None)
