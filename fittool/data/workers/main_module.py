"""A program's main file in its worker processes: run once more, under another name, where it defines what they need."""

from __future__ import annotations

import os
from multiprocessing.spawn import get_preparation_data, prepare
from typing import Any

_KEYS = ("init_main_from_name", "init_main_from_path")
_in_worker = False


def main_of() -> dict[str, str]:
    """The facts that the workers of this program need to know of its main file."""
    data: dict[str, Any] = get_preparation_data("fittool worker")
    return {key: os.fspath(data[key]) for key in _KEYS if data.get(key)}


def begin(main: dict[str, str]) -> None:
    """This process is a worker of a program with that main file."""
    global _in_worker
    _in_worker = True
    prepare(dict(main))


def in_worker() -> bool:
    """True where this process is a worker."""
    return _in_worker
