"""Each mistake in planted_mistakes.txt is put into one good experiment, and every line that is told is the one written there.

The file holds the good experiment, then the cases: `== what it is`, the lines that are taken out (`- `), those that come
in their place (`+ `), and what fittool says of it (`> `).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fittool.config.experiment_file import load_experiment
from fittool.errors import ExperimentError

GOOD, _, CASES = Path(__file__).with_name("planted_mistakes.txt").read_text(encoding="utf-8").partition("== ")


@dataclass
class Planted:
    """A mistake and what is said of it."""

    title: str
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The experiment with the mistake."""
        old, new = ("".join(f"{line}\n" for line in lines) for lines in (self.removed, self.added))
        assert f"\n{GOOD}".count(f"\n{old}") == 1, f"not once in the good experiment: {old!r}"
        return f"\n{GOOD}".replace(f"\n{old}", f"\n{new}")[1:]


def planted() -> Iterator[Planted]:
    """The cases of the file."""
    for case in CASES.split("\n== "):
        title, *lines = case.strip("\n").split("\n")
        one = Planted(title)
        for line in lines:
            {"-": one.removed, "+": one.added, ">": one.told}[line[0]].append(line[2:])
        yield one


MISTAKES = list(planted())


def told(text: str) -> list[str]:
    """What is said of an experiment: mistakes, then warnings."""
    Path("e.yaml").write_text(text, encoding="utf-8")
    try:
        warnings = load_experiment("e.yaml", [], {}).warnings
    except ExperimentError as error:
        problems, warnings = error.problems, getattr(error, "warnings", ())
    else:
        problems = ()
    lines = [*map(str, problems), *(f"warning: {one}" for one in warnings)]
    return [line.replace(os.getcwd(), "HERE") for line in lines]


def test_the_good_experiment_has_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(GOOD) == []


def test_there_are_enough() -> None:
    assert len({one.title for one in MISTAKES}) == len(MISTAKES) >= 200


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.title)
def test_planted_mistake(mistake: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(mistake.text) == mistake.told
    assert mistake.told or mistake.title.endswith("is the default")
