"""A backtracking matcher that counts its steps, and texts that make one go back: how much work a regular expression can be.

`re` goes back where a match fails and tries the next way. This matcher walks the same tree and takes the same ways in the same
order, so its count grows as the time of `re` does, but does not depend on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from re import _constants as constant  # type: ignore[attr-defined]  # isort: skip
from re import _parser as parser  # type: ignore[attr-defined]  # isort: skip

_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w", "NOT_DIGIT": r"\D", "NOT_SPACE": r"\S", "NOT_WORD": r"\W"}
_ALPHABET = "0a A\n_.-+/:;,é=<>{}[]'\"@?$"
_REPEATS = (constant.MAX_REPEAT, constant.MIN_REPEAT, constant.POSSESSIVE_REPEAT)
Instruction = tuple[Any, ...]
Node = tuple[Any, Any]


class TooManyStepsError(Exception):
    """The limit was reached."""


@dataclass
class Machine:
    """A program of single steps, and how many were done.

    Attributes:
        limit: When to give up.
        steps: How many were done, in all programs together.
    """

    limit: int
    steps: int = 0

    def run(self, program: Sequence[Instruction], text: str, start: int) -> int | None:
        """The end of the first match from `start`, or None."""
        ways = [(0, start)]
        while ways:
            at, here = ways.pop()
            while True:
                self.steps += 1
                if self.steps > self.limit:
                    raise TooManyStepsError
                word, *rest = program[at]
                if word == "match":
                    return here
                if word == "split":
                    ways.append((rest[1], here))
                    at = rest[0]
                elif word == "jump":
                    at = rest[0]
                else:
                    after = self._passed(word, rest, text, here)
                    if after is None:
                        break
                    at, here = at + 1, after
        return None

    def _passed(self, word: str, rest: list[Any], text: str, here: int) -> int | None:
        if word == "letter":
            return here + 1 if here < len(text) and rest[0](text[here]) else None
        if word == "inner":
            return self.run(rest[0], text, here)
        if word == "ahead":
            return here if (self.run(rest[0], text, here) is not None) == rest[1] else None
        return here if rest[0](text, here) else None


@dataclass
class Translation:
    """The tree of an expression as a program."""

    flags: int
    program: list[Instruction] = field(default_factory=list)

    def add(self, nodes: Sequence[Node]) -> None:
        """Append what matches these nodes one after the other."""
        for node in nodes:
            operation, argument = node
            if operation in (constant.LITERAL, constant.NOT_LITERAL, constant.IN, constant.ANY):
                self.program.append(("letter", partial(fits, node, self.flags)))
            elif operation is constant.SUBPATTERN:
                self.add(argument[3])
            elif operation is constant.BRANCH:
                self._branch(argument[1])
            elif operation is constant.POSSESSIVE_REPEAT:
                self.program.append(("inner", program_of([(constant.MAX_REPEAT, argument)], self.flags)))
            elif operation in _REPEATS:
                self._repeat(*argument, lazy=operation is constant.MIN_REPEAT)
            elif operation is constant.ATOMIC_GROUP:
                self.program.append(("inner", program_of(argument, self.flags)))
            elif operation in (constant.ASSERT, constant.ASSERT_NOT):
                assert argument[0] == 1, "looks behind"
                self.program.append(("ahead", program_of(argument[1], self.flags), operation is constant.ASSERT))
            else:
                assert operation is constant.AT, operation
                self.program.append(("at", partial(_stands, argument, self.flags)))

    def _branch(self, ways: Sequence[Sequence[Node]]) -> None:
        leaving = []
        for way in ways[:-1]:
            split = self._place()
            self.add(way)
            leaving.append(self._place())
            self.program[split] = ("split", split + 1, len(self.program))
        self.add(ways[-1])
        for place in leaving:
            self.program[place] = ("jump", len(self.program))

    def _repeat(self, least: int, most: Any, body: Sequence[Node], *, lazy: bool) -> None:
        for _ in range(least):
            self.add(body)
        if most is constant.MAXREPEAT:
            split = self._place()
            self.add(body)
            self.program.append(("jump", split))
            self._split(split, lazy)
            return
        splits = []
        for _ in range(most - least):
            splits.append(self._place())
            self.add(body)
        for split in splits:
            self._split(split, lazy)

    def _split(self, place: int, lazy: bool) -> None:
        ways = (place + 1, len(self.program))
        self.program[place] = ("split", *(reversed(ways) if lazy else ways))

    def _place(self) -> int:
        self.program.append(("split", 0, 0))
        return len(self.program) - 1


def program_of(nodes: Sequence[Node], flags: int) -> list[Instruction]:
    """The program that matches some nodes."""
    translation = Translation(flags)
    translation.add(nodes)
    return [*translation.program, ("match",)]


def fits(node: Node, flags: int, letter: str) -> bool:
    """True where a node for one letter matches that letter."""
    operation, argument = node
    letters = {letter, letter.lower(), letter.upper()} if flags & re.IGNORECASE else {letter}
    if operation is constant.ANY:
        return letter != "\n" or bool(flags & re.DOTALL)
    if operation is constant.IN:
        negated = argument[0][0] is constant.NEGATE
        return negated != any(_is_in(item, one) for item in argument for one in letters)
    return (chr(argument) in letters) == (operation is constant.LITERAL)


def _is_in(item: Node, letter: str) -> bool:
    operation, argument = item
    if operation is constant.RANGE:
        return bool(argument[0] <= ord(letter) <= argument[1])
    if operation is constant.CATEGORY:
        return re.match(_CATEGORIES[str(argument).removeprefix("CATEGORY_")], letter) is not None
    return operation is constant.LITERAL and chr(argument) == letter


def _stands(kind: Any, flags: int, text: str, here: int) -> bool:
    if kind is constant.AT_BEGINNING and flags & re.MULTILINE:
        return here == 0 or text[here - 1] == "\n"
    if kind in (constant.AT_BEGINNING, constant.AT_BEGINNING_STRING):
        return here == 0
    assert kind in (constant.AT_END, constant.AT_END_STRING), kind
    return text[here:] in ("", "\n")


def steps(pattern: re.Pattern[str], text: str, *, whole: bool = False, anywhere: bool = False, limit: int = 300_000) -> int:
    """The number of steps that a backtracking matcher takes.

    Args:
        pattern: The expression.
        text: What it is held against.
        whole: As `fullmatch` does, else the match may end earlier.
        anywhere: From every place of the text one after the other until one matches, as `search` and `sub` do.
        limit: When to give up.

    Raises:
        TooManyStepsError: The limit is reached.
    """
    machine = Machine(limit)
    matched(pattern, text, machine, whole=whole, anywhere=anywhere)
    return machine.steps


def matched(pattern: re.Pattern[str], text: str, machine: Machine, *, whole: bool = False, anywhere: bool = False) -> bool:
    """True where the expression matches."""
    end = [(constant.AT, constant.AT_END_STRING)] if whole else []
    program = program_of([*parser.parse(pattern.pattern, pattern.flags), *end], pattern.flags)
    starts = range(len(text) + 1) if anywhere else (0,)
    return any(machine.run(program, text, start) is not None for start in starts)


def near_matches(pattern: re.Pattern[str], length: int) -> Iterator[str]:
    """Texts that nearly match: what stands before each repetition, its body `length` times, then something that fits nowhere."""
    tree = parser.parse(pattern.pattern, pattern.flags)
    for before, body in _repetitions(list(tree), pattern.flags):
        for inner in (1, 3):
            for way in range(3):
                sample = "".join(_sample(node, pattern.flags, inner, way) for node in body)
                text = before + sample * length
                yield from (text, text + "\0", text + sample[:1] + "\0", sample * length + "\0")


def _repetitions(nodes: Sequence[Node], flags: int, before: str = "") -> Iterator[tuple[str, Sequence[Node]]]:
    """The text before each repetition, and its body."""
    for node in nodes:
        operation, argument = node
        if operation in _REPEATS:
            yield before, list(argument[2])
            yield from _repetitions(list(argument[2]), flags, before)
        elif operation is constant.SUBPATTERN:
            yield from _repetitions(list(argument[3]), flags, before)
        elif operation is constant.BRANCH:
            for way in argument[1]:
                yield from _repetitions(list(way), flags, before)
        elif operation is constant.ATOMIC_GROUP:
            yield from _repetitions(list(argument), flags, before)
        before += _sample(node, flags, 1, 0)


def _sample(node: Node, flags: int, inner: int, way: int) -> str:
    """A text that matches a node, with the chosen way at each branch."""
    operation, argument = node
    below: Callable[[Any], str] = lambda nodes: "".join(_sample(one, flags, inner, way) for one in nodes)  # noqa: E731
    if operation in _REPEATS:
        least, most, body = argument
        return below(body) * min(max(least, inner), 10**6 if most is constant.MAXREPEAT else most)
    if operation is constant.SUBPATTERN:
        return below(argument[3])
    if operation is constant.BRANCH:
        return below(argument[1][way % len(argument[1])])
    if operation is constant.ATOMIC_GROUP:
        return below(argument)
    if operation in (constant.AT, constant.ASSERT, constant.ASSERT_NOT):
        return ""
    usual = [letter for letter in (*_ALPHABET, *map(chr, range(33, 127))) if fits(node, flags, letter)]
    return usual[way % len(usual)] if usual else next(filter(partial(fits, node, flags), map(chr, range(0x110000))))
