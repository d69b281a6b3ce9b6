"""Labels: each way to write them is kept as it is, and tells classes from numbers alike in all sources."""

from __future__ import annotations

import numpy as np
from found.making import idx, npy, npz, packed, semicolons, table, text_of, written
from found.situation import Situation

SIX = ("1", "2", "3", "4", "5", "6")
TRAIN = """
data: {train: {SOURCE}, validation: {split: {kind: stratified}}}
model: {layers: [Normalization, {Dense: {units: UNITS, activation: ACTIVATION}}]}
compile: {loss: LOSS, optimizer: adam}
"""


def settings(source: str, units: int = 3, loss: str = "sparse_categorical_crossentropy", activation: str = "softmax") -> str:
    """An experiment that a user writes on some data."""
    text = TRAIN.replace("{SOURCE}", f"{{{source}}}").replace("UNITS", str(units))
    return text.replace("LOSS", loss).replace("ACTIVATION", activation)


CSV = "csv: {path: {data}, label: kind}"
NPZ = "npz: {path: {data}}"

_CODES = [
    ("1 to 3", lambda c: c + 1, ("1", "2", "3")),
    ("0 to 2", lambda c: c, ("0", "1", "2")),
    ("01 to 03", lambda c: f"0{c + 1}", ("01", "02", "03")),
    ("00 to 02", lambda c: f"0{c}", ("00", "01", "02")),
    ("9, 10 and 11", lambda c: c + 9, ("9", "10", "11")),
    ("-1 and 1", lambda c: (-1, 1)[c > 0], ("-1", "1")),
    ("-1 and +1", lambda c: ("-1", "+1")[c > 0], ("-1", "+1")),
    ("-1, 0 and 1", lambda c: c - 1, ("-1", "0", "1")),
    ("with gaps", lambda c: (3, 7, 30)[c], ("3", "7", "30")),
    ("0 and 2", lambda c: (0, 2)[c > 0], ("0", "2")),
    ("1.0 to 3.0", lambda c: c + 1.0, ("1.0", "2.0", "3.0")),
    ("large", lambda c: 10**12 + c, ("1000000000000", "1000000000001", "1000000000002")),
    ("True and False", lambda c: c > 0, ("False", "True")),
    ("yes and no", lambda c: ("no", "yes")[c > 0], ("no", "yes")),
    ("words", lambda c: ("rot", "grün", "blau")[c], ("blau", "grün", "rot")),
    ("digits and a letter", lambda c: ("7", "8", "B")[c], ("7", "8", "B")),
    ("amounts with blanks", lambda c: (" <=50K", " >50K")[c > 0], ("<=50K", ">50K")),
    ("in quotes", lambda c: f'"{"uvw"[c]}, then"', ("u, then", "v, then", "w, then")),
    ("one number in two ways", lambda c: ("1", "01", "2")[c], None),
]
_ARRAYS = [
    ("1 to 3", lambda y: y + 1, ("1", "2", "3")),
    ("with gaps", lambda y: np.array([3, 7, 30])[y], ("3", "7", "30")),
    ("-1 and 1", lambda y: np.where(y > 0, 1, -1), ("-1", "1")),
    ("bytes of 8 bits", lambda y: (y + 1).astype(np.uint8), ("1", "2", "3")),
    ("whole floats", lambda y: y + 1.0, ("1", "2", "3")),
    ("booleans", lambda y: y > 0, ("False", "True")),
    ("text", lambda y: np.array(["b", "a", "c"])[y], ("a", "b", "c")),
    ("bytes", lambda y: np.array([b"b", b"a", b"c"])[y], ("a", "b", "c")),
    ("text of numbers", lambda y: np.array(["01", "02", "10"])[y], ("01", "02", "10")),
    ("a column", lambda y: y[:, None], ("0", "1", "2")),
    ("a column of 8 bits", lambda y: (y[:, None] + 1).astype(np.uint8), ("1", "2", "3")),
    ("a column of text", lambda y: np.array(["b", "a", "c"])[y][:, None], ("a", "b", "c")),
]

