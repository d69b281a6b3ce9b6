"""A resolved experiment as YAML text that reads back as exactly the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from fittool.config.yaml.environment_variables import Reference, protected
from fittool.config.yaml.scalars import scalar, written
from fittool.config.yaml.source_map import KeyPath

_PLAIN = re.compile(r"[A-Za-z_./](?:[A-Za-z0-9_./+-]| (?=[A-Za-z0-9_./+-]))*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_WIDTH = 110


def yaml_text(data: object, note: Callable[[KeyPath], str] | None = None) -> str:
    """Block style for what is long, flow style for what fits a line; every scalar reads back as it is, floats to the bit.

    Args:
        data: Mappings, lists and scalars.
        note: A comment for the value at a key path; with it, each value has a line of its own.
    """
    return "\n".join(_Writer(note).lines(data, 0, ())) + "\n"


class _Writer:
    """Writes data line by line, each indented as deep as it is nested."""

    def __init__(self, note: Callable[[KeyPath], str] | None) -> None:
        self.note = note

    def lines(self, data: object, indent: int, path: KeyPath) -> Iterator[str]:
        space = " " * indent
        if isinstance(data, dict) and data:
            for key, value in data.items():
                yield from self._entry(f"{space}{_key(str(key))}:", value, indent, (*path, str(key)))
        elif isinstance(data, list) and data:
            for index, item in enumerate(data):
                first, *rest = self._item(item, indent + 2, (*path, index))
                yield f"{space}- {first.lstrip()}"
                yield from rest
        else:
            yield space + flow_text(data)

    def _entry(self, head: str, value: object, indent: int, path: KeyPath) -> Iterator[str]:
        line = f"{head} {flow_text(value)}"
        if not isinstance(value, dict | list) or not value or (self._may_flow(value) and indent > 0 and len(line) <= _WIDTH):
            yield line if self.note is None else f"{line}  # {self.note(path)}"
        else:
            yield head
            yield from self.lines(value, indent + 2, path)

    def _may_flow(self, value: dict[str, object] | list[object]) -> bool:
        return self.note is None or (isinstance(value, list) and not any(isinstance(item, dict | list) for item in value))

    def _item(self, item: object, indent: int, path: KeyPath) -> list[str]:
        if isinstance(item, dict) and len(item) == 1:
            ((key, value),) = item.items()
            return list(self._entry(f"{' ' * indent}{_key(str(key))}:", value, indent, (*path, str(key))))
        return list(self.lines(item, indent, path))


def flow_text(data: object) -> str:
    """Data in one line of YAML."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {flow_text(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(flow_text, data)) + "]"
    if isinstance(data, str):
        return _text(data)
    return written(data)  # type: ignore[arg-type]


def _text(text: str) -> str:
    if isinstance(text, Reference):
        return _quoted(text)
    text = protected(text)
    return text if _PLAIN.fullmatch(text) and scalar(text) == text else _quoted(text)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """Double quotes; what YAML does not show as itself becomes an escape."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in json.dumps(text, ensure_ascii=False))


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
