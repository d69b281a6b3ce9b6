"""A function of the user's that gives the batches of a pass, walked over in order or asked for one batch by its number."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np

from fittool.data.user_code.functions import blame, file_of
from fittool.errors import UserCodeError

_FORMS = "a generator or list of batches, or an object with __len__ and __getitem__ that gives batches"


class Placed(Protocol):
    """A sequence whose batches are functions of their pass and number, whoever asks and in whatever order."""

    @property
    def pass_number(self) -> int:
        """The pass under way, from 0."""

    @property
    def batch_index(self) -> int:
        """The number of its next batch, from 0."""

    def __len__(self) -> int: ...

    def batch_at(self, pass_number: int, number: int) -> Any:
        """A batch of any pass."""

    def go_to(self, pass_number: int, batch_index: int) -> None:
        """Let another batch be the next."""


@dataclass(frozen=True)
class Place:
    """A batch that can be had alone.

    Attributes:
        given: What gives it.
        given_pass, given_number: Its pass and its number in it, as `given` counts.
        pass_number, number: The same, as the training counts.
    """

    given: Placed
    given_pass: int
    given_number: int
    pass_number: int
    number: int


@dataclass(frozen=True)
class IndexableBatches:
    """The function that gives one object for each pass.

    Attributes:
        given: The object.
        goes_on: Whether the walk begins where the object stands in its pass, and leaves it where it ends; otherwise it
            begins with the object's pass and does not move it.
    """

    given: object
    goes_on: bool = False

    def __call__(self) -> object:
        """The object."""
        return self.given


class BatchFunction:
    """The function that is called once a pass.

    Args:
        function: Called without arguments; gives a generator, an iterable, or an object with `__len__` and `__getitem__`.
        name: What it is called in messages ("my_data:batches").

    Attributes:
        length: Batches in a pass, where the last thing that it gave could tell.
        addressed: Whether any batch of what it gave can be had alone. A sequence with Keras's hook `on_epoch_end` cannot be
            relied on for that, as it may change what its numbers mean, unless it is placed.
        placed: Whether it gave a `Placed`, as fittool's own iterators are.
    """

    def __init__(self, function: Callable[[], object], name: str) -> None:
        self.name = name
        self.length: int | None = None
        self.addressed = self.placed = False
        self._stood_at: int | None = None
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
        """Call the function; its result holds the batches of a pass.

        Raises:
            UserCodeError: It raised, or gave something that has no batches.
        """
        with blame(f"{self.name} failed", self._files):
            given = self._function()
        if isinstance(given, str | bytes | Mapping | tuple | np.ndarray) or not (
            is_sequence(given) or isinstance(given, Iterable)
        ):
            raise UserCodeError(f"{self.name} gave {named(given)}; expected {_FORMS}.")
        if is_sequence(given):
            self.length = len(given)  # type: ignore[arg-type]
            self.placed = getattr(given, "placed", False)
            self.addressed = self.placed or not hasattr(given, "on_epoch_end")
            if self.placed and self._stood_at is None and isinstance(self._function, IndexableBatches):
                self._stood_at = _position(given, within_pass=self._function.goes_on)
        return given

    def batch(self, given: Any, number: int, pass_number: int) -> object:
        """One batch of what `call` gave, where that is a sequence."""
        with blame(self._failure(number + 1, pass_number), self._files):
            return given[number]

    def places(self, first_step: int, steps: int) -> Iterator[Place]:
        """The places of all batches from a step on, in passes of so many steps, where what it gives is placed."""
        given: Any = None
        for step in count(first_step):
            pass_number, number = divmod(step, steps)
            if given is None or number == 0:
                given = self.call()
            yield self.place(given, pass_number, number)

    def place(self, given: Any, pass_number: int, number: int) -> Place:
        """The place of a batch of something placed: its own passes count on from where it stood."""
        if self._stood_at is None:
            return Place(given, given.pass_number + pass_number, number, pass_number, number)
        own = divmod(self._stood_at + pass_number * len(given) + number, len(given))
        return Place(given, *own, pass_number, number)

    def walked(self, steps: int) -> None:
        """Leave one object that goes on from training to training so many batches behind where it stood."""
        if self._stood_at is not None and isinstance(self._function, IndexableBatches) and self._function.goes_on:
            given: Any = self.call()
            given.go_to(*divmod(self._stood_at + steps, len(given)))

    def batch_at(self, place: Place) -> object:
        """The batch at a place."""
        with blame(self._failure(place.number + 1, place.pass_number), self._files):
            return place.given.batch_at(place.given_pass, place.given_number)

    def _walk(self, given: Any, pass_number: int) -> Generator[object, None, None]:
        iterator = self._items_of(given)
        for number in count(1):
            with blame(self._failure(number, pass_number), self._files):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _items_of(self, given: Any) -> Iterator[object]:
        if self.placed:  # looking does not end the pass
            return (self.batch_at(self.place(given, 0, number)) for number in range(len(given)))
        return _items(given) if is_sequence(given) else iter(given)

    def _failure(self, number: int, pass_number: int) -> str:
        return f"{self.name} failed in batch {number} of pass {pass_number + 1}"


class PassWalker:
    """Gives batches by pass and number, in a process of its own; what lies between two is made and dropped.

    Args:
        function: Gives the batches.
    """

    def __init__(self, function: BatchFunction) -> None:
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
        if number >= (self._function.length or 0):
            return ()
        if self._function.placed:
            return (self._function.batch_at(self._function.place(self._given, pass_number, number)),)
        return (self._function.batch(self._given, number, pass_number),)


def is_sequence(given: object) -> bool:
    """True where batches can be asked for by number."""
    return hasattr(given, "__len__") and hasattr(given, "__getitem__")


def _position(given: Any, *, within_pass: bool) -> int:
    """The number of batches of something placed that lie behind it, from the first of its first pass."""
    return given.pass_number * len(given) + (given.batch_index if within_pass else 0)  # type: ignore[no-any-return]


def named(value: object) -> str:
    """The kind of a value, for messages."""
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
