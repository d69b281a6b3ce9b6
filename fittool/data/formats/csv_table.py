"""CSV files as columns: every cell checked, every error with its line, many errors at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.data.files import existing_file, reading
from fittool.data.formats.number_parsing import NUMBER, is_number
from fittool.errors import DataError, Problem, shown
from fittool.settings import nearest_name

MOST_PROBLEMS = 20

_NUMBERS = re.compile(rf"{NUMBER}(?:\n{NUMBER})*")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_CHUNK = 4096
_LARGEST = float(np.finfo(np.float32).max)
_MISSING = frozenset({"na", "n/a", "nan", "null", "none", "-", "?", "inf", "-inf", "+inf", "#n/a"})


class Problems:
    """What is wrong with a file, gathered until there are enough."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[Problem] = []

    def add(self, text: str, line: int) -> None:
        """Note one; the last that is wanted raises them all."""
        self.found.append(Problem(text, f"{shown(self.path)}:{line}"))
        if len(self.found) == MOST_PROBLEMS:
            raise DataError([*self.found, Problem(f"There may be more; these are the first {MOST_PROBLEMS}.")])

    def check(self) -> None:
        """Raise what was noted, if anything was."""
        if self.found:
            raise DataError(self.found)


@dataclass
class Column:
    """One column: its cells as numbers, and which of them are none.

    Attributes:
        name: From the first line.
        keep_text: Whether cells are kept as they are written.
        numbers: Pieces of float64; not complete once there is a cell that is no number.
        text: All cells where `keep_text`.
        not_numbers: The first cells that are no numbers, with their lines; as many as errors are told.
        has_numbers: Whether any cell is a number.
    """

    name: str
    keep_text: bool = False
    numbers: list[NDArray[np.float64]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    not_numbers: list[tuple[int, str]] = field(default_factory=list)
    has_numbers: bool = False

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Take over the cells of some rows."""
        if self.keep_text:
            self.text.extend(cells)
        together = "\n".join(cells)
        if together.count("\n") == len(cells) - 1 and _NUMBERS.fullmatch(together):
            numbers = np.array(cells, dtype=np.str_).astype(np.float64)
            self.numbers.append(numbers)
            self.has_numbers = True
            wrong = [(lines[row], cells[row]) for row in np.flatnonzero(np.abs(numbers) > _LARGEST).tolist()]
            self.not_numbers.extend(wrong[: MOST_PROBLEMS - len(self.not_numbers)])
            return
        wrong = [(line, cell) for line, cell in zip(lines, cells, strict=True) if not is_number(cell)]
        self.has_numbers = self.has_numbers or len(wrong) < len(cells)
        self.not_numbers.extend(wrong[: MOST_PROBLEMS - len(self.not_numbers)])

    @property
    def is_text(self) -> bool:
        """Whether no cell is a number."""
        return not self.has_numbers

    @property
    def nearly_numbers(self) -> bool:
        """Whether no cell is a number, but the first ones are but for a decimal comma or blanks around them."""
        cells = [cell for _, cell in self.not_numbers]
        return self.is_text and all(is_number(cell.strip()) or _DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells)

    def array(self) -> NDArray[np.float64]:
        """(N,) the numbers; all cells must be some."""
        return np.concatenate(self.numbers)

    def report(self, problems: Problems) -> None:
        """Note the cells that are no numbers."""
        for line, cell in self.not_numbers:
            problems.add(f"column {self.name}: {_no_number(cell)}", line)


@dataclass
class Table:
    """The columns of a CSV file that were asked for.

    Attributes:
        path: The file.
        columns: By name.
        lines: (N,) the line of each row.
        problems: What is wrong so far.
    """

    path: Path
    columns: dict[str, Column]
    lines: NDArray[np.int64]
    problems: Problems

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        return f"{shown(self.path)}:{self.lines[row]}"


def read_header(path: Path, delimiter: str) -> list[str]:
    """The names of the columns, from the first line.

    Raises:
        DataError: There is no first line, it holds numbers, or a name stands in it twice.
    """
    rows = _rows(path, delimiter)
    _, names = next(rows, (1, []))
    place = f"{shown(path)}:1"
    if not names:
        raise DataError("The file is empty; a first line with the names of the columns was expected.", place=place)
    if all(is_number(name) for name in names):
        raise DataError("The first line holds numbers only; it must hold the names of the columns.", place=place)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    problems = []
    for name in twice:
        positions = [str(position) for position, other in enumerate(names, 1) if other == name]
        problems.append(Problem(f"The column name {name!r} stands at positions {' and '.join(positions)}. Rename one.", place))
    if problems:
        raise DataError(problems)
    return names


def check_columns(path: Path, header: Sequence[str], wanted: Sequence[str], delimiter: str) -> None:
    """Refuse names that are no column.

    Raises:
        DataError: One problem for each, with the nearest name.
    """
    problems = []
    for name in wanted:
        if name not in header:
            near = nearest_name(name, list(header))
            mend = f"Did you mean {near}?" if near else f"Columns: {', '.join(header[:20])}{', …' if len(header) > 20 else ''}."
            text = f"There is no column {name}. {mend}{_other_delimiter(header, delimiter)}"
            problems.append(Problem(text, f"{shown(path)}:1"))
    if problems:
        raise DataError(problems)


def read_table(path: Path, header: Sequence[str], columns: Sequence[Column], delimiter: str) -> Table:
    """Read some columns of a CSV file.

    Args:
        path: The file, UTF-8 with or without byte-order mark.
        header: The names of all columns.
        columns: Those to fill.
        delimiter: Between cells.

    Raises:
        DataError: Rows of other lengths than the header, empty cells, damaged quotes or text, or no rows at all.
    """
    problems = Problems(path)
    places = [header.index(column.name) for column in columns]
    lines: list[NDArray[np.int64]] = []
    for numbers, cells in _chunks(_whole_rows(path, header, delimiter, problems)):
        lines.append(np.array(numbers))
        for column, place in zip(columns, places, strict=True):
            if "" in cells[place]:
                _report_empty(column.name, cells[place], numbers, problems)
            column.add(cells[place], numbers)
    problems.check()
    if not lines:
        raise DataError("The file holds names of columns, but no rows.", place=f"{shown(path)}:1")
    return Table(path, {column.name: column for column in columns}, np.concatenate(lines), problems)


def check_missing(column: Column, problems: Problems) -> None:
    """Refuse marks for missing values, and fractions beside text, in a column of class names."""
    for line, cell in column.not_numbers:
        if cell.casefold() in _MISSING:
            problems.add(f"column {column.name}: {cell!r} stands for a missing value. Remove the row, or give it a value.", line)
    if any(is_number(cell) and float(cell) % 1 for cell in column.text):
        line, cell = column.not_numbers[0]
        problems.add(f"column {column.name}: {_no_number(cell)}", line)
    problems.check()


def _whole_rows(path: Path, header: Sequence[str], delimiter: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    rows = _rows(path, delimiter)
    next(rows)
    for line, cells in rows:
        if len(cells) == len(header):
            yield line, cells
        else:
            fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
            problems.add(f"{fields}, expected {len(header)}", line)


def _chunks(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[list[int], list[tuple[str, ...]]]]:
    """Rows turned into columns, a few thousand at a time."""
    lines: list[int] = []
    cells: list[list[str]] = []
    for line, row in rows:
        lines.append(line)
        cells.append(row)
        if len(lines) == _CHUNK:
            yield lines, list(zip(*cells, strict=True))
            lines, cells = [], []
    if lines:
        yield lines, list(zip(*cells, strict=True))


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it begins."""
    with reading(existing_file(path)), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        begins = 1
        try:
            for cells in reader:
                if cells:
                    yield begins, cells
                begins = reader.line_num + 1
        except csv.Error as error:
            raise DataError(_csv_error(str(error)), place=f"{shown(path)}:{begins}") from error
        except UnicodeDecodeError as error:
            raise _not_utf8(path) from error


def _csv_error(text: str) -> str:
    if "unexpected end of data" in text:
        return "A quote that opens in this row is never closed."
    if "field larger" in text:
        return f"A cell is longer than {csv.field_size_limit():,} characters. Is a quote missing?"
    return f"The row cannot be read: {text}."


def _not_utf8(path: Path) -> DataError:
    """The error that names the first byte that is no UTF-8."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                where = f"byte {offset + error.start} (0x{line[error.start]:02x}) is no UTF-8"
                return DataError(f"{where[0].upper()}{where[1:]}. Save the file as UTF-8.", place=f"{shown(path)}:{number}")
            offset += len(line)
    return DataError("The file is no UTF-8, or changed while it was read.", place=shown(path))


def _report_empty(name: str, cells: Sequence[str], lines: Sequence[int], problems: Problems) -> None:
    for line, cell in zip(lines, cells, strict=True):
        if cell == "":
            problems.add(f"column {name}: the cell is empty. Remove the row, or give it a value.", line)


def _no_number(cell: str) -> str:
    mend = ""
    if is_number(cell):
        return f"{cell[:40]!r} is too large for float32. Scale the numbers."
    if is_number(cell.strip().replace(",", ".")):
        mend = f" Write {cell.strip().replace(',', '.')}."
    elif cell.casefold() in _MISSING:
        mend = " Remove the row, or give it a value."
    return f"{cell[:40]!r} is not a number.{mend}"


def _other_delimiter(header: Sequence[str], delimiter: str) -> str:
    """A guess where the whole first line is one name."""
    if len(header) > 1:
        return ""
    candidates = [other for other in (";", "\t", ",", "|") if other != delimiter and other in header[0]]
    return f" Is the delimiter {candidates[0]!r}?" if candidates else ""
