"""Batches that user code makes: a function called once a pass, checked batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import as_inputs, as_numbers, as_sample_weight
from fittool.data.batch import Array, Batch
from fittool.data.dataset import Shape
from fittool.data.targets import ClassMode, reads_labels
from fittool.data.user_code import blamed, file_of
from fittool.errors import DataError, UserCodeError

_FORMS = "a generator or list of batches, or an object with __len__ and __getitem__ that gives batches"


class UserBatches:
    """What a function of the user's gives: one pass over the data per call.

    Args:
        function: Called without arguments at the start of each pass; gives a generator, an iterable, or an object with
            `__len__` and `__getitem__`. Each item is `(inputs, targets)` or `(inputs, targets, sample_weights)`, where
            inputs and targets are arrays (N, …), or tuples, lists or mappings of arrays. A mapping names the network's inputs,
            which are sorted by name; others are called `input_0`, `input_1`, …
        name: What it is called in messages ("my_data:batches").
        samples: How many samples a pass has, where the user said so.
        class_mode: `input` makes the inputs the targets, and None drops targets; then a bare array is a batch too.
    """

    def __init__(
        self, function: Callable[[], object], name: str, samples: int | None = None, class_mode: ClassMode = "auto"
    ) -> None:
        self.name = name
        self.samples = samples
        self._function = function
        self._class_mode = class_mode
        self._files = file_of(function)
        self._first: Batch | None = None
        self._input_names: tuple[str, ...] | None = None
        self._waiting: Iterator[object] | None = None
        self._length: int | None = None

    @property
    def first(self) -> Batch:
        """The first batch, made once; the first pass goes on behind it."""
        if self._first is None:
            batches = self._raw(self._call(), 0)
            self._waiting = batches
            item = next(batches, None)
            if item is None:
                raise UserCodeError(f"{self.name} gave no batches.")
            self._first = self._checked(item, 0)
        return self._first

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """The shape of each input without the axis of samples; asks for the first batch."""
        inputs = self.first.inputs
        if len(inputs) == 1:
            return {"input": inputs[0].shape[1:]}
        names = self._input_names or [f"input_{number}" for number in range(len(inputs))]
        return {name: array.shape[1:] for name, array in zip(names, inputs, strict=True)}

    @property
    def batches_per_pass(self) -> int | None:
        """Batches in a pass, where `samples` or the length of what the function gives tells; asks for the first batch."""
        first = self.first
        return self._length if self.samples is None else -(-self.samples // first.size)

    def one_pass(self, pass_number: int) -> Generator[Batch, None, None]:
        """Call the function and give its batches, each checked against the first.

        Raises:
            UserCodeError: The function or its generator raised, or a batch has the wrong form.
        """
        first = self.first
        if self._waiting is not None:
            rest, self._waiting = self._waiting, None
            yield first
            start = 1
        else:
            rest, start = self._raw(self._call(), pass_number), 0
        for number, item in enumerate(rest, start):
            yield self._checked(item, number)

    def _call(self) -> object:
        with blamed(f"{self.name} failed", self._files):
            return self._function()

    def _raw(self, given: object, pass_number: int) -> Generator[object, None, None]:
        """The items of a pass as the user gives them."""
        iterator = self._iterator(given)
        for number in count(1):
            with blamed(f"{self.name} failed in batch {number} of pass {pass_number + 1}", self._files):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _iterator(self, given: object) -> Iterator[object]:
        if isinstance(given, str | bytes | Mapping | tuple | np.ndarray) or given is None:
            raise UserCodeError(f"{self.name} gave {_named(given)}; expected {_FORMS}.")
        if hasattr(given, "__len__") and hasattr(given, "__getitem__"):
            self._length = len(given)
            return _items(given)
        if isinstance(given, Iterable):
            return iter(given)
        raise UserCodeError(f"{self.name} gave {_named(given)}; expected {_FORMS}.")

    def _checked(self, item: object, number: int) -> Batch:
        """One item as a batch that has the form of the first."""
        name = f"{self.name}, batch {number + 1}"
        try:
            batch = as_batch(item, name, self._class_mode)
            names = _input_names(item)
            if self._first is None:
                self._input_names = names
            else:
                _compare(batch, self._first, name)
                _compare_names(names, self._input_names, name)
        except DataError as error:
            raise UserCodeError(error.problems) from error
        return batch


def _items(sequence: Any) -> Iterator[object]:
    """The items of a sequence; its hook `on_epoch_end` is called once all were taken, as Keras does."""
    length, taken = len(sequence), 0
    try:
        for taken in range(1, length + 1):
            yield sequence[taken - 1]
    finally:
        hook = getattr(sequence, "on_epoch_end", None)
        if hook is not None and taken == length:
            hook()


def as_batch(item: object, name: str, class_mode: ClassMode) -> Batch:
    """A batch as users write it: `(inputs, targets)` or `(inputs, targets, sample_weights)`, each an array or several.

    Args:
        item: The batch.
        name: What it is called in messages.
        class_mode: The form of the targets; None where there are none.

    Raises:
        DataError: It has another form.
    """
    parts = item if isinstance(item, tuple | list) else (item,)
    fewest = 2 if reads_labels(class_mode) else 1
    if not fewest <= len(parts) <= 3 or item is None:
        got = f"a {type(item).__name__} of {len(parts)}" if isinstance(item, tuple | list) else _named(item)
        raise DataError(f"{name} is {got}; expected (inputs, targets) or (inputs, targets, sample_weights).")
    inputs = tuple(as_inputs(array, f"{name}: inputs") for array in _arrays(parts[0], f"{name}: inputs"))
    if reads_labels(class_mode):
        targets = tuple(as_numbers(array, f"{name}: targets") for array in _arrays(parts[1], f"{name}: targets"))
    else:
        targets = inputs if class_mode == "input" else ()
    lengths = {len(array) for array in (*inputs, *targets)}
    if len(lengths) > 1 or lengths == {0}:
        found = ", ".join(str(array.shape) for array in (*inputs, *targets))
        raise DataError(f"{name} holds arrays of shapes {found}; the same number of samples, at least one, was expected in each.")
    sample_weight = parts[2] if len(parts) == 3 else None
    if sample_weight is not None:
        sample_weight = as_sample_weight(sample_weight, f"{name}: sample_weights", len(inputs[0]), len(targets))
    return Batch(inputs, targets, sample_weight)


def _input_names(item: object) -> tuple[str, ...] | None:
    """What a batch calls its inputs, in the order of `_arrays`; None where it gives no names."""
    inputs = item[0] if isinstance(item, tuple | list) else item
    return tuple(map(str, _sorted(inputs))) if isinstance(inputs, Mapping) else None


def _sorted(named: Mapping[Any, Any]) -> list[Any]:
    """The names, in an order that does not depend on how the mapping was made."""
    return sorted(named, key=str)


def _arrays(value: object, name: str) -> tuple[NDArray[Any], ...]:
    """An array, or several in a tuple, a mapping or a list of arrays."""
    if isinstance(value, Mapping):
        values = tuple(value[name] for name in _sorted(value))
    elif isinstance(value, tuple) or (isinstance(value, list) and all(isinstance(part, np.ndarray) for part in value)):
        values = tuple(value)
    else:
        values = (value,)
    try:
        arrays = tuple(np.asarray(part) for part in values)
    except ValueError as error:
        raise DataError(f"{name} are no array: {error}.") from error
    if not arrays or any(array.ndim == 0 for array in arrays):
        raise DataError(f"{name} are {_named(value)}; an array with one row per sample was expected.")
    return arrays


def _compare(batch: Batch, first: Batch, name: str) -> None:
    """Refuse a batch whose arrays differ in number, type or shape from those of the first."""
    for what, got, expected in (("inputs", batch.inputs, first.inputs), ("targets", batch.targets, first.targets)):
        if _form(got) != _form(expected):
            raise DataError(f"{name}: {what} are {_form(got)} a sample, but those of the first batch were {_form(expected)}.")
    if (batch.sample_weight is None) != (first.sample_weight is None):
        has, had = ("no" if part.sample_weight is None else "some" for part in (batch, first))
        raise DataError(f"{name} has {has} sample_weights, but the first batch had {had}.")


def _compare_names(names: tuple[str, ...] | None, first: tuple[str, ...] | None, name: str) -> None:
    """Refuse a batch whose inputs are called otherwise than those of the first."""
    if names != first:
        got, expected = (", ".join(each) if each else "without names" for each in (names, first))
        raise DataError(f"{name}: inputs are {got}, but those of the first batch were {expected}.")


def _form(arrays: tuple[Array, ...]) -> str:
    return ", ".join(f"{array.dtype} {array.shape[1:]}" for array in arrays)


def _named(value: object) -> str:
    return "nothing (None)" if value is None else f"a {type(value).__name__}"
