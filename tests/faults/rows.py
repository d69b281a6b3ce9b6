"""The rows of the matrix, and what a machine must have to play them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from .harness import Bench, kill_started


class Unavailable(Exception):
    """This machine cannot inject the fault; the text says what is missing."""


def need(*tools: str) -> None:
    """Leave the row out where a tool is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not installed")


def need_root() -> None:
    """Leave the row out where this is not root."""
    if os.geteuid() != 0:
        raise Unavailable("needs root")


@dataclass(frozen=True)
class Row:
    """A row of the matrix.

    Attributes:
        id: As in `K01`.
        fault: What happens.
        play: Injects the fault, asserts what must hold and that the fault fired; gives the figures.
        long: Whether even its quick numbers take long.
    """

    id: str
    fault: str
    play: Callable[[Bench], str]
    long: bool = False


ROWS: dict[str, Row] = {}


def played(row: Row, bench: Bench) -> str:
    """Play a row; no process outlives it, even where it fails."""
    try:
        return row.play(bench)
    finally:
        kill_started()


def row(number: str, fault: str, *, long: bool = False) -> Callable[[Callable[[Bench], str]], Callable[[Bench], str]]:
    """Put a function into the matrix."""

    def put(play: Callable[[Bench], str]) -> Callable[[Bench], str]:
        assert number not in ROWS, number
        ROWS[number] = Row(number, fault, play, long)
        return play

    return put
