"""Predictions as rows and as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.errors import Problem
from fittool.runs.files.json_text import to_json
from fittool.runs.metrics_log import csv_table

Form = Literal["csv", "jsonl", "npz"]
FORMS: Mapping[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz"}
"""The form that a file has by the ending of its name."""
_COLUMNS = ("input", "prediction", "probability")


@dataclass(frozen=True)
class Predictions:
    """The answers of a network for N samples.

    Attributes:
        names: Each sample's file or row.
        outputs: (N, …) of each output of the network by its name; for classes (N, classes) probabilities.
        class_names: The name of each class of the only output, or None for numbers.
        skipped: The files that cannot be read and are left out, where the run's experiment says so.
        warnings: Further things that a user should know of the samples.
        target_names: The names of the numbers of the only output, where a table has named them.
    """

    names: tuple[str, ...]
    outputs: Mapping[str, NDArray[np.float32]]
    class_names: tuple[str, ...] | None
    skipped: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    target_names: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping a sample: `input`, `prediction`, `probability` and one entry a class, or the numbers of each output."""
        for number, name in enumerate(self.names):
            row: dict[str, Any] = {"input": name}
            if self.class_names is not None:
                (output,) = self.outputs.values()
                yield row | _of_classes(self.class_names, _numbers(output[number]))
            elif len(self.outputs) == 1:
                (output,) = self.outputs.values()
                yield row | self._targets(_numbers(output[number]))
            else:
                for key, output in self.outputs.items():
                    row |= _named(_apart(key), key, _numbers(output[number]))
                yield row

    def _targets(self, values: list[float]) -> dict[str, float]:
        if len(values) > 1 and len(self.target_names) == len(values):
            names = (f"target {name}" if name == "input" else name for name in self.target_names)
            return dict(zip(names, values, strict=True))
        return _named("prediction", "output", values)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`input` (N,), `output` (N, …) or `output_<name>` of each, and for classes `prediction` (N,) and `classes`."""
        arrays: dict[str, NDArray[Any]] = {"input": np.array(self.names, np.str_)}
        single = len(self.outputs) == 1
        arrays |= {"output" if single else f"output_{name}": output for name, output in self.outputs.items()}
        if self.class_names is not None:
            classes = np.array(self.class_names)
            best = arrays["output"].reshape(len(self.names), -1).argmax(axis=1)
            arrays |= {"prediction": classes[best], "classes": classes}
        return arrays


def _numbers(output: NDArray[np.float32]) -> list[float]:
    return [float(str(value)) for value in output.reshape(-1)]  # the shortest that is the same float32


def _named(alone: str, prefix: str, values: list[float]) -> dict[str, float]:
    """Values under a name of their own if there is one, else numbered."""
    return {alone: values[0]} if len(values) == 1 else {f"{prefix}_{number}": value for number, value in enumerate(values)}


def _of_classes(class_names: tuple[str, ...], values: list[float]) -> dict[str, Any]:
    best = int(np.argmax(values))
    classes = dict(zip(class_names, values, strict=True))
    named = {_apart(name): value for name, value in classes.items()}
    return {"prediction": class_names[best], "probability": values[best]} | named


def _apart(name: str) -> str:
    """A class or output whose name is that of another column gets a prefix."""
    return f"class {name}" if name in _COLUMNS else name


def encode(predictions: Predictions, form: Form) -> bytes:
    """The file's content; npz holds the arrays of `Predictions.arrays`."""
    if form == "csv":
        return csv_table(list(predictions.rows()))
    if form == "jsonl":
        return b"".join(to_json(row) + b"\n" for row in predictions.rows())
    content = BytesIO()
    np.savez(content, **predictions.arrays())  # type: ignore[arg-type]
    return content.getvalue()