LABELS = [
    *(
        Situation("labels of a table", name, table(label), classes=classes or ("1", "2"))
        for name, label, classes in _CODES
        if name != "amounts with blanks"
    ),
    Situation(
        "labels of a table",
        "blanks behind all commas",
        table(lambda c: (" <=50K", " >50K")[c > 0], all_cells=lambda v: f" {v}"),
        classes=("<=50K", ">50K"),
        columns=("a", "b", "c"),
    ),
    Situation(
        "labels of a table",
        "six classes",
        table(lambda c: c + 1, rows=[(n % 6, [n * 7 % 60, 2.0, 1.0 * n]) for n in range(60)]),
        classes=SIX,
    ),
    *(Situation("labels of an npz", name, npz(labels), classes=classes) for name, labels, classes in _ARRAYS),
    *(Situation("labels of npy files", name, npy(labels), classes=classes) for name, labels, classes in _ARRAYS),
    *(
        Situation("labels of MNIST's files", f"{name}{', packed' * pack}", idx(labels, pack=pack), classes=classes)
        for name, labels, classes in [_ARRAYS[0], _ARRAYS[1]]
        for pack in (False, True)
    ),
    Situation(
        "numbers to predict", "in a table", table(lambda c: c + 0.25), classes=None, says=["label kind: a number to predict"]
    ),
    Situation(
        "numbers to predict",
        "amounts in a table",
        table(lambda c: c, rows=[(n * 7, [n % 9, 2.5, 1.0 * n]) for n in range(60)]),
        classes=None,
        says=["label kind: a number to predict", "to predict: kind"],
    ),
    Situation("numbers to predict", "in an npz", npz(lambda y: y + 0.5), classes=None, says=["a number to predict"]),
    Situation(
        "numbers to predict", "two in an npz", npz(lambda y: np.stack([y + 0.5, y], 1)), classes=None, says=["2 numbers to"]
    ),
    Situation("numbers to predict", "percentages", table(lambda c: f"{c + 1}0%"), classes=None, says=["a number to predict"]),
    Situation(
        "numbers to predict",
        "with decimal commas",
        written(semicolons(lambda c: f"{c},5")),
        classes=None,
        says=["label kind: a number to predict", "decimal ','"],
    ),
    Situation(
        "numbers to predict",
        "two columns of a table",
        table(),
        options=("--label", "b", "--label", "c"),
        classes=None,
        says=["2 numbers to predict", "to predict: b, c"],
        silent_on=["one class", "nothing to learn"],
    ),
    Situation(
        "rows of labels", "one-hot", npz(lambda y: np.eye(3)[y]), classes=("0", "1", "2"), says=["3 classes as one-hot rows"]
    ),
    Situation(
        "rows of labels",
        "several answers",
        npz(lambda y: np.stack([y > 0, y > 1], 1).astype(int)),
        classes=None,
        says=["2 answers of 0 or 1"],
    ),
    Situation(
        "rows of labels",
        "several answers in a table",
        table(lambda c: f"{c > 0},{c > 1}", head="a,b,c,one,two"),
        options=("--label", "one", "--label", "two"),
        classes=None,
        says=["2 answers of 0 or 1"],
        silent_on=["nothing to learn"],
    ),
    *(
        Situation(
            "labels and losses", f"{name} with {loss}", make, settings=settings(source, units, loss, activation), classes=classes
        )
        for name, make, source, classes in [
            ("-1 and 1", table(lambda c: (-1, 1)[c > 0]), CSV, ("-1", "1")),
            ("1 and 2", table(lambda c: 1 + (c > 0)), CSV, ("1", "2")),
            ("True and False", table(lambda c: c > 0), CSV, ("False", "True")),
            ("booleans of an npz", npz(lambda y: y > 0), NPZ, ("False", "True")),
            ("text of an npz", npz(lambda y: np.where(y > 0, "on", "off")), NPZ, ("off", "on")),
        ]
        for units, loss, activation in [(1, "binary_crossentropy", "sigmoid"), (2, "categorical_crossentropy", "softmax")]
    ),
    Situation(
        "labels and losses",
        "-1 and 1 with hinge",
        table(lambda c: (-1, 1)[c > 0]),
        settings=settings(CSV, 1, "hinge", "tanh").replace("stratified", "random"),
        classes=None,
    ),
    Situation(
        "class weights",
        "by name",
        table(lambda c: f"0{c + 1}"),
        classes=("01", "02", "03"),
        settings=settings(CSV) + 'train: {class_weight: {"01": 1, "02": 2, "03": 3}}\n',
    ),
    Situation(
        "class weights",
        "by value",
        table(lambda c: f"0{c + 1}"),
        classes=("01", "02", "03"),
        settings=settings(CSV) + "train: {class_weight: {1: 1, 2: 2, 3: 3}}\n",
    ),
    Situation(
        "class weights",
        "a value that no class has",
        table(lambda c: c + 1),
        code=3,
        says=["there is no class 0"],
        settings=settings(CSV) + "train: {class_weight: {0: 1, 1: 2, 2: 3}}\n",
    ),
    Situation(
        "labels that are missing",
        "NA among words",
        table(lambda c: ("u", "v", "NA")[c]),
        classes=("NA", "u", "v"),
        says=["20 of 60 labels are 'NA', which often stands for a missing value; here it is a class."],
    ),
    Situation(
        "labels that are missing",
        "none among words",
        table(lambda c: ("mild", "none", "severe")[c]),
        classes=("mild", "none", "severe"),
        says=["20 of 60 labels are 'none'"],
    ),
    Situation(
        "labels that are missing",
        "nan among words of an npz",
        npz(lambda y: np.array(["u", "v", "nan"])[y]),
        classes=("nan", "u", "v"),
        says=["20 of 60 labels are 'nan'"],
    ),
    Situation(
        "labels that are missing",
        "NA among numbers",
        table(lambda c: ("0", "1", "NA")[c]),
        classes=("0", "1"),
        says=["20 rows without kind left out"],
    ),
    Situation(
        "labels that are missing",
        "empty",
        table(lambda c: ("u", "v", "")[c]),
        classes=("u", "v"),
        says=["20 rows without kind left out"],
    ),
    Situation(
        "labels that are missing",
        "empty, and the user wants none",
        table(lambda c: ("u", "v", "")[c]),
        code=4,
        settings=settings(CSV).replace("data: {", "data: {on_missing_label: error, ", 1),
        says=["column kind: the cell is empty (and 19 more cells have no value)."],
    ),
    Situation(
        "labels that are missing",
        "empty in an npz",
        npz(lambda y: np.array(["u", "v", ""])[y]),
        code=4,
        says=["data.npz: y[2]: ", "the label is empty"],
    ),
    Situation(
        "labels that are missing",
        "NaN in an npz",
        npz(lambda y: np.where(y > 1, np.nan, y)),
        code=4,
        says=["NaN or infinite"],
    ),
    Situation(
        "labels that are missing",
        "named as such by the user",
        table(lambda c: ("u", "v", "none")[c]),
        classes=("u", "v"),
        settings=settings("csv: {path: {data}, label: kind, missing_values: [none]}", units=2),
        says=["20 rows without kind left out"],
    ),
    Situation(
        "labels that are missing",
        "meant as a class",
        table(lambda c: ("u", "v", "none")[c]),
        classes=("none", "u", "v"),
        settings=settings("csv: {path: {data}, label: kind, missing_values: []}"),
        silent_on=["missing value"],
    ),
    *(
        Situation(
            "labels of one class", name, make, options, code=4, says=[f"labels are '{value}', so there is nothing to learn"]
        )
        for name, make, value, options in (
            ("in a table", table(lambda c: "u"), "u", ("--label", "kind")),
            ("in a table, a number", table(lambda c: 7), 7, ("--label", "kind")),
            ("in an npz", npz(np.zeros_like), 0, ()),
            ("in npy files", npy(np.ones_like), 1, ()),
            ("in MNIST's files", idx(np.zeros_like, pack=False), 0, ()),
        )
    ),
    Situation(
        "labels by chance", "packed", packed(text_of(lambda c: c + 1)), classes=("1", "2", "3"), says=["data.csv.gz: 60 rows"]
    ),
]
