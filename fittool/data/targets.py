"""The labels of samples, in the form that `class_mode` asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import as_numbers, check_finite
from fittool.data.batch import Array
from fittool.data.class_labels import classes_of_numbers, classes_of_text
from fittool.data.formats.number_parsing import PLAIN, is_number
from fittool.errors import DataError, ExperimentError

ClassMode: TypeAlias = Literal["auto", "sparse", "categorical", "binary", "input"] | None
"""`data.class_mode`: class numbers, one-hot rows, 0 or 1, the input itself, none (None), or `auto`: numbers as they are."""

_MOST_CLASSES = 1_000_000
_YES_OR_NO = ("0", "1")
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
        """(N,) the class number of each sample, or None where the targets are no classes, or a sample may have several."""
        if self.values is None or self.class_names is None:
            return None
        if self.values.ndim == 1:
            return self.values.astype(np.int64, copy=False)
        if np.any(self.values.sum(axis=1) != 1):
            return None  # several labels a sample, or none
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
        return () if self.values is None else (self._form(self.values.take(indices, axis=0)),)

    def all(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The targets of all samples, one array (N, …), in the form of `take`."""
        if self.class_mode == "input":
            return inputs
        return () if self.values is None else (self._form(self.values),)

    def select(self, indices: NDArray[np.int64]) -> Targets:
        """The targets at (n,) indices, as targets of their own."""
        values = None if self.values is None else self.values.take(indices, axis=0)
        return Targets(values, self.class_names, self.class_mode)

    def _form(self, values: Array) -> Array:
        if self.class_names is None or values.ndim != 1:
            return values
        if self.class_mode == "categorical":
            rows = np.zeros((len(values), len(self.class_names)), np.float32)
            rows[np.arange(len(values)), values.astype(np.int64, copy=False)] = 1
            return rows
        return values.astype(np.float32)[:, np.newaxis] if self.class_mode == "binary" else values


@dataclass(frozen=True)
class JointTargets(Targets):
    """The targets of several outputs.

    Attributes:
        values: (N, outputs) all of them as numbers.
        parts: Those of each output.
    """

    parts: tuple[Targets, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Targets]) -> JointTargets:
        """Targets (N,) of each output, together."""
        columns = [np.asarray(part.values, np.float64) for part in parts]
        return cls(np.stack(columns, axis=1), None, "auto", tuple(parts))

    @property
    def labels(self) -> None:
        """None: a sample has several."""
        return

    def take(self, indices: NDArray[np.int64], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The targets of some samples, one array for each output; as `Targets.take`."""
        return tuple(array for part in self.parts for array in part.take(indices, inputs))

    def all(self, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
        """The targets of all samples, in the form of `take`."""
        return tuple(array for part in self.parts for array in part.all(inputs))

    def select(self, indices: NDArray[np.int64]) -> JointTargets:
        """The targets at (n,) indices, as targets of their own."""
        return JointTargets.of([part.select(indices) for part in self.parts])


def classes_of_outputs(targets: Targets) -> tuple[tuple[str, ...] | None, ...]:
    """The names of the classes of each of several outputs, None where it has none; nothing for an only output."""
    return tuple(part.class_names for part in targets.parts) if isinstance(targets, JointTargets) else ()


def no_targets(class_mode: ClassMode) -> Targets:
    """For class modes `input` and None, which read no labels."""
    return Targets(None, None, class_mode)


def reads_labels(class_mode: ClassMode) -> bool:
    """True where labels are read from the data at all."""
    return class_mode not in ("input", None)


def from_names(
    names: Sequence[str], class_mode: ClassMode, known: tuple[str, ...] | None, place: Callable[[int], str], what: str
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
    classes = classes_of_text(names, known, place, what)
    return from_class_numbers(classes.numbers, classes.names, class_mode, what)


def from_text(
    texts: Sequence[str], class_mode: ClassMode, known: tuple[str, ...] | None, place: Callable[[int], str], what: str
) -> Targets:
    """Targets from labels that are text: names of classes, or where the class mode stays `auto` the numbers they spell.

    Arguments and errors as in `from_names`.

    Raises:
        ExperimentError: Numbers are needed, and there are none.
    """
    if class_mode != "auto" or known is not None:
        return from_names(texts, class_mode, known, place, what)
    wrong = next((index for index, text in enumerate(texts) if not is_number(text)), None)
    if wrong is not None:
        raise ExperimentError(needs_numbers(place(wrong), str(texts[wrong])))
    return from_numbers(whole_if_possible(PLAIN.values(texts)), class_mode, known, what, place)


def whole_if_possible(values: NDArray[np.float64]) -> NDArray[np.float64] | NDArray[np.int64]:
    """(…) numbers as integers of that shape where all are whole and exact."""
    return values.astype(np.int64) if np.all(values % 1 == 0) and np.all(np.abs(values) < 2**53) else values


def needs_numbers(label: str, found: str) -> str:
    """The message where a label is text, but the loss takes numbers."""
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
    *,
    numbered: bool = False,
) -> Targets:
    """Targets from numbers.

    Args:
        array: (N,), (N, 1) or (N, …) labels; text as in `from_text`.
        class_mode: `auto` leaves the numbers as they are, whole or not, unless the training data have named classes.
        known: The class names of the training data, or None.
        name: What the array is called in messages ("digits.npz: y").
        called: What the label of sample i is called in messages; by default `name[i]`.
        numbered: Whether labels are class numbers as they stand; else the sorted distinct labels are the classes.

    Raises:
        DataError: NaN; or classes were needed, and there are fractions, or labels unknown to training.
    """
    called = called or f"{name}[{{}}]".format
    if array.dtype.kind in "US" and array.size == len(array):
        array = array.reshape(-1)
        return from_text(as_text(array, called).tolist(), class_mode, known, called, name)
    values = as_numbers(array, name)
    check_finite(values, name)
    if class_mode == "auto" and known is None:
        return Targets(values.astype(np.int64) if values.dtype == np.uint8 else values)
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.ndim == 1:
        labels = array.reshape(-1) if array.dtype.kind == "b" else flat
        if numbered and known is None:
            return from_class_numbers(*_numbers_as_they_are(flat, called), class_mode, name)
        least = _YES_OR_NO if class_mode == "binary" and array.dtype.kind != "b" else ()
        classes = classes_of_numbers(labels, known, called, least=least)
        return from_class_numbers(classes.numbers, classes.names, class_mode, name)
    return _from_rows(values.astype(np.float32), class_mode, known, name)


def _numbers_as_they_are(values: Array, called: Callable[[int], str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class numbers that a loss counts on, some of which it ignores; and their names."""
    numbers = values.astype(np.int64)
    wrong = np.flatnonzero((numbers != values) | (numbers < 0) | (numbers >= _MOST_CLASSES))
    if len(wrong):
        rule = f"whole numbers from 0 to {_MOST_CLASSES - 1:,}, as the loss has an ignore_class"
        raise DataError(f"{called(int(wrong[0]))} is {values[wrong[0]]:g}, but class numbers must be {rule}.")
    return numbers, tuple(map(str, range(int(numbers.max()) + 1)))


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
