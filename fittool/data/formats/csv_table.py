"""CSV files as columns: every cell looked at, every error with its line, many errors at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.byte_blocks import ByteBlock, ByteBlocks, ParsedNumbers
from fittool.data.formats.cell_form import CellForm
from fittool.data.formats.columns import CellBlock, Column, Problems, and_more, mend_of_gaps
from fittool.data.formats.csv_form import DELIMITERS, CsvForm, rows_of
from fittool.data.formats.number_forms import Evidence
from fittool.data.formats.number_parsing import is_number
from fittool.data.formats.table_text import open_text
from fittool.errors import DataError, Problem, shown
from fittool.settings import nearest_name

_CHUNK = 4096
_INVISIBLE = "\ufeff\u200b"
_SHOWN = 20
_LOOKED_AT = 20  # rows
_LINES = 8
_AGAIN = "The header stands here again. Remove this line."


@dataclass(frozen=True)
class RowPlaces:
    """The place of each row of a table, to be told in messages; what holds it does not hold the table.

    Attributes:
        path: The file.
        lines: (N,) the line of each row.
    """

    path: Path
    lines: NDArray[np.int64]

    def __call__(self, row: int) -> str:
        """`file:line` of a row."""
        return f"{shown(self.path)}:{self.lines[row]}"


@dataclass
class Table:
    """The columns of a CSV file that were asked for.

    Attributes:
        path: The file.
        columns: By name.
        lines: (N,) the line of each row.
        problems: What is wrong so far.
        empty_rows: How many rows hold empty cells only; they are left out.
        kept: (N,) which of the other rows these are; None: all.
        odd: By line, what is wrong with rows whose cells are all empty here, as they do not fit the header.
    """

    path: Path
    columns: dict[str, Column]
    lines: NDArray[np.int64]
    problems: Problems
    empty_rows: int = 0
    kept: NDArray[np.int64] | None = None
    odd: Mapping[int, str] = field(default_factory=dict)

    def select(self, rows: NDArray[np.int64]) -> Table:
        """The table of (n,) of its rows alone."""
        columns = {name: column.select(rows) for name, column in self.columns.items()}
        kept = rows if self.kept is None else self.kept[rows]
        return replace(self, columns=columns, lines=self.lines[rows], kept=kept)

    def number(self, row: int) -> int:
        """The number of a row in the file, from 1, the header and empty ones apart."""
        return 1 + (row if self.kept is None else int(self.kept[row]))

    @property
    def places(self) -> RowPlaces:
        """The place of each row, without the columns."""
        return RowPlaces(self.path, self.lines)

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        return f"{shown(self.path)}:{self.lines[row]}"


@dataclass(frozen=True)
class Header:
    """The names of the columns of a CSV file.

    Attributes:
        path: The file.
        form: How it is written.
        names: In order; numbers from 0 where the file has no header, "" where it has but names nothing.
        data_line: The line on which the first row of data begins; None where there is none.
        keeps_odd_rows: Whether rows that do not fit the header stay, with empty cells; else they are an error.
        block: All rows, where they come from a file that is no CSV; else None.
        left_out: Columns of such a file that cannot be read, with the reason.
    """

    path: Path
    form: CsvForm
    names: tuple[str, ...]
    data_line: int | None = None
    keeps_odd_rows: bool = False
    block: CellBlock | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    _positions: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def place(self) -> str:
        """`file:line` of the first row."""
        return f"{shown(self.path)}:{self.form.first_line}"

    @property
    def nameless(self) -> int:
        """The number of columns without a name."""
        return self.names.count("")

    def position(self, name: str) -> int:
        """The place of a column."""
        if not self._positions:
            self._positions.update((name, position) for position, name in enumerate(self.names))
        return self._positions[name]

    def check(self, wanted: Sequence[str]) -> None:
        """Refuse names that are no column.

        Raises:
            DataError: One problem for each, with the nearest name.
        """
        known = set(self.names) - {""}
        problems = [Problem(self.no_column(name), self.place) for name in wanted if name not in known]
        if problems:
            raise DataError(problems)

    def no_column(self, name: str) -> str:
        """The sentence about a name that is no column, with the nearest one."""
        names = [name for name in self.names if name]
        near = nearest_name(name, names)
        listed = f"Columns: {', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}."
        if not self.form.header:
            listed = f"The first line is no header, so the columns are 0 to {len(names) - 1}; if it is one, set header: true."
        mend = f"Did you mean {near}?" if near else listed
        return f"There is no column {name}. {mend}{self._other_delimiter()}"

    def _other_delimiter(self) -> str:
        """A guess where the whole first line is one name."""
        others = [other for other in DELIMITERS if other != self.form.delimiter and other in self.names[0]]
        return f" Is the delimiter {others[0]!r}?" if others and len(self.names) == 1 else ""


def bare_name(name: str) -> str:
    """The name of a column without blanks and invisible marks round it, which nobody sees, and quotes within such blanks."""
    bare = name.strip().strip(_INVISIBLE).strip()
    return bare[1:-1].strip() if len(bare) > 1 and bare[0] == bare[-1] == '"' else bare


def read_header(path: Path, form: CsvForm) -> Header:
    """The names of the columns: the first row, or numbers from 0.

    Raises:
        DataError: There is no row, or a name stands in it twice.
    """
    rows = list(islice(rows_of(path, form), _LOOKED_AT))
    line, cells = rows[0] if rows else (form.first_line, [])
    place = f"{shown(path)}:{line}"
    if not cells:
        raise DataError("The file is empty; a first line with the names of the columns was expected.", place=place)
    names = tuple(map(bare_name, cells) if form.header else map(str, range(len(cells))))
    if (length := _other_length(rows)) is not None:
        may_be = form.header and length == len(names) + 1
        if not may_be or not _are_row_names([cells[0] for _, cells in rows[1:]]):
            text = f"The first line has {_fields(len(names))}, but all rows below have {length}."
            raise DataError(f"{text} Remove it, or name all columns in it.", place=place)
        names = ("", *names)  # R's names of rows have no name themselves
    refuse_twice(names, place)
    first = 1 if form.header else 0
    return Header(path, form, names, rows[first][0] if len(rows) > first else None)


def _other_length(rows: Sequence[tuple[int, list[str]]]) -> int | None:
    """The number of cells that all of the first rows have, if the header has another number."""
    lengths = {len(cells) for _, cells in rows[1:]}
    return lengths.pop() if len(rows) > 2 and len(lengths) == 1 and len(rows[0][1]) not in lengths else None


def _are_row_names(cells: Sequence[str]) -> bool:
    """True where cells differ and are words or count from 1, as R's names of rows."""
    counted = [str(number) for number in range(1, len(cells) + 1)]
    return len(set(cells)) == len(cells) and (list(cells) == counted or not any(map(is_number, cells)))


