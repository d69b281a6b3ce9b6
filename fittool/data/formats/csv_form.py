"""The form of a CSV file: encoding, delimiter, header; what the experiment does not say is found by looking at the file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from fittool.data.formats.cell_form import MISSING
from fittool.data.formats.number_forms import FORMS
from fittool.data.formats.number_parsing import PLAIN
from fittool.data.formats.table_text import encoding_of, lines_of
from fittool.errors import DataError, shown

DELIMITERS = ",;\t|"
LONGEST_CELL = 16_000_000
_LOOKED_AT = 200  # lines
_BLOCK = 256  # rows
_LETTERS_LOOKED_AT = 16_000_000
_SEPARATOR_LINE = "sep="


@dataclass(frozen=True)
class CsvForm:
    """The form of a CSV file.

    Attributes:
        delimiter: The character between cells.
        encoding: Of its text.
        header: Whether the first row names the columns.
        skips_blanks: Whether blanks behind a delimiter belong to it.
        first_line: The number of the line on which the table begins; 2 behind Excel's `sep=;`.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    skips_blanks: bool = False
    first_line: int = 1

    def in_words(self) -> list[str]:
        """Its unusual parts, as it is written in an experiment."""
        words = [f"delimiter {self.delimiter!r}"] if self.delimiter != "," else []
        words += [f"encoding {self.encoding}"] if not self.encoding.startswith("utf-8") else []
        return words + ([] if self.header else ["header false"])


def find_form(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    names: Sequence[str] = (),
) -> CsvForm:
    """The form of a file; what is None is found by looking.

    Args:
        path: The file.
        delimiter, encoding, header: What is known.
        names: Names of columns that are going to be asked for.

    Raises:
        DataError: The file is missing, empty, or no text.
    """
    encoding = encoding or encoding_of(path)
    lines = _beginning(path, encoding)
    said = _delimiter_line(lines)
    first_line = 1 if said is None else 2
    lines = lines[first_line - 1 :]
    if not any(line.strip() for line in lines):
        text = "The file is empty; a first line with the names of the columns was expected."
        raise DataError(text, place=f"{shown(path)}:1")
    delimiter = delimiter or said or _find_delimiter(lines, names)
    skips_blanks = _are_blanks_behind(delimiter, lines)
    if header is None:
        header = _has_header(_parse(lines, delimiter, skips_blanks), names)
    return CsvForm(delimiter, encoding, header, skips_blanks, first_line)


