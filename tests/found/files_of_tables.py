"""Files of tables, and numbers in them, however they are written."""

from __future__ import annotations

import gzip

from found.labels import CSV, settings
from found.making import FIRST, PLAIN, comma, inserted, packed, packed_otherwise, quoted, semicolons, table, text_of, written
from found.situation import Situation

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
        columns=("a", "b", "c"),
        says=["2 of 0 and 1: short, xxxxxxxx"],
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


BLANKS = [
    Situation(
        "files", "blanks between cells", written(PLAIN.replace(",", " "), "data.dat"), columns=("a", "b", "c"), inputs=FIRST
    ),
    Situation(
        "files",
        "cells under each other",
        written(PLAIN.replace(",", "   ").replace("\n", "  \n")),
        columns=("a", "b", "c"),
        inputs=FIRST,
    ),
    Situation(
        "files",
        "R's names of rows",
        written(
            '"a" "b" "c" "kind"\n'
            + "".join(f'"{n}" {row}\n' for n, row in enumerate(PLAIN.replace(",", " ").splitlines()[1:], 1))
        ),
        columns=("a", "b", "c"),
        inputs=FIRST,
        says=["left out: a column without a name"],
    ),
    Situation(
        "files",
        "a first line unlike all others",
        written("60,3\n" + text_of(head="")[0:]),
        code=4,
        says=["data.csv:1: The first line has 2 fields, but all rows below have 4."],
    ),
]

FILES_OF_TABLES = [*BLANKS, *NUMBERS, *FILES]
