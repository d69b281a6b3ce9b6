"""The scalars of settings with their key paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fittool.errors import KeyPath


def leaves_of(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Each scalar, and each empty list or mapping, in plain data, with the keys that lead to it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if not entries or not value:
        yield path, value
        return
    for step, item in entries:
        yield from leaves_of(item, (*path, step))