def rows_of(path: Path, form: CsvForm, first_line: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it begins; from a line on, with which a row begins.

    Raises:
        DataError: Quotes or text are damaged, or a cell is endless.
    """
    begins = form.first_line if first_line is None else first_line
    offset = begins
    lines = _without_ends(islice(lines_of(path, form.encoding), begins - 1, None), form.delimiter)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True, skipinitialspace=form.skips_blanks)
    block = [(0, [""])]
    while block:
        block = []
        with _long_cells():
            try:
                for cells in islice(reader, _BLOCK):
                    block.append((begins, cells))
                    begins = reader.line_num + offset
            except csv.Error as error:
                raise DataError(_csv_error(str(error)), place=f"{shown(path)}:{begins}") from error
        for row in block:
            if row[1]:
                yield row


def _without_ends(lines: Iterable[str], delimiter: str) -> Iterable[str]:
    """The lines; where blanks are delimiters, without those at their ends, behind which there is no cell."""
    return (f"{line.rstrip()}\n" for line in lines) if delimiter == " " else lines


@contextmanager
def _long_cells() -> Iterator[None]:
    """Lets cells be longer than Python's limit, which is one for the whole process, so nothing is yielded while it is raised."""
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv_error(text: str) -> str:
    if "unexpected end of data" in text:
        return "A quote that opens in this row is never closed."
    if "field larger" in text:
        return f"A cell is longer than {LONGEST_CELL:,} characters. Is a quote missing?"
    return f"The row cannot be read: {text}."


def _beginning(path: Path, encoding: str) -> list[str]:
    """The first lines."""
    lines, letters = [], 0
    for line in islice(lines_of(path, encoding), _LOOKED_AT):
        lines.append(line)
        letters += len(line)
        if letters > _LETTERS_LOOKED_AT:
            break
    return lines


def _delimiter_line(lines: Sequence[str]) -> str | None:
    """The delimiter that Excel's first line `sep=;` names."""
    first = lines[0].strip("\r\n").strip('"') if lines else ""
    said = first[len(_SEPARATOR_LINE) :]
    return said if first.lower().startswith(_SEPARATOR_LINE) and len(said) == 1 else None


def _find_delimiter(lines: Sequence[str], names: Sequence[str]) -> str:
    """The one that cuts most rows alike; one that gives the names that are asked for comes before all."""
    best, found = (False, 0.0, 1), ","
    for delimiter in (delimiter for delimiter in DELIMITERS if any(delimiter in line for line in lines[:5])):
        rows = _parse(lines, delimiter, skips_blanks=False)
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        score = (bool(names) and set(names) <= {name.strip() for name in rows[0]}, alike, len(rows[0]))
        if score > best:
            best, found = score, delimiter
    return " " if best[2] == 1 and _are_apart_by_blanks(lines) else found


def _are_apart_by_blanks(lines: Sequence[str]) -> bool:
    """True where blanks cut all rows into as many cells, many of which are numbers: else it is one column of text."""
    rows = _parse(lines, " ", skips_blanks=True)
    if len(rows) < 2 or len(rows[-1]) < 2 or any(len(row) != len(rows[-1]) for row in rows[1:]):
        return False
    cells = [cell for row in rows[1:] for cell in row]
    return len(rows[0]) in (len(rows[-1]), len(rows[-1]) - 1) and 3 * sum(map(_is_number, cells)) >= len(cells)


def _are_blanks_behind(delimiter: str, lines: Sequence[str]) -> bool:
    """True where a blank stands behind each delimiter, as in `a, b, c`; names are bare in any case."""
    if delimiter == " ":
        return True
    rows = [row for row in _parse(lines, delimiter, skips_blanks=False) if len(row) > 1]
    behind = [cell for row in rows[1:] or rows for cell in row[1:] if cell]
    return bool(behind) and all(cell.startswith(" ") for cell in behind) and any(cell.strip() for cell in behind)


def _parse(lines: Sequence[str], delimiter: str, skips_blanks: bool) -> list[list[str]]:
    """The whole rows of the first lines, as far as they can be read."""
    rows = []
    with _long_cells():
        try:
            for row in csv.reader(_without_ends(lines, delimiter), delimiter=delimiter, skipinitialspace=skips_blanks):
                if row:
                    rows.append(row)  # noqa: PERF401  (what is read before an error counts)
        except csv.Error:
            pass
    return rows


def _has_header(rows: Sequence[Sequence[str]], names: Sequence[str]) -> bool:
    """True where the first row names the columns: numbers above numbers are data, text above numbers is a name."""
    if not rows:
        return True
    first = [name.strip() for name in rows[0]]
    if len(rows) > 1 and len(rows[1]) == len(first) + 1:  # as R writes row names
        first = ["", *first]
    rest = [row for row in rows[1:] if len(row) == len(first) and row != rows[0]]
    if names and set(names) <= set(first) and not all(map(str.isdecimal, names)):
        return True
    if all(map(_is_number, first)):
        return _are_numbered(first) or (_go_up_by_one(first) and first[0] >= "1000" and len(first[-1]) == 4)
    unnamed, repeated = [], True
    for name, cells in zip(first, zip(*rest, strict=True), strict=False):
        repeated = repeated and name in map(str.strip, cells)
        if not _are_numbers(cells):
            continue
        if _is_number(name):
            unnamed.append(name)
        elif name.casefold() not in MISSING:
            return True
    return (not rest or not repeated) if not unnamed else _go_up_by_one(unnamed)


def _are_numbered(names: Sequence[str]) -> bool:
    """True where names are 0, 1, 2 and so on, as pandas writes columns without names."""
    return len(names) > 2 and list(names) == [str(number) for number in range(len(names))]


def _go_up_by_one(names: Sequence[str]) -> bool:
    """True where names that are numbers go up by one, as years do."""
    if len(names) < 2 or not all(name.isdecimal() and name.isascii() for name in names):
        return False
    numbers = [int(name[:20]) for name in names]
    return all(second - first == 1 for first, second in pairwise(numbers))


def _are_numbers(cells: Sequence[str]) -> bool:
    if PLAIN.are_numbers(cells):
        return True
    present = [cell for cell in cells if cell.strip().casefold() not in MISSING]
    return bool(present) and all(map(_is_number, present))


def _is_number(cell: str) -> bool:
    bare = cell.strip().removesuffix("%")
    return any(form.is_number(bare) for form in FORMS)