def refuse_twice(names: Sequence[str], place: str) -> None:
    """Refuse names of columns that come twice.

    Raises:
        DataError: One problem for each.
    """
    if len(set(names)) == len(names):
        return
    positions: dict[str, list[str]] = {}
    for position, name in enumerate(names, 1):
        positions.setdefault(name, []).append(str(position))
    problems = [
        Problem(f"The column name {name!r} stands at positions {' and '.join(found)}. Rename one.", place)
        for name, found in positions.items()
        if name and len(found) > 1
    ]
    if problems:
        raise DataError(problems)


def read_table(header: Header, columns: Sequence[Column], needed: Sequence[str] = ()) -> Table:
    """Read some columns of a CSV file.

    Args:
        header: Of the file.
        columns: Those to fill.
        needed: Those in which an empty cell is told.

    Raises:
        DataError: Rows of other lengths than the header, empty cells, damaged quotes or text, or no rows at all.
    """
    problems = Problems(header.path)
    places = [(column, header.position(column.name), column.name in needed) for column in columns]
    rows = WholeRows(header, problems)
    lines: list[NDArray[np.int64]] = []
    empty: dict[str, list[int]] = {}
    for block in _blocks(header, rows):
        lines.append(np.array(block.lines))
        for column, place, is_needed in places:
            if is_needed:
                cells = block.cells(place)
                if "" in cells:
                    found = [line for line, cell in zip(block.lines, cells, strict=True) if not cell]
                    empty.setdefault(column.name, []).extend(found)
            column.add_block(block, place)
    for name, found in empty.items():
        problems.add(f"column {name}: the cell is empty{and_more(len(found) - 1)}. {mend_of_gaps(len(found))}", found[0])
    problems.check()
    if not lines:
        raise DataError("The file holds names of columns, but no rows.", place=header.place)
    columns = _with_text(header, columns)
    return Table(
        header.path, {column.name: column for column in columns}, np.concatenate(lines), problems, rows.empty, odd=rows.odd
    )


@dataclass(frozen=True)
class _RowBlock:
    """Some rows that `csv` has read, turned into columns."""

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]

    def cells(self, place: int) -> Sequence[str]:
        """Those of a column."""
        return self.columns[place]

    def cell(self, row: int, place: int) -> str:
        """One of them."""
        return self.columns[place][row]

    def numbers(self, place: int) -> ParsedNumbers | None:
        """None: `Column` makes them of the cells."""
        return None

    def codes(self, place: int) -> tuple[NDArray[np.int64], list[str]] | None:
        """None, as well."""
        return None


