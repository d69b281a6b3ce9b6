"""A resolved experiment as YAML text that reads back as exactly the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fittool.config.yaml.environment_variables import Reference, protect
from fittool.errors import KeyPath
from fittool.settings.scalars import in_one_line, key_text

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
                yield from self._entry(f"{space}{key_text(str(key))}:", value, indent, (*path, str(key)))
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
            return list(self._entry(f"{' ' * indent}{key_text(str(key))}:", value, indent, (*path, str(key))))
        return list(self.lines(item, indent, path))


def flow_text(data: object) -> str:
    """Data in one line of YAML, in which no text is taken for a reference to a variable."""
    return in_one_line(data, lambda text: text if isinstance(text, Reference) else protect(text))
