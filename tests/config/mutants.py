"""Experiments with random mistakes, each known to stand on certain lines: what they are, and what loading them must say.

The same number is the same mutant. Half of them are mistakes whose lines are known (misspelt keys, and pairs of the planted
mistakes); the other half is broken at random, where all that can be demanded is that nothing but our own errors come out.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError, UsageError

PLANTED = Path(__file__).with_name("planted_mistakes.txt")
PIECES = [
    "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "\t", "&a ", "*a", "!!x ", "!!python/name:os.system ", "'", '"', "\\",
    "|", ">", "%", "@", "`", "#", "?", "? ", "<<: ", "~", "null", "true", "yes", "1e999", "-1", "0", "1/0", ".nan", "0x1F",
    "${ENV:X}", "${", "\x00", "\ud800", "\xa0", "\u2028", "\ufeff", "extends: e.yaml\n", "---\n", "...\n", "9" * 50, "[" * 40,
    "Dense", "units", "epochs", "1_000", "12:30:45", "2024-13-45",
]  # fmt: skip
_KEY = re.compile(r"[a-z][a-z_]{3,}(?=: )")


@dataclass(frozen=True)
class Mutant:
    """A broken experiment.

    Attributes:
        text: The file.
        lines: The numbers of the lines on which a mistake is known to stand.
    """

    text: str
    lines: frozenset[int] = frozenset()


def check_many(count: int, folder: Path, first: int = 0) -> None:
    """Make and load so many mutants, from a number on; the first that is told wrong is an AssertionError."""
    path = folder / "e.yaml"
    good, planted = good_and_planted()
    alone = independent(good, planted, path)
    for number in range(first, first + count):
        try:
            check(mutant(good, alone, number), path)
        except Exception as error:
            error.add_note(f"It was mutant {number}.")
            raise


def good_and_planted() -> tuple[str, list[tuple[str, str]]]:
    """The good experiment of planted_mistakes.txt, and the lines that each stand in the place of one of it and are told."""
    good, _, cases = PLANTED.read_text(encoding="utf-8").partition("== ")
    planted = []
    for case in cases.split("\n== "):
        old, new, told = ([line[2:] for line in case.split("\n") if line.startswith(mark)] for mark in ("- ", "+ ", "> e"))
        if len(old) == len(new) == len(told) == 1 and told[0].startswith(f"e.yaml:{good.split(chr(10)).index(old[0]) + 1}:"):
            planted.append((old[0], new[0]))
    return good, planted


def mutant(good: str, planted: list[tuple[str, str]], number: int) -> Mutant:
    """The mutant of a number.

    Args:
        good: An experiment without mistakes.
        planted: Lines of it, and what stands there instead in a mistake that is told at that line.
        number: Which one.
    """
    chance = random.Random(number)
    kinds = (_misspelt, _planted, _scrambled, _scrambled)
    return kinds[number % len(kinds)](good, planted, chance)


def _misspelt(good: str, planted: list[tuple[str, str]], chance: random.Random) -> Mutant:
    """One to three keys, on lines of their own, with a letter that is wrong, missing or doubled."""
    lines = good.split("\n")
    keys = [(number, match) for number, line in enumerate(lines) for match in _KEY.finditer(line)]
    chosen = dict(chance.sample(keys, chance.randint(1, 3)))
    for number, match in chosen.items():
        at = chance.randrange(match.start(), match.end())
        line = lines[number]
        lines[number] = line[:at] + chance.choice(["q", "", line[at] * 2, "Z"]) + line[at + 1 :]
    return Mutant("\n".join(lines), frozenset(number + 1 for number in chosen))


def _planted(good: str, planted: list[tuple[str, str]], chance: random.Random) -> Mutant:
    """Two of the planted mistakes on two lines."""
    lines = good.split("\n")
    found = set()
    for old, new in chance.sample(planted, 2):
        if old in lines:
            number = lines.index(old)
            lines[number] = new
            found.add(number + 1)
    return Mutant("\n".join(lines), frozenset(found))


def _scrambled(good: str, planted: list[tuple[str, str]], chance: random.Random) -> Mutant:
    """A few places overwritten, anywhere."""
    text = good
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(text)), chance.randint(0, 12)
        text = text[:at] + chance.choice(PIECES) + text[at + length :]
    return Mutant(text)


def independent(good: str, planted: list[tuple[str, str]], path: Path) -> list[tuple[str, str]]:
    """Those of the planted mistakes that are told whatever else is wrong.

    A line that stops the reader hides those behind it, and a contradiction between two settings needs both to be right.
    """
    others = (("seed: 7", "seed: -1"), ("  loss: sparse_categorical_crossentropy", "  loss: 3"),
              ("  train: {folder: {path: digits/train}}", "  train: {folder: {}}"))  # fmt: skip
    return [
        (old, new)
        for old, new in planted
        if old.startswith(" ") and all(_told_beside(good, old, new, *other, path) for other in others if other[0] != old)
    ]


def _told_beside(good: str, old: str, new: str, other_old: str, other_new: str, path: Path) -> bool:
    lines = good.split("\n")
    number, other = lines.index(old), lines.index(other_old)
    lines[number], lines[other] = new, other_new
    told = complaints(path, "\n".join(lines))
    return all(any(line.startswith(f"{path}:{one + 1}:") for line in told) for one in (number, other))


def complaints(path: Path, text: str) -> list[str]:
    """What loading says of a text; anything but our own errors comes out as it is."""
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_experiment(path, [], {})
    except (ExperimentError, UsageError) as error:
        return [str(problem) for problem in error.problems]
    return []


def check(mutated: Mutant, path: Path) -> None:
    """Load a mutant: every known line must be named, and every message be one printable line."""
    told = complaints(path, mutated.text)
    assert all(line.isprintable() for line in told), told
    named = {int(match[1]) for line in told if (match := re.match(rf"{re.escape(str(path))}:(\d+):", line))}
    missed = mutated.lines - named
    assert not missed, f"no message names line {sorted(missed)} of\n{mutated.text}\nbut these came:\n" + "\n".join(told)
