"""Something that users do, and what must come of it: the form of all cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Make = Callable[[Path], str]
"""Writes data into a folder and gives the path that the user names."""


@dataclass(frozen=True)
class Situation:
    """Something that a user has and does, and its right end.

    `init --from` looks at the data; what it has written is checked, trained, measured, and used to predict the same data.

    Attributes:
        kind: The kind of fault that this belongs to.
        name: What is special, in a few words.
        make: Writes the data.
        options: Of `init`.
        settings: The experiment, where the user writes one and `init` is not asked; `{data}` stands for the path.
        code: The exit code of `init` (or of `check`, where the user has written the experiment).
        says: What it says, in parts.
        silent_on: What must not be said.
        classes: The names of the classes in classes.json, in order; None where numbers are predicted.
        columns: The columns that are learnt from, where they matter.
        inputs: The first rows of what is learnt from, where they matter.
    """

    kind: str
    name: str
    make: Make
    options: Sequence[str] = ()
    settings: str = ""
    code: int = 0
    says: Sequence[str] = ()
    silent_on: Sequence[str] = ()
    classes: tuple[str, ...] | None = ("u", "v", "w")
    columns: tuple[str, ...] | None = None
    inputs: Sequence[Sequence[float]] | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"
