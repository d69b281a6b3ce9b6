"""Tables: heads, columns that are learnt from and that are left out, gaps, order, the choice of the label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from found.labels import CSV, settings
from found.making import FIRST, PLAIN, inserted, npz, numbers, quoted, sorted_rows, table, text_of, written, x_and_y
from found.situation import Make, Situation

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
        says=["left out: Unnamed: 0 (counts the rows)"],
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
        "columns that count",
        "words",
        table(third=lambda v: "male" if v > 1 else "female"),
        columns=("a", "b", "c"),
        says=["learns from 3 columns: a, b, c; 3 classes", "2 of 0 and 1: female, male"],
    ),
    Situation(
        "columns that count",
        "dates",
        table(third=lambda v: f"2024-01-{int(v) % 20 + 10}"),
        columns=("a", "b", "c"),
        says=["c       date "],
    ),
    Situation("columns left out", "empty", table(third=lambda v: ""), columns=("a", "b"), says=["left out: c (empty)"]),
    Situation(
        "columns left out", "nothing but gaps", table(third=lambda v: "NA"), columns=("a", "b"), says=["left out: c (empty)"]
    ),
    Situation(
        "columns that count",
        "codes of which two look like numbers",
        table(third=lambda v: "0E0" if v > 3.9 else f"{int(v * 100)}M"),
        columns=("a", "b"),
        says=["left out: c (another word in most rows)"],
    ),
    Situation(
        "columns that count",
        "words, in an experiment of the user's",
        table(third=lambda v: "male" if v > 1 else "female"),
        settings=settings(CSV),
        columns=("a", "b", "c"),
        says=["2 of 0 and 1: female, male"],
    ),
    Situation(
        "columns that count",
        "words alone",
        written("a,kind\n" + "x,u\ny,v\nz,w\n" * 20),
        columns=("a",),
        says=["3 of 0 and 1: x, y, z"],
    ),
    Situation(
        "columns left out",
        "all are the same",
        written("a,kind\n" + "x,u\nx,v\nx,w\n" * 20),
        code=4,
        says=["There is no column to learn from beside the label kind.", "left out: a (always 'x')"],
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
        columns=("a", "b", "c"),
        says=["c       number    13        35", "gaps become 1.021, and an indicator"],
    )
    for name, cell in (("NA", "NA"), ("empty", ""), ("nan", "nan"), ("a question mark", "?"), ("NULL", "NULL"), ("N/A", "#N/A"))
]
GAPS += [
    Situation(
        "gaps",
        "in an experiment of the user's",
        table(third=lambda v: "NA" if v > 3.5 else v),
        settings=settings(CSV),
        columns=("a", "b", "c"),
        says=["c       number    13        35", "gaps become 1.011, and an indicator"],
    ),
    Situation(
        "gaps",
        "in an experiment of a user who wants none",
        table(third=lambda v: "NA" if v > 3.5 else v),
        code=4,
        settings=settings(CSV).replace("data: {", "data: {columns: {c: {number: {missing: error}}}, ", 1),
        says=["column c: 13 of 48 cells have no value, and missing is error. Set missing to median"],
    ),
    Situation(
        "gaps",
        "whole numbers with one",
        table(third=lambda v: "NA" if v == FIRST[0][2] else int(v * 9 + 100)),
        columns=("a", "b", "c"),
        says=["c       number     1 ", "gaps become 117, and an indicator"],
    ),
    Situation(
        "gaps",
        "-999, as the user says",
        table(third=lambda v: -999 if v > 3.5 else v),
        settings=settings("csv: {path: {data}, label: kind, missing_values: [-999]}"),
        columns=("a", "b", "c"),
        says=["c       number    13        35", "gaps become 1.011, and an indicator"],
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
        columns=("a", "b", "c"),
        says=["'much' in c counts as a gap, as all other cells are numbers"],
    ),
    Situation(
        "gaps",
        "an empty label",
        written(inserted(PLAIN, 10, "1,2,3,")),
        says=["1 row without kind left out"],
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


def archive(**arrays: np.ndarray) -> Make:
    """Writes an archive of some arrays."""

    def make(folder: Path) -> str:
        np.savez(folder / "data.npz", **arrays)
        return "data.npz"

    return make


X, Y = x_and_y()
ARCHIVES = [
    Situation("arrays by name", "arr_0 and arr_1", archive(arr_0=X, arr_1=Y), classes=("0", "1", "2")),
    Situation("arrays by name", "data and target", archive(data=X, target=Y), classes=("0", "1", "2")),
    Situation("arrays by name", "Features and Labels", archive(Features=X, Labels=Y), classes=("0", "1", "2")),
    Situation(
        "arrays by name",
        "train_images, val_images and test_images",
        archive(
            train_images=X,
            train_labels=Y[:, None],
            val_images=X[:6],
            val_labels=Y[:6, None],
            test_images=X[:3],
            test_labels=Y[:3, None],
        ),
        classes=("0", "1", "2"),
        says=["60 samples to train on, 6 samples to validate on", "not used: test_images, test_labels"],
    ),
    Situation(
        "arrays by name",
        "no labels",
        archive(x=X, other=Y),
        code=4,
        says=["It needs an array of inputs, x, and one of labels, y; it holds x, other."],
    ),
    Situation(
        "arrays by name", "labels for other samples", archive(x=X, y=Y[:50]), code=4, says=["different numbers of samples"]
    ),
]

TABLES = [*ARCHIVES, *HEADS, *LEFT_OUT, *GAPS, *ORDER, *CHOICE]
