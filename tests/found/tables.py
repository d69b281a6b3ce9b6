"""Tables: what is learnt from, what is left out, how files and numbers are written."""

from __future__ import annotations

import gzip

import numpy as np
from found.labels import CSV, settings
from found.making import comma, npz, numbers, packed, packed_otherwise, quoted, sorted_rows, table, text_of, written
from found.situation import Situation

FIRST = [row[1] for row in numbers()[:2]]
PLAIN = text_of()


def semicolons(**how: object) -> str:
    """A table as Excel writes it in half of Europe."""
    return text_of(head="a;b;c;kind", all_cells=comma, delimiter=";", **how)  # type: ignore[arg-type]


def inserted(text: str, line: int, new: str) -> str:
    """The text with a line put in."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], f"{new}\n", *lines[line:]])


HEADS = [
    Situation(
        "heads",
        "the first name is empty",
        written(text_of(lambda c: "uvw"[c], head=",a,b,kind")),
        columns=("a", "b"),
        says=["left out: a column without a name"],
    ),
    Situation(
        "heads",
        "Unnamed: 0 counts up",
        table(head="Unnamed: 0,b,c,kind", rows=[(n % 3, [n, 0.5 * n % 7, 2.0 * n]) for n in range(60)]),
        columns=("b", "c"),
        says=["left out: Unnamed: 0 (counts up by one in all rows, likely an index)"],
    ),
    Situation(
        "heads",
        "a user learns from row numbers",
        table(head="id,b,c,kind", rows=[(n % 3, [n, 0.5 * n % 7, 2.0 * n]) for n in range(60)]),
        columns=("id", "b", "c"),
        settings=settings(CSV),
        says=["The column id counts up by one in all rows, so it is likely an index."],
    ),
    Situation("heads", "blanks round names", table(head="a, b, c, kind"), columns=("a", "b", "c"), inputs=FIRST),
    Situation("heads", "blanks and quotes round names", table(head='"a ", "b" ,c, " kind"'), columns=("a", "b", "c")),
    Situation(
        "heads",
        "blanks in the experiment",
        table(),
        settings=settings('csv: {path: {data}, label: " kind"}'),
        columns=("a", "b", "c"),
    ),
    Situation("heads", "quotes", table(head='"a","b","c","kind"', third=quoted), columns=("a", "b", "c"), inputs=FIRST),
    Situation(
        "heads",
        "none, of numbers",
        table(lambda c: c, head=""),
        classes=("0", "1", "2"),
        columns=("0", "1", "2"),
        inputs=FIRST,
        says=["60 rows", "header false"],
    ),
    Situation(
        "heads", "none, with words", table(head=""), columns=("0", "1", "2"), inputs=FIRST, says=["60 rows", "header false"]
    ),
    Situation(
        "heads",
        "none, the label is first",
        table(head=""),
        options=("--label", "3"),
        columns=("0", "1", "2"),
    ),
    Situation(
        "heads",
        "none, and the user says so",
        table(lambda c: c, head=""),
        classes=("0", "1", "2"),
        settings=settings("csv: {path: {data}, label: 3, header: false}"),
        columns=("0", "1", "2"),
    ),
    Situation(
        "heads",
        "none, but a name is asked for",
        table(lambda c: c, head=""),
        code=4,
        settings=settings(CSV),
        says=["There is no column kind. The first line is no header, so the columns are 0 to 3"],
    ),
    Situation("heads", "of years", table(head="1990,1991,1992,kind"), columns=("1990", "1991", "1992")),
    Situation(
        "heads",
        "of numbers from 0",
        table(head="0,1,2,3", label=lambda c: c),
        classes=("0", "1", "2"),
        columns=("0", "1", "2"),
        says=["60 rows"],
    ),
    Situation(
        "heads",
        "a name twice",
        table(head="a,b,a,kind"),
        code=4,
        says=["data.csv:1: The column name 'a' stands at positions 1 and 3"],
    ),
    Situation(
        "heads",
        "a name twice but for blanks",
        table(head="a,b, a,kind"),
        code=4,
        says=["The column name 'a' stands at positions 1 and 3"],
    ),
    Situation(
        "heads",
        "again among the rows",
        written(inserted(PLAIN, 30, "a,b,c,kind")),
        code=4,
        says=["data.csv:31: The header stands here again."],
    ),
    Situation("heads", "a mark of UTF-8", written(b"\xef\xbb\xbf" + PLAIN.encode()), columns=("a", "b", "c"), inputs=FIRST),
    Situation(
        "heads",
        "a mark and quotes",
        written(b"\xef\xbb\xbf" + text_of(head='"a","b","c","kind"').encode()),
        columns=("a", "b", "c"),
    ),
]

LEFT_OUT = [
    Situation(
        "columns left out",
        "text",
        table(third=lambda v: "male" if v > 1 else "female"),
        columns=("a", "b"),
        says=["learns from 2 columns: a, b; left out: c (text such as 'female'); 3 classes"],
    ),
    Situation(
        "columns left out",
        "dates",
        table(third=lambda v: f"2024-01-{int(v) % 28 + 10}"),
        columns=("a", "b"),
        says=["left out: c (text such as '2024-"],
    ),
    Situation("columns left out", "empty", table(third=lambda v: ""), columns=("a", "b"), says=["left out: c (empty)"]),
    Situation(
        "columns left out", "nothing but gaps", table(third=lambda v: "NA"), columns=("a", "b"), says=["left out: c (empty)"]
    ),
    Situation(
        "columns left out",
        "codes of which two look like numbers",
        table(third=lambda v: "0E0" if v > 3.9 else f"{int(v * 100)}M"),
        columns=("a", "b"),
        says=["left out: c (text such as '", "cells are numbers)"],
    ),
    Situation(
        "columns left out",
        "text, in an experiment of the user's",
        table(third=lambda v: "male" if v > 1 else "female"),
        settings=settings(CSV),
        columns=("a", "b"),
        says=["left out: c (text such as 'female')"],
    ),
    Situation(
        "columns left out",
        "all are text",
        written("a,kind\n" + "x,u\ny,v\nz,w\n" * 20),
        code=4,
        says=["no column of numbers to learn from", "left out: a (text such as 'x')"],
    ),
    Situation(
        "columns that count",
        "percentages",
        table(third=lambda v: f"{v}%"),
        columns=("a", "b", "c"),
        says=["c in percent"],
        inputs=[[a, b, c / 100] for a, b, c in FIRST],
    ),
    Situation("columns that count", "percentages with blanks", table(third=lambda v: f"{v} %"), columns=("a", "b", "c")),
    Situation(
        "columns that count",
        "True and False",
        table(third=lambda v: v > 1),
        columns=("a", "b", "c"),
        says=["c as 0 and 1"],
        inputs=[[a, b, c > 1] for a, b, c in FIRST],
    ),
    Situation("columns that count", "TRUE and FALSE of R", table(third=lambda v: str(v > 1).upper()), columns=("a", "b", "c")),
    Situation("columns that count", "yes and no", table(third=lambda v: ("no", "yes")[v > 1]), columns=("a", "b", "c")),
    Situation(
        "columns that count",
        "numbers and percentages in one",
        table(third=lambda v: f"{v}%" if v > 1 else v),
        code=4,
        settings=settings(CSV),
        says=["Write all of them with a percent sign, or none."],
    ),
]

GAPS = [
    Situation(
        "gaps",
        name,
        table(third=lambda v, cell=cell: cell if v > 3.5 else v),
        columns=("a", "b"),
        says=["left out: c (", "of 60 cells have no value)"],
    )
    for name, cell in (("NA", "NA"), ("empty", ""), ("nan", "nan"), ("a question mark", "?"), ("NULL", "NULL"), ("N/A", "#N/A"))
]
GAPS += [
    Situation(
        "gaps",
        "in an experiment of the user's",
        table(third=lambda v: "NA" if v > 3.5 else v),
        code=4,
        settings=settings(CSV),
        says=["column c: 'NA' is not a number (and ", "list the columns to learn from as features."],
    ),
    Situation(
        "gaps",
        "whole numbers with one",
        table(third=lambda v: "NA" if v == FIRST[0][2] else int(v * 9 + 100)),
        columns=("a", "b"),
        says=["1 of 60 cells"],
    ),
    Situation(
        "gaps",
        "-999, as the user says",
        table(third=lambda v: -999 if v > 3.5 else v),
        code=4,
        settings=settings("csv: {path: {data}, label: kind, missing_values: [-999]}"),
        says=["column c: '-999' is not a number (and"],
    ),
    Situation(
        "gaps",
        "rows of commas at the end",
        written(PLAIN + ",,,\n,,,\n"),
        columns=("a", "b", "c"),
        says=["2 empty rows left out", "60 rows"],
    ),
    Situation("gaps", "a short row", written(inserted(PLAIN, 10, "1,2")), code=4, says=["data.csv:11: 2 fields, expected 4"]),
    Situation(
        "gaps",
        "a word among numbers",
        table(third=lambda v: "much" if v > 3.9 else v),
        columns=("a", "b"),
        says=["left out: c (", "no numbers, such as 'much'"],
    ),
    Situation(
        "gaps",
        "an empty label",
        written(inserted(PLAIN, 10, "1,2,3,")),
        code=4,
        says=["data.csv:11: column kind: the cell is empty."],
    ),
]

ORDER = [
    Situation("order", "sorted by class", table(rows=sorted_rows()), says=["to validate: u 4, v 4, w 4"]),
    Situation("order", "sorted by class, of an npz", npz(np.sort), classes=("0", "1", "2"), says=["to validate: 0 4, 1 4, 2 4"]),
    Situation(
        "order",
        "a class of one sample",
        table(rows=[(2, [1.0, 2.0, 3.0]), *[row for row in numbers() if row[0] < 2]]),
        says=["kind"],
    ),
    Situation(
        "order",
        "x_test and y_test",
        npz(lambda y: y, x_test=np.ones((6, 3)), y_test=np.arange(6) % 3),
        classes=("0", "1", "2"),
        says=["60 samples to train on, 6 samples to validate on"],
    ),
    Situation(
        "order",
        "X_train, X_val and an array that is not used",
        npz(lambda y: y, X_train=np.ones((9, 3)), Y_train=np.arange(9) % 3, x_val=np.ones((6, 3)), y_val=np.arange(6) % 3),
        classes=("0", "1", "2"),
        says=["60 samples to train on, 6 samples to validate on", "not used: X_train, Y_train"],
    ),
]

NUMBERS = [
    Situation(
        "forms of numbers",
        "decimal commas",
        written(semicolons()),
        columns=("a", "b", "c"),
        inputs=FIRST,
        says=["delimiter ';'", "decimal ','"],
    ),
    Situation(
        "forms of numbers",
        "decimal commas, in an experiment of the user's",
        written(semicolons()),
        settings=settings(CSV),
        columns=("a", "b", "c"),
        inputs=FIRST,
        says=["decimal ','"],
    ),
    Situation(
        "forms of numbers",
        "decimal commas in quotes between commas",
        table(third=lambda v: quoted(comma(f"{v:.2f}"))),
        columns=("a", "b", "c"),
        code=4,
        settings=settings(CSV),
        says=["Numbers are written in more than one way"],
    ),
    Situation(
        "forms of numbers",
        "all with decimal commas in quotes",
        table(all_cells=lambda v: quoted(comma(v))),
        columns=("a", "b", "c"),
        inputs=FIRST,
        says=["decimal ','"],
    ),
    Situation(
        "forms of numbers",
        "thousands",
        table(third=lambda v: quoted(f"{int(abs(v) * 1000):,}")),
        columns=("a", "b", "c"),
        inputs=[[a, b, int(abs(c) * 1000)] for a, b, c in FIRST],
        says=["thousands ','"],
    ),
    Situation(
        "forms of numbers",
        "points between thousands and decimal commas",
        written(
            text_of(
                head="a;b;c;kind",
                delimiter=";",
                all_cells=lambda v: f"{float(v) * 1000:,.2f}".translate(str.maketrans(",.", ".,")),
            )
        ),
        columns=("a", "b", "c"),
        inputs=[[round(v * 1000, 2) for v in row] for row in FIRST],
        says=["decimal ',', thousands '.'"],
    ),
    Situation(
        "forms of numbers",
        "blanks between thousands",
        table(third=lambda v: f"{int(abs(v) * 10000):,}".replace(",", "\u00a0")),
        columns=("a", "b", "c"),
        inputs=[[a, b, int(abs(c) * 10000)] for a, b, c in FIRST],
        says=["thousands ' '"],
    ),
    Situation(
        "forms of numbers",
        "commas that may be either",
        written(text_of(head="a|b|c|kind", delimiter="|", all_cells=lambda v: f"{int(abs(v) * 1000 + 1000):,}")),
        code=4,
        says=["may be ", "Set thousands: ',' or decimal: ','."],
    ),
    Situation(
        "forms of numbers",
        "percentages with decimal commas",
        written(semicolons(third=lambda v: f"{v}%")),
        columns=("a", "b", "c"),
        inputs=[[a, b, c / 100] for a, b, c in FIRST],
    ),
    Situation("forms of numbers", "blanks round them", table(third=lambda v: f" {v} "), columns=("a", "b", "c"), inputs=FIRST),
    Situation(
        "forms of numbers",
        "decimal commas that the user denies",
        written(semicolons()),
        code=4,
        settings=settings('csv: {path: {data}, label: kind, decimal: "."}'),
        says=["If all are written so, set decimal: ','."],
    ),
]

FILES = [
    *(
        Situation("files", f"delimiter {name}", written(PLAIN.replace(",", sign)), columns=("a", "b", "c"), inputs=FIRST)
        for name, sign in (("semicolon", ";"), ("tab", "\t"), ("bar", "|"))
    ),
    *(
        Situation(
            "files",
            f"delimiter {name}, in an experiment of the user's",
            written(PLAIN.replace(",", sign)),
            settings=settings(CSV),
            columns=("a", "b", "c"),
        )
        for name, sign in (("semicolon", ";"), ("tab", "\t"), ("bar", "|"))
    ),
    Situation("files", "packed", packed(PLAIN), columns=("a", "b", "c"), inputs=FIRST),
    Situation(
        "files", "packed, ending .tsv.gz", packed(PLAIN.replace(",", "\t"), "data.tsv.gz"), columns=("a", "b", "c"), inputs=FIRST
    ),
    Situation("files", "packed, but not called so", packed(PLAIN, "data.csv"), columns=("a", "b", "c"), inputs=FIRST),
    Situation("files", "packed otherwise", packed_otherwise(PLAIN), code=4, says=["packed with bzip2"]),
    Situation(
        "files",
        "packed and cut short",
        written(gzip.compress(PLAIN.encode())[:200], "data.csv.gz"),
        code=4,
        says=["cut short or damaged"],
    ),
    Situation(
        "files", "an Excel workbook", written(b"PK\x03\x04rest", "data.csv"), code=4, says=["an Excel workbook", "save it as CSV"]
    ),
    *(
        Situation("files", f"ending {name}", written(PLAIN, name), columns=("a", "b", "c"))
        for name in ("data.CSV", "data.txt", "data.TSV", "data.Csv.GZ")
    ),
    *(
        Situation("files", f"line ends {name}", written(PLAIN.replace("\n", end)), columns=("a", "b", "c"), inputs=FIRST)
        for name, end in (("of Windows", "\r\n"), ("of old Macs", "\r"))
    ),
    Situation("files", "sep=;", written("sep=;\n" + PLAIN.replace(",", ";")), columns=("a", "b", "c"), inputs=FIRST),
    Situation(
        "files",
        "sep= and a tab, with line ends of Windows",
        written("sep=\t\r\n" + PLAIN.replace(",", "\t").replace("\n", "\r\n")),
        columns=("a", "b", "c"),
        inputs=FIRST,
    ),
    Situation(
        "files",
        "sep=; in an experiment of the user's",
        written("sep=;\n" + PLAIN.replace(",", ";")),
        settings=settings(CSV),
        columns=("a", "b", "c"),
    ),
    Situation(
        "files",
        "a wrong row behind sep=",
        written("sep=,\n" + inserted(PLAIN, 10, "1,2")),
        code=4,
        says=["data.csv:12: 2 fields"],
    ),
    Situation(
        "files",
        "a long cell",
        table(third=lambda v: "x" * 140_000 if v == FIRST[0][2] else "short"),
        columns=("a", "b"),
        says=["left out: c (text"],
    ),
    Situation(
        "files",
        "UTF-16 of Excel",
        written(PLAIN.replace(",", "\t").encode("utf-16")),
        columns=("a", "b", "c"),
        inputs=FIRST,
        says=["encoding utf-16"],
    ),
    Situation(
        "files",
        "Windows-1252",
        written(text_of(lambda c: ("süß", "groß", "mild")[c]).encode("cp1252")),
        classes=("groß", "mild", "süß"),
        says=["encoding cp1252"],
    ),
    Situation(
        "files",
        "Windows-1252, in an experiment of the user's",
        written(text_of(lambda c: ("süß", "groß", "mild")[c]).encode("cp1252")),
        classes=("groß", "mild", "süß"),
        settings=settings(CSV),
        says=["is no UTF-8 and is read as Windows-1252"],
    ),
    Situation("files", "names in quotes with commas", table(head='"a, in mm",b,c,kind'), columns=("a, in mm", "b", "c")),
]

CHOICE = [
    Situation(
        "the label", "named by the user", table(head="label,b,c,kind"), options=("--label", "kind"), columns=("label", "b", "c")
    ),
    Situation(
        "the label",
        "a name that is no column",
        table(),
        options=("--label", "kinds"),
        code=4,
        says=["There is no column kinds. Did you mean kind?"],
    ),
    Situation(
        "the label",
        "row numbers stand last",
        written(text_of(lambda c: f"{'uvw'[c]},IDX", head="a,b,c,what,idx").replace("IDX", "7")),
        says=["label what: 3 classes"],
    ),
    Situation(
        "the label",
        "a year stands last",
        written(text_of(lambda c: f"{'uvw'[c]},2007", head="a,b,c,what,year")),
        says=["label what: 3 classes"],
    ),
    Situation(
        "the label", "a guess is told", table(head="a,b,c,mood"), says=["The label mood is a guess", "--label names another"]
    ),
    Situation("the label", "a coordinate y", table(head="x,y,z,mood"), columns=("x", "y", "z")),
    Situation(
        "the label", "of an npz", npz(lambda y: y, other=np.arange(60) % 2 + 5), options=("--label", "other"), classes=("5", "6")
    ),
    Situation(
        "the label",
        "text that differs in each row",
        written("a,name\n" + "".join(f"{n % 7},n{n}x\n" for n in range(60))),
        options=("--label", "name"),
        code=4,
        says=["these are no classes"],
    ),
]

TABLES = [*HEADS, *LEFT_OUT, *GAPS, *ORDER, *NUMBERS, *FILES, *CHOICE]
