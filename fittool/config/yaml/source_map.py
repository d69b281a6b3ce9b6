"""The places where values were written: files, lines, columns, and how places and key paths read in messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fittool.errors import KeyPath, Problem, UsageError, visible
from fittool.settings.scalars import Scalar

_EXCERPT_WIDTH = 100
_OPTION_PREFIX = "--set "


@dataclass(frozen=True, eq=False)
class Source:
    """One text that holds settings: a file, or the value of a `--set`.

    Attributes:
        name: What messages call it: the path as the user wrote it, or the whole option.
        lines: The text's lines, for excerpts.
        folder: The absolute folder that relative paths in this text start from.
    """

    name: str
    lines: tuple[str, ...]
    folder: str

    @property
    def is_option(self) -> bool:
        """True where this is a `--set` of the command line and no file."""
        return self.name.startswith(_OPTION_PREFIX)

    @classmethod
    def option(cls, setting: str, folder: str) -> Source:
        """The source of one `--set KEY=VALUE`; its paths start from the working directory."""
        return cls(_OPTION_PREFIX + setting, (), folder)


@dataclass(frozen=True)
class Place:
    """A line and column in a source, both counted from 1; columns count characters."""

    source: Source
    line: int
    column: int

    def __str__(self) -> str:
        """`file:line:column`, or the option as it was typed."""
        if self.source.is_option:
            return visible(self.source.name)
        return f"{visible(self.source.name)}:{self.line}:{self.column}"

    @property
    def excerpt(self) -> str:
        """The source line with a caret below the column, or "" where there is no line."""
        if not 0 < self.line <= len(self.source.lines):
            return ""
        line, column = self.source.lines[self.line - 1], self.column
        start = max(0, column - _EXCERPT_WIDTH // 2) if len(line) > _EXCERPT_WIDTH else 0
        before = visible(line[start : column - 1].replace("\t", " "))
        shown = before + visible(line[column - 1 : start + _EXCERPT_WIDTH].replace("\t", " "))
        return f"{self.line:>5} | {shown}\n{'':>5} | {' ' * len(before)}^"

    def problem(self, text: str) -> Problem:
        """A problem at this place, in one line that any terminal can show; one in a `--set` is a wrong command line."""
        return Problem(visible(text), str(self), self.excerpt, UsageError.code if self.source.is_option else None)


@dataclass(frozen=True)
class Placed:
    """A problem that still knows its place, so that all can be put in file order.

    Attributes:
        path: Key path of the setting that is wrong; empty for what is no setting.
    """

    place: Place
    text: str
    path: KeyPath = ()

    @property
    def problem(self) -> Problem:
        """The problem as errors hold it."""
        return self.place.problem(self.text)


@dataclass(frozen=True, eq=False)
class Node:
    """A value of the file together with where it, and the key before it, were written.

    Attributes:
        value: A scalar, or the entries of a mapping or the items of a list.
        place: Where the value begins.
        key_place: Where its key was written; None for items of a list.
        plain: Whether it is a scalar without quotes.
        reference: The text with `${ENV:…}` that the value was made from; None for a value that the file itself has.
    """

    value: Scalar | dict[str, Node] | list[Node]
    place: Place
    key_place: Place | None = None
    plain: bool = field(default=False, repr=False)
    reference: str | None = field(default=None, repr=False)  # not shown with the rest: it says where a secret is

    @property
    def best_place(self) -> Place:
        """The place to point at for the setting as a whole: its key, else its value."""
        return self.key_place or self.place

    def children(self) -> list[tuple[str | int, Node]]:
        """The entries of a mapping or the items of a list with their key or index; nothing for scalars."""
        if isinstance(self.value, dict):
            return list(self.value.items())
        return list(enumerate(self.value)) if isinstance(self.value, list) else []

    def child(self, step: object) -> Node | None:
        """The node one step further, or None where there is none."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def data(self) -> object:
        """The bare value, without places."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        return [node.data() for node in self.value] if isinstance(self.value, list) else self.value


def find(root: Node, path: Sequence[object]) -> tuple[Node, int]:
    """The deepest node on the way along `path`, and how many steps led to it."""
    node, depth = root, 0
    for step in path:
        found = node.child(step)
        if found is None:
            break
        node, depth = found, depth + 1
    return node, depth


def without(node: Node, path: Sequence[str | int]) -> Node:
    """The tree without the setting at `path`; where it is not there, without the mapping that should hold it."""
    child = node.child(path[0]) if path else None
    if child is None:
        return node
    rest = path[1:]
    gone = not rest or child.child(rest[0]) is None
    if isinstance(node.value, dict):
        entries = {key: value for key, value in node.value.items() if key != path[0] or not gone}
        return replace(node, value=entries if gone else {**entries, str(path[0]): without(child, rest)})
    before = node.value if isinstance(node.value, list) else []
    items = [without(child, rest) if index == path[0] else item for index, item in enumerate(before)]
    return replace(node, value=[item for index, item in enumerate(items) if index != path[0] or not gone])
