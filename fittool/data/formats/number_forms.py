"""Finding how the numbers of a table are written: with a decimal comma, with signs between thousands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fittool.data.formats.number_parsing import PLAIN, NumberForm
from fittool.errors import DataError

DECIMAL_COMMA, THOUSANDS_COMMA = NumberForm(","), NumberForm(".", ",")
FOREIGN_FORMS = (
    DECIMAL_COMMA,
    NumberForm(",", "."),
    THOUSANDS_COMMA,
    *(NumberForm(decimal, thousands) for thousands in (" ", "'") for decimal in (".", ",")),
)
"""Forms that are looked for beside plain numbers; where several fit, the first is taken."""
FORMS = (PLAIN, *FOREIGN_FORMS)


@dataclass
class Evidence:
    """The ways in which the numbers of one column may be written.

    Attributes:
        forms: The forms that fit every cell that is a number in any form.
        numbers: How many cells are a number in some form.
        present: How many cells are no gaps.
        example: The first number that is not plain.
    """

    forms: frozenset[NumberForm] = field(default_factory=lambda: frozenset(FORMS))
    numbers: int = 0
    present: int = 0
    example: str = ""

    def add(self, cells: Sequence[str]) -> None:
        """Take over cells that are no gaps, without percent signs."""
        self.present += len(cells)
        fitting = frozenset(form for form in self.forms if form.are_numbers(cells)) if cells else self.forms
        if fitting:
            self.numbers += len(cells)
            self.forms = fitting
        else:
            self._one_by_one(cells)
        if not self.example and PLAIN not in self.forms:
            self.example = next((cell for cell in cells if not PLAIN.is_number(cell) and _fitting(cell)), "")

    def _one_by_one(self, cells: Iterable[str]) -> None:
        for cell in cells:
            if fitting := _fitting(cell):
                self.numbers += 1
                self.forms &= fitting

    @property
    def is_of_numbers(self) -> bool:
        """True where most cells are numbers."""
        return self.numbers > 0 and 2 * self.numbers >= self.present


@dataclass(frozen=True)
class FoundForm:
    """The way in which the numbers of a table are written.

    Attributes:
        form: The form.
        doubt: A sentence where another form would fit as well, or "".
    """

    form: NumberForm = PLAIN
    doubt: str = ""


def form_of(columns: Mapping[str, Evidence], delimiter: str, decimal: str | None, thousands: str | None) -> FoundForm:
    """The form that fits all columns of numbers.

    Args:
        columns: What each column allows.
        delimiter: Between cells; where commas may be either, a file that is separated by commas has them between thousands.
        decimal, thousands: What is given, or None.

    Raises:
        DataError: Columns are written in different ways, or what commas mean cannot be told.
    """
    allowed = [form for form in FORMS if decimal in (None, form.decimal) and thousands in (None, form.thousands)]
    allowed = allowed or [NumberForm(decimal or ".", thousands or "")]
    numbers = {name: evidence for name, evidence in columns.items() if evidence.is_of_numbers and evidence.forms}
    others = {name: evidence for name, evidence in numbers.items() if PLAIN not in evidence.forms}
    fitting = [form for form in allowed if all(form in evidence.forms for evidence in numbers.values())]
    if not fitting and decimal is None and thousands is None:
        raise DataError(_in_different_ways(numbers, others))
    if not fitting:
        return FoundForm(allowed[0])  # each cell that is no number in the form that is asked for is told
    if PLAIN not in fitting and DECIMAL_COMMA in fitting and THOUSANDS_COMMA in fitting:
        return _of_two(next(iter(others.items())), delimiter)
    return FoundForm(fitting[0])


def _of_two(column: tuple[str, Evidence], delimiter: str) -> FoundForm:
    name, cell = column[0], column[1].example
    chosen = {",": THOUSANDS_COMMA, ";": DECIMAL_COMMA}.get(delimiter)
    if chosen is None:
        text = f"column {name}: {cell!r} may be {THOUSANDS_COMMA.value(cell):g} or {DECIMAL_COMMA.value(cell):g}."
        raise DataError(f"{text} Set thousands: ',' or decimal: ','.")
    other = "decimal: ','" if chosen is THOUSANDS_COMMA else "thousands: ','"
    text = f"column {name}: {cell!r} is read as {chosen.value(cell):g}. If that is wrong, set {other}."
    return FoundForm(chosen, text)


def _in_different_ways(numbers: Mapping[str, Evidence], others: Mapping[str, Evidence]) -> str:
    (first, evidence), *rest = others.items()
    second = next((name for name, other in rest if not other.forms & evidence.forms), None)
    second = second or next((name for name in numbers if not numbers[name].forms & evidence.forms), None)
    written = f"numbers such as {evidence.example!r} in column {first}"
    beside = f", but column {second} in another" if second else ""
    mend = "Write all alike, or list the columns to learn from as features."
    return f"Numbers are written in more than one way: {written}{beside}. {mend}"


def _fitting(cell: str) -> frozenset[NumberForm]:
    return frozenset(form for form in FORMS if form.is_number(cell))


def advice(cell: str) -> str:
    """Advice about a cell that is no plain number but one in another form; begins with a blank, or "" where it is none."""
    bare = cell.strip().removesuffix("%")
    fitting = [form for form in FOREIGN_FORMS if form.is_number(bare)]
    if not fitting:
        return ""
    if DECIMAL_COMMA in fitting and THOUSANDS_COMMA in fitting:
        thousands, fraction = THOUSANDS_COMMA.plainly(bare), DECIMAL_COMMA.plainly(bare)
        return f" Is the comma a thousands separator? Write {thousands}, or set thousands: ','. For {fraction} set decimal: ','."
    form = fitting[0]
    key = f"thousands: {form.thousands!r}" if form.decimal == "." else f"decimal: {form.decimal!r}"
    return f" Write {form.plainly(bare)}. If all are written so, set {key}."


def in_words(form: NumberForm) -> list[str]:
    """The parts of a form that are not plain, as it is written in an experiment."""
    decimal = [] if form.decimal == "." else [f"decimal {form.decimal!r}"]
    return decimal + ([f"thousands {form.thousands!r}"] if form.thousands else [])
