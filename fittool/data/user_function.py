"""A function of the user's that gives the batches of a pass, walked over in order or asked for one batch by its number."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from fittool.data.user_code import blamed, file_of
from fittool.errors import UserCodeError

_FORMS = "a generator or list of batches, or an object with __len__ and __getitem__ that gives batches"


class UserFunction:
    """What is called once a pass.

    Args:
        function: Called without arguments; gives a generator, an iterable, or an object with `__len__` and `__getitem__`.
        name: What it is called in messages ("my_data:batches").

    Attributes:
        length: Batches in a pass, where the last thing that it gave could tell.
        addressed: Whether any batch of what it gave can be had alone. A sequence with Keras's hook `on_epoch_end` cannot be
            relied on for that, as it may change what its numbers mean.
    """

    def __init__(self, function: Callable[[], object], name: str) -> None:
        self.name = name
        self.length: int | None = None
        self.addressed = False
        self._function = function

    @property
    def _files(self) -> list[str]:
        return file_of(self._function)

    def one_pass(self, pass_number: int) -> Generator[object, None, None]:
        """Call the function, and give what it gives, batch by batch.

        Raises:
            UserCodeError: It raised, or gave no batches at all.
        """
        return self._walk(self.call(), pass_number)

    def call(self) -> object:
        """What it gives for a pass.

        Raises:
            UserCodeError: It raised, or gave something that has no batches.
        """
        with blamed(f"{self.name} failed", self._files):
            given = self._function()
        if isinstance(given, str | bytes | Mapping | tuple | np.ndarray) or not (
            is_sequence(given) or isinstance(given, Iterable)
        ):
            raise UserCodeError(f"{self.name} gave {named(given)}; expected {_FORMS}.")
        if is_sequence(given):
            self.length = len(given)  # type: ignore[arg-type]
            self.addressed = not hasattr(given, "on_epoch_end")
        return given

    def batch(self, given: Any, number: int, pass_number: int) -> object:
        """One batch of what `call` gave, where that is a sequence."""
        with blamed(self._failure(number + 1, pass_number), self._files):
            return given[number]

    def _walk(self, given: Any, pass_number: int) -> Generator[object, None, None]:
        iterator = _items(given) if is_sequence(given) else iter(given)
        for number in count(1):
            with blamed(self._failure(number, pass_number), self._files):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _failure(self, number: int, pass_number: int) -> str:
        return f"{self.name} failed in batch {number} of pass {pass_number + 1}"


class PassWalker:
    """Gives batches by pass and number, in a process of its own; what lies between two is made and dropped.

    Args:
        function: Gives the batches.
    """

    def __init__(self, function: UserFunction) -> None:
        self._function = function
        self._pass_number = -1
        self._given: Any = None
        self._walk: Iterator[object] = iter(())
        self._number = 0

    def __call__(self, place: tuple[int, int]) -> tuple[()] | tuple[object]:
        """The batch at a pass and number, in a tuple; an empty one behind the end of the pass."""
        pass_number, number = place
        if self._function.addressed:
            return self._at(pass_number, number)
        if pass_number != self._pass_number or number < self._number:
            self._walk, self._number, self._pass_number = self._function.one_pass(pass_number), 0, pass_number
        for item in self._walk:
            self._number += 1
            if self._number > number:
                return (item,)
        return ()

    def _at(self, pass_number: int, number: int) -> tuple[()] | tuple[object]:
        if pass_number != self._pass_number:
            self._given, self._pass_number = self._function.call(), pass_number
        return (self._function.batch(self._given, number, pass_number),) if number < (self._function.length or 0) else ()


def is_sequence(given: object) -> bool:
    """Whether batches can be asked for by number."""
    return hasattr(given, "__len__") and hasattr(given, "__getitem__")


def named(value: object) -> str:
    """What a value is, for messages."""
    if value is None:
        return "nothing (None)"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


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