def _blocks(header: Header, rows: WholeRows) -> Iterator[CellBlock]:
    """All rows, a few thousand at a time: taken apart as bytes as far as that goes, then read by `csv`."""
    if header.block is not None:
        if len(header.block.lines):
            yield header.block
        return
    form = header.form
    if header.data_line is not None and not form.skips_blanks:
        with open_text(header.path) as file:
            blocks = ByteBlocks(file, form.delimiter, form.encoding, len(header.names), header.data_line)
            for block in blocks:
                if form.header and _stands_in(header, block):
                    break
                yield block
            if blocks.is_complete:
                return
        rows.begins = blocks.line
    for numbers, cells in chunks(rows):
        yield _RowBlock(numbers, cells)


def _stands_in(header: Header, block: ByteBlock) -> bool:
    """True where a row may be the header once more."""
    last = len(header.names) - 1
    return any(
        _is_header_again([block.cell(row, place) for place in range(last + 1)], header.names)
        for row in block.rows_of(last, header.names[last])
    )


def _with_text(header: Header, columns: Sequence[Column]) -> list[Column]:
    """The columns; those of text that began with numbers are read once more, now as they are written."""
    again = {column.name: Column(column.name, column.form, keep_text=True) for column in columns if column.needs_text}
    if again:
        places = [(column, header.position(name)) for name, column in again.items()]
        for block in _blocks(header, WholeRows(header, Problems(header.path))):
            for column, place in places:
                column.add_block(block, place)
    return [again.get(column.name, column) for column in columns]


def evidence_of(header: Header, names: Sequence[str], missing: frozenset[str]) -> dict[str, Evidence]:
    """The ways in which the numbers in some columns may be written."""
    found = {name: Evidence() for name in names}
    form = CellForm(missing=missing)
    for _, cells in chunks(WholeRows(header, Problems(header.path))):
        for name, evidence in found.items():
            column = [cell.strip() for cell in cells[header.position(name)]]
            evidence.add([cell.removesuffix("%") for cell in column if cell.casefold() not in form.missing])
    return found


class WholeRows:
    """The rows below the header that have as many cells as it, each with its line; others are told.

    Args:
        header: Of the file.
        problems: Where rows of other lengths, and headers that stand again among the rows, are noted.
    """

    def __init__(self, header: Header, problems: Problems) -> None:
        self.header = header
        self.problems = problems
        self.empty = 0  # rows of empty cells only, as spreadsheets leave them at the end
        self.begins: int | None = None  # the line behind those that were read otherwise
        self.odd: dict[int, str] = {}  # by line, why a row does not fit

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        rows = rows_of(self.header.path, self.header.form, self.begins)
        names, length = None, len(self.header.names)
        if self.header.form.header:
            names = list(self.header.names) if self.begins is not None else next(rows)[1]
            names = ["", *names] if len(names) == length - 1 else names
        for line, cells in rows:
            if not any(cells):
                self.empty += 1
            # The last cell is compared first, as nearly no row gets any further.
            elif len(cells) == length and (names is None or cells[-1] != names[-1] or not _is_header_again(cells, names)):
                yield line, cells
            else:
                self.odd[line] = _AGAIN if len(cells) == length else f"{_fields(len(cells))}, expected {length}"
                if self.header.keeps_odd_rows:
                    yield line, [""] * length
        if not self.header.keeps_odd_rows:
            self._report()

    def _report(self) -> None:
        """Tell each kind of oddity once, at the first such row, with the lines of the others."""
        lines_of: dict[str, list[int]] = {}
        for line, text in self.odd.items():
            lines_of.setdefault(text, []).append(line)
        for text, (line, *others) in lines_of.items():
            self.problems.add(f"{text}{_and_lines(others)}", line)


def _is_header_again(cells: Sequence[str], names: Sequence[str]) -> bool:
    """True where most cells of a row are the names of their columns."""
    return 2 * sum(cell == name for cell, name in zip(cells, names, strict=True)) > len(names)


def _and_lines(lines: Sequence[int]) -> str:
    """The first of further lines, in words; begins with a blank, "" for none."""
    if not lines:
        return ""
    listed = ", ".join(map(str, lines[:_LINES])) + (", …" if len(lines) > _LINES else "")
    return f" (and so in {len(lines):,} more: line{'s' * (len(lines) > 1)} {listed})"


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def chunks(rows: WholeRows) -> Iterator[tuple[list[int], list[tuple[str, ...]]]]:
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
