"""A resolved experiment as YAML text that reads back as exactly the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from fittool.spec.environment_variables import protected
from fittool.spec.scalars import scalar, written

_PLAIN = re.compile(r"[A-Za-z_./](?:[A-Za-z0-9_./+-]| (?=[A-Za-z0-9_./+-]))*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_WIDTH = 110


def yaml_text(data: object) -> str:
    """Block style for what is long, flow style for what fits a line; every scalar reads back as it is, floats to the bit."""
    return "\n".join(_lines(data, 0)) + "\n"


def _lines(data: object, indent: int) -> Iterator[str]:
    space = " " * indent
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _entry(f"{space}{_key(str(key))}:", value, indent)
    elif isinstance(data, list) and data:
        for item in data:
            first, *rest = _item(item, indent + 2)
            yield f"{space}- {first.lstrip()}"
            yield from rest
    else:
        yield space + flow_text(data)


def _entry(head: str, value: object, indent: int) -> Iterator[str]:
    flow = flow_text(value)
    if not isinstance(value, dict | list) or not value or (indent > 0 and len(head) + len(flow) < _WIDTH):
        yield f"{head} {flow}"
    else:
        yield head
        yield from _lines(value, indent + 2)


def _item(item: object, indent: int) -> list[str]:
    if isinstance(item, dict) and len(item) == 1:
        ((key, value),) = item.items()
        return list(_entry(f"{' ' * indent}{_key(str(key))}:", value, indent))
    return list(_lines(item, indent))


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
    protected_text = protected(text)
    return protected_text if _PLAIN.fullmatch(protected_text) and scalar(protected_text) == protected_text else _quoted(protected_text)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """Double quotes; what YAML does not show as itself becomes an escape."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in json.dumps(text, ensure_ascii=False))


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
