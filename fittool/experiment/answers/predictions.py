"""Predictions as rows and as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.errors import Problem
from fittool.experiment.answers.decoding import Answers
from fittool.runs.files.json_text import to_json
from fittool.runs.files.spreadsheet_text import csv_table

Form = Literal["csv", "jsonl", "npz"]
FORMS: Mapping[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz"}
"""The form that a file has by the ending of its name, in any case."""
_COLUMNS = ("input", "prediction", "probability", "score", "truth")


@dataclass(frozen=True)
class Predictions:
    """The answers of a network for N samples.

    Attributes:
        names: Each sample's file or row.
        answers: What the network says of each.
        bad: The inputs that could not be read, each with the reason.
        empty: (N,) which rows have no answer, as their input could not be read; None: none of them.
        truth: What is right for each sample, where the data say so: a class, a mapping of labels, a number or several.
        kept: Further columns, N values each.
        warnings: Further things that a user should know of the samples.
    """

    names: tuple[str, ...]
    answers: Answers
    bad: tuple[Problem, ...] = ()
    empty: NDArray[np.bool_] | None = None
    truth: tuple[Any, ...] | None = None
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping a sample: `input`, what was kept, `prediction` and its probability, one entry a class, label or number."""
        for number, name in enumerate(self.names):
            row: dict[str, Any] = {"input": name}
            row |= {_apart(column, "kept"): cells[number] for column, cells in self.kept.items()}
            answer = self._answer(number)
            if self.empty is not None and self.empty[number]:
                answer = dict.fromkeys(answer)
            yield row | answer | ({} if self.truth is None else _truth(self.truth[number]))

    def columns(self) -> dict[str, Any]:
        """The columns of a row, each with nothing in it."""
        ones = {name: np.zeros((1, *output.shape[1:]), output.dtype) for name, output in self.answers.outputs.items()}
        alone = replace(self, names=("",), answers=replace(self.answers, outputs=ones), empty=np.ones(1, bool), truth=None)
        return next(replace(alone, kept=dict.fromkeys(self.kept, ("",))).rows())

    def _answer(self, number: int) -> dict[str, Any]:
        """The columns of one sample's answer."""
        answers = self.answers
        if len(answers.outputs) == 1:
            (output,) = answers.outputs.values()
            values = _numbers(output[number])
            if answers.kind == "classes" and answers.names is not None:
                best = int(answers.decided[number])
                return _of_classes(answers.names, values, best, "probability" if answers.are_probabilities else "score")
            if answers.kind == "labels" and answers.names is not None:
                holds = answers.decided[number].tolist()
                return _of_labels(answers.names, values, holds, "probability" if answers.are_probabilities else "score")
            if answers.names is not None:
                return {_apart(name, "target"): value for name, value in zip(answers.names, values, strict=True)}
            return _with_names("prediction", "output", values)
        row: dict[str, Any] = {}
        for key, output in answers.outputs.items():
            values, classes = _numbers(output[number]), answers.classes.get(key)
            if classes is None:
                row |= _with_names(_apart(key, "class"), key, values)
            else:
                best = int(np.argmax(values))
                row |= {_apart(key, "class"): classes[best], f"{key} probability": values[best]}
                row |= {f"{key} {name}": value for name, value in zip(classes, values, strict=True)}
        return row

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`input` (N,), `output` (N, …) or `output_<name>` of each.

        Of classes also `prediction` (N,) and `classes` (K,); of labels `prediction` (N, K), whether they hold, and `labels` (K,).
        Where they are asked for, `truth` and `kept_<column>` (N,). Rows without an answer are NaN.
        """
        arrays: dict[str, NDArray[Any]] = {"input": np.array(self.names, np.str_)}
        single = len(self.answers.outputs) == 1
        for name, output in self.answers.outputs.items():
            arrays["output" if single else f"output_{name}"] = self._with_gaps(output)
        for name, classes in self.answers.classes.items():
            best = self.answers.outputs[name].argmax(axis=1)
            arrays |= {f"prediction_{name}": np.array(classes)[best], f"classes_{name}": np.array(classes)}
        names = None if self.answers.names is None else np.array(self.answers.names)
        if names is not None and self.answers.kind == "classes":
            arrays |= {"prediction": names[self.answers.decided], "classes": names}
        elif names is not None and self.answers.kind == "labels":
            arrays |= {"prediction": self.answers.decided, "labels": names}
        if self.truth is not None:
            arrays["truth"] = np.array([list(one.values()) if isinstance(one, dict) else one for one in self.truth])
        return arrays | {f"kept_{column}": np.array(cells, np.str_) for column, cells in self.kept.items()}

    def _with_gaps(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.empty is None:
            return output
        gaps = output.copy()
        gaps[self.empty] = np.nan
        return gaps


def _numbers(output: NDArray[np.float32]) -> list[float]:
    return [float(str(value)) for value in output.reshape(-1)]  # the shortest that is the same float32


def _with_names(alone: str, prefix: str, values: list[float]) -> dict[str, float]:
    """Values under a name of their own if there is one, else numbered."""
    return {alone: values[0]} if len(values) == 1 else {f"{prefix}_{number}": value for number, value in enumerate(values)}


def _of_classes(class_names: tuple[str, ...], values: list[float], best: int, what: str) -> dict[str, Any]:
    classes = dict(zip(class_names, values, strict=True))
    named = {_apart(name, "class"): value for name, value in classes.items()}
    return {"prediction": class_names[best], what: values[best]} | named


def _of_labels(labels: tuple[str, ...], values: list[float], holds: list[bool], what: str) -> dict[str, Any]:
    """Those that hold, then for each label whether it does, and how sure that is."""
    row: dict[str, Any] = {"prediction": " ".join(label for label, held in zip(labels, holds, strict=True) if held)}
    for label, value, held in zip(labels, values, holds, strict=True):
        row |= {_apart(label, "label"): "yes" if held else "no", f"{label} {what}": value}
    return row


def _truth(truth: Any) -> dict[str, Any]:
    """The columns of what is right: `truth`, or one for each label or number."""
    return {f"{name} truth": value for name, value in truth.items()} if isinstance(truth, dict) else {"truth": truth}


def _apart(name: str, what: str) -> str:
    """A class or output whose name is that of another column gets a prefix."""
    return f"{what} {name}" if name in _COLUMNS else name


def encode(predictions: Predictions, form: Form) -> bytes:
    """The file's content; npz holds the arrays of `Predictions.arrays`."""
    if form == "csv":
        heading = csv_table([predictions.columns()]).split(b"\n")[0] + b"\n"
        return csv_table(list(predictions.rows())) if predictions.names else heading
    if form == "jsonl":
        return b"".join(to_json(row) + b"\n" for row in predictions.rows())
    content = BytesIO()
    np.savez(content, **predictions.arrays())  # type: ignore[arg-type]
    return content.getvalue()
