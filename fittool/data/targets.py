"""What samples are labelled with, in the form that `class_mode` asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import as_numbers, check_finite
from fittool.data.batch import Array
from fittool.data.formats.number_parsing import is_number
from fittool.errors import DataError, ExperimentError, Problem
from fittool.settings import nearest_name

ClassMode: TypeAlias = Literal["auto", "sparse", "categorical", "binary", "input"] | None
"""`data.class_mode`: class numbers, one-hot rows, 0 or 1, the input itself, none (None), or `auto`: numbers as they are."""

_MOST_CLASSES = 1_000_000
_SHOWN = 5
_LONGEST = 40


@dataclass(frozen=True)
class Targets:
    """The targets of all samples of a dataset.

    Attributes:
        values: (N,) int64 class numbers where `class_names` are known, (N, …) numbers or one-hot rows where the data gave
            such, or None: the targets are the inputs, or there are none.
        class_names: The name of each class number; None where the targets are plain numbers.
        class_mode: In which form batches hold them.
    """

    values: Array | None
    class_names: tuple[str, ...] | None = None
    class_mode: ClassMode = "auto"

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class number of each sample, or None where the targets are no classes."""
        if self.values is None or self.class_names is None:
            return None
        if self.values.ndim == 1:
            return self.values.astype(np.int64, copy=False)
        return np.asarray(self.values.argmax(axis=1), np.int64)

    def take(self, indices: NDArray[np.int64], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The targets of some samples.

        Args:
            indices: (N,) which ones.
            inputs: Their inputs, which are the targets themselves in class mode `input`.

        Returns:
            One array (N, …): int64 for class mode `sparse`, float32 for `categorical` (N, classes) and `binary` (N, 1).
        """
        if self.class_mode == "input":
            return inputs
        return () if self.values is None else (self._formed(self.values.take(indices, axis=0)),)

    def all(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The targets of all samples, in the form of `take`."""
        if self.class_mode == "input":
            return inputs
        return () if self.values is None else (self._formed(self.values),)

    def select(self, indices: NDArray[np.int64]) -> Targets:
        """The targets of some samples, as targets of their own."""
        values = None if self.values is None else self.values.take(indices, axis=0)
        return Targets(values, self.class_names, self.class_mode)

    def _formed(self, values: Array) -> Array:
        if self.class_names is None or values.ndim != 1:
            return values
        if self.class_mode == "categorical":
            rows = np.zeros((len(values), len(self.class_names)), np.float32)
            rows[np.arange(len(values)), values.astype(np.int64, copy=False)] = 1
            return rows
        return values.astype(np.float32)[:, np.newaxis] if self.class_mode == "binary" else values


def no_targets(class_mode: ClassMode) -> Targets:
    """For class modes `input` and None, which read no labels."""
    return Targets(None, None, class_mode)


def reads_labels(class_mode: ClassMode) -> bool:
    """Whether labels are read from the data at all."""
    return class_mode not in ("input", None)


def from_names(
    names: NDArray[np.str_], class_mode: ClassMode, known: tuple[str, ...] | None, place: Callable[[int], str], what: str
) -> Targets:
    """Targets from class names in words.

    Args:
        names: (N,) the class name of each sample.
        class_mode: The form of the targets.
        known: The classes of the training data, or None: the sorted names are the classes.
        place: Names sample i in messages.
        what: What the labels are called in messages ("column species").

    Raises:
        DataError: A class is not known in training, or the class mode does not fit the number of classes.
    """
    found, numbers_of = np.unique(names, return_inverse=True)
    if known is None:
        known = tuple(map(str, found))
    positions = {name: number for number, name in enumerate(known)}
    unknown = [str(name) for name in found if str(name) not in positions]
    if unknown:
        raise DataError([_unknown_class(name, known, place(int(np.argmax(names == name)))) for name in unknown[:_SHOWN]])
    table = np.array([positions[str(name)] for name in found], np.int64)
    return from_class_numbers(table[numbers_of.reshape(-1)], known, class_mode, what)


def from_text(
    texts: NDArray[np.str_], class_mode: ClassMode, known: tuple[str, ...] | None, place: Callable[[int], str], what: str
) -> Targets:
    """Targets from labels that are text: names of classes, or where the class mode stays `auto` the numbers they spell.

    Arguments and errors as in `from_names`.

    Raises:
        ExperimentError: Numbers are needed, and there are none.
    """
    if class_mode != "auto" or known is not None:
        return from_names(texts, class_mode, known, place, what)
    wrong = next((index for index, text in enumerate(texts) if not is_number(text.strip())), None)
    if wrong is not None:
        raise ExperimentError(needs_numbers(place(wrong), str(texts[wrong])))
    return from_numbers(whole_if_possible(np.char.strip(texts).astype(np.float64)), class_mode, known, what, place)


def whole_if_possible(values: NDArray[np.float64]) -> NDArray[np.float64] | NDArray[np.int64]:
    """Numbers as integers where all are whole and exact."""
    return values.astype(np.int64) if np.all(values % 1 == 0) and np.all(np.abs(values) < 2**53) else values


def needs_numbers(label: str, found: str) -> str:
    """What to say where a label is text, but the loss takes numbers."""
    return (
        f"{label} is {found[:_LONGEST]!r}, but the loss needs numbers. For names of classes use sparse_categorical_crossentropy."
    )


def as_text(array: NDArray[Any], called: Callable[[int], str]) -> NDArray[np.str_]:
    """(N,) text from text or bytes.

    Raises:
        DataError: Bytes that are not UTF-8; names the first.
    """
    if array.dtype.kind == "U":
        return array
    texts = []
    for index, value in enumerate(array.tolist()):
        try:
            texts.append(value.decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(f"{called(index)} is {value[:_LONGEST]!r}, which is not UTF-8.") from None
    return np.array(texts, np.str_)


def from_class_numbers(labels: NDArray[np.int64], class_names: tuple[str, ...], class_mode: ClassMode, what: str) -> Targets:
    """Targets from (N,) class numbers whose names are known.

    Raises:
        DataError: Class mode `binary` with other than two classes.
    """
    if class_mode == "binary" and len(class_names) != 2:
        listed = ", ".join(class_names[:_SHOWN]) + (", …" if len(class_names) > _SHOWN else "")
        found = "1 class" if len(class_names) == 1 else f"{len(class_names)} classes"
        text = f"class_mode: binary needs two classes, but {what} gives {found} ({listed})."
        units = f"and a last layer of {len(class_names)} units with softmax"
        raise DataError(f"{text} Use class_mode: sparse, the loss sparse_categorical_crossentropy, {units}.")
    return Targets(labels, class_names, class_mode)


def from_numbers(
    array: NDArray[Any],
    class_mode: ClassMode,
    known: tuple[str, ...] | None,
    name: str,
    called: Callable[[int], str] | None = None,
) -> Targets:
    """Targets from numbers.

    Args:
        array: (N,), (N, 1) or (N, …) labels; text as in `from_text`.
        class_mode: `auto` leaves the numbers as they are, whole or not, unless the training data have named classes.
        known: The class names of the training data, or None.
        name: What the array is called in messages ("digits.npz: y").
        called: What the label of sample i is called in messages; by default `name[i]`.

    Raises:
        DataError: NaN; or class numbers were needed, and there are negative ones, fractions or ones unknown to training.
    """
    called = called or f"{name}[{{}}]".format
    if array.dtype.kind in "US" and array.ndim == 1:
        return from_text(as_text(array, called), class_mode, known, called, name)
    values = as_numbers(array, name)
    check_finite(values, name)
    if class_mode == "auto" and known is None:
        return Targets(values.astype(np.int64) if values.dtype == np.uint8 else values)
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim == 1:
        classes = _class_numbers(flat, known, called)
        count = int(classes.max()) + 1
        names = known or tuple(map(str, range(max(count, 2) if class_mode == "binary" else count)))
        return from_class_numbers(classes, names, class_mode, name)
    return _from_rows(values.astype(np.float32), class_mode, known, name)


def _class_numbers(values: Array, known: tuple[str, ...] | None, called: Callable[[int], str]) -> NDArray[np.int64]:
    """Labels as class numbers: whole, from 0, and below the number of known classes."""
    limit = _MOST_CLASSES if known is None else len(known)
    numbers_of = values.astype(np.int64)
    wrong = np.flatnonzero((numbers_of != values) | (numbers_of < 0) | (numbers_of >= limit))
    if len(wrong) == 0:
        return numbers_of
    value, more = values[wrong[0]].item(), len(wrong) - 1
    if value != int(value):
        rule, mend = "whole numbers from 0", " For regression use a regression loss such as mean_squared_error."
    elif value < 0:
        rule, mend = "whole numbers from 0", " Number the classes from 0."
    else:
        rule, mend = f"0 to {limit - 1:,}{'' if known is None else ', as in the training data'}", ""
    others = f" (and {more:,} more)" if more else ""
    found = str(value) if isinstance(value, int) else f"{value:g}"
    raise DataError(f"{called(int(wrong[0]))} is {found}{others}, but class numbers must be {rule}.{mend}")


def _from_rows(rows: NDArray[np.float32], class_mode: ClassMode, known: tuple[str, ...] | None, name: str) -> Targets:
    """Targets that come as (N, classes) rows already: one-hot, probabilities, or several yes-or-no answers."""
    if class_mode == "sparse":
        raise DataError(
            f"{name} has shape {rows.shape}, but class_mode: sparse needs one class number per sample. "
            "If these are one-hot rows, use class_mode: categorical and the loss categorical_crossentropy."
        )
    if rows.ndim != 2 or (known is not None and rows.shape[1] != len(known)):
        expected = f"(samples, {'classes' if known is None else len(known)})"
        raise DataError(f"{name} has shape {rows.shape}, but class_mode: {class_mode} needs {expected}.")
    outside = np.argwhere((rows < 0) | (rows > 1))
    if len(outside):
        row, column = outside[0]
        found = f"{name}[{row}, {column}] is {rows[row, column]:g}"
        raise DataError(f"{found}, but class_mode: {class_mode} needs numbers from 0 to 1.")
    if class_mode == "binary":
        return Targets(rows, None, class_mode)
    return Targets(rows, known or tuple(map(str, range(rows.shape[1]))), class_mode)


def _unknown_class(name: str, known: tuple[str, ...], place: str) -> Problem:
    near = nearest_name(name, known)
    mend = f" Did you mean {near}?" if near else f" Known are {', '.join(known[:_SHOWN])}{', …' if len(known) > _SHOWN else ''}."
    return Problem(f"The training data have no class {name!r}.{mend}", place)
