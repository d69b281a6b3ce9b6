"""Predictions as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np

from fittool.errors import UsageError
from fittool.experiment.predict import Predictions
from fittool.runs.files.json_text import to_json
from fittool.runs.history_table import csv_table

Form = Literal["csv", "jsonl", "npz"]


def format_of(path: Path) -> Form:
    """The form that a file's name asks for.

    Raises:
        UsageError: It is none that is written.
    """
    forms: dict[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz"}
    if path.suffix not in forms:
        raise UsageError(f"--out {path}: the name must end in .csv, .jsonl or .npz.")
    return forms[path.suffix]


def encode(predictions: Predictions, form: Form) -> bytes:
    """The file's content; npz holds `input` (N,), `output` (N, …) and, for classes, `prediction` (N,) and `classes`."""
    if form == "csv":
        return csv_table(list(predictions.rows()))
    if form == "jsonl":
        return b"".join(to_json(row) + b"\n" for row in predictions.rows())
    arrays = {"input": np.array(predictions.names, np.str_), "output": predictions.outputs}
    if predictions.class_names is not None:
        best = predictions.outputs.reshape(len(predictions.names), -1).argmax(axis=1)
        arrays |= {"prediction": np.array(predictions.class_names)[best], "classes": np.array(predictions.class_names)}
    content = BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()
