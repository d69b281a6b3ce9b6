"""Batches that user code makes: a function called once a pass, checked batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import as_inputs, as_numbers, as_sample_weight
from fittool.data.batch import Array, Batch
from fittool.data.dataset import Shape
from fittool.data.loading import FOREVER
from fittool.data.targets import ClassMode, reads_labels
from fittool.data.user_code.batch_function import BatchFunction, named
from fittool.errors import DataError, UserCodeError


class GeneratorData:
    """The data that a function of the user's gives: one pass over the data per call.

    Args:
        function: Called without arguments at the start of each pass; gives a generator, an iterable, or an object with
            `__len__` and `__getitem__`. Each item is `(inputs, targets)` or `(inputs, targets, sample_weights)`, where
            inputs and targets are arrays (N, …), or tuples, lists or mappings of arrays. A mapping names the network's inputs,
            which are sorted by name; others are called `input_0`, `input_1`, …
        name: What it is called in messages ("my_data:batches").
        samples: How many samples a pass has, where the user said so.
        class_mode: `input` makes the inputs the targets, and None drops targets; then a bare array is a batch too.
        convert: What is done to each item first.
        timeout: Seconds for the first batch; without a limit it is made in the caller's own thread.
    """

    def __init__(
        self,
        function: Callable[[], object],
        name: str,
        samples: int | None = None,
        class_mode: ClassMode = "auto",
        *,
        convert: Callable[[Any], object] | None = None,
        timeout: float = FOREVER,
    ) -> None:
        self.name = name
        self.samples = samples
        self.function = BatchFunction(function, name)
        self._class_mode = class_mode
        self._convert = convert
        self._timeout = timeout
        self._first: Batch | None = None
        self._input_names: tuple[str, ...] | None = None
        self._waiting: Iterator[object] | None = None

    @property
    def first(self) -> Batch:
        """The first batch, made once; the first pass goes on behind it."""
        if self._first is None:
            waiting, items = self._begin()
            self._waiting = None if self.function.placed else waiting  # looking at an iterator does not move it on
            if not items:
                raise UserCodeError(f"{self.name} gave no batches.")
            self._first = self.checked(items[0], 0)
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
        return self.function.length if self.samples is None else -(-self.samples // first.size)

    def one_pass(self, pass_number: int) -> Generator[Batch, None, None]:
        """Call the function and give its batches, each checked against the first.

        Raises:
            UserCodeError: The function or its generator raised, or a batch has the wrong form.
        """
        first = self.first
        if self._waiting is not None:
            # Gone on with, not begun again: calling the function once more would make its first batch twice.
            rest, self._waiting = self._waiting, None
            yield first
            start = 1
        else:
            rest, start = self.function.one_pass(pass_number), 0
        for number, item in enumerate(rest, start):
            yield self.checked(item, number)

    def _begin(self) -> tuple[Iterator[object], list[object]]:
        """A pass, and its first item if it has one; within the time limit, if there is one."""

        def begin(pass_number: int) -> tuple[Iterator[object], list[object]]:
            batches = self.function.one_pass(pass_number)
            return batches, list(islice(batches, 1))

        from fittool.data.loading.prefetch import in_order

        workers = 0 if self._timeout == FOREVER else 1
        name = f"The first batch of {self.name}"
        ((batches, items),) = in_order(begin, iter([0]), workers, 1, timeout=self._timeout, describe=lambda _: name)
        return batches, items

    def let_go(self) -> None:
        """Forget the pass whose first batch was made, as another process walks over it."""
        self._waiting = None

    def checked(self, item: Any, number: int) -> Batch:
        """One item as a batch that has the form of the first.

        Raises:
            UserCodeError: It has another form.
        """
        item = item if self._convert is None else self._convert(item)
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
        got = f"a {type(item).__name__} of {len(parts)}" if isinstance(item, tuple | list) else named(item)
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
    """The names a batch has for its inputs, in the order of `_arrays`; None where it gives no names."""
    inputs = item[0] if isinstance(item, tuple | list) else item
    return tuple(map(str, _sort(inputs))) if isinstance(inputs, Mapping) else None


def _sort(named: Mapping[Any, Any]) -> list[Any]:
    """The names, in an order that does not depend on how the mapping was made."""
    return sorted(named, key=str)


def _arrays(value: object, name: str) -> tuple[NDArray[Any], ...]:
    """An array, or several in a tuple, a mapping or a list of arrays."""
    if isinstance(value, Mapping):
        values = tuple(value[name] for name in _sort(value))
    elif isinstance(value, tuple) or (isinstance(value, list) and all(isinstance(part, np.ndarray) for part in value)):
        values = tuple(value)
    else:
        values = (value,)
    try:
        arrays = tuple(np.asarray(part) for part in values)
    except ValueError as error:
        raise DataError(f"{name} are no array: {error}.") from error
    if not arrays or any(array.ndim == 0 for array in arrays):
        raise DataError(f"{name} are {named(value)}; an array with one row per sample was expected.")
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
