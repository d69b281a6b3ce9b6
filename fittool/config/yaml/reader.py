"""A strict reader for the experiment file, on the events of PyYAML's pure-Python parser.

It gives a tree of `Node`s, each with its place. Depth, size and aliases are bounded before anything recurses, nothing in
a file can name code, and whatever the bytes are, only an ExperimentError comes out.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Any, cast

from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from fittool.config.yaml.source_map import Node, Place, Placed, Source
from fittool.config.yaml.text_file import check_readable, read_source
from fittool.errors import ExperimentError, path_text, shorten, visible
from fittool.settings.scalars import ScalarError, scalar

DEEPEST = 32
MOST_NODES = 20_000
_INVISIBLE = ("Zs", "Zl", "Zp", "Cf", "Cs", "Cc")
_UNFIT_IN_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Document:
    """The contents of a file.

    Attributes:
        root: The whole tree.
        problems: Mistakes that did not keep the rest from being read: duplicate keys, tags, bad keys and numbers.
    """

    root: Node
    problems: tuple[Placed, ...]


def read_file(path: str, name: str | None = None) -> Document:
    """Read a YAML file; messages call it `name`, by default its path.

    Raises:
        ExperimentError: It cannot be read as text or as YAML.
    """
    source, text = read_source(path, path if name is None else name)
    return _Reading(source, text).document()


def read_text(text: str, source: Source) -> Document:
    """Read YAML from a text, such as the value of a `--set`.

    Raises:
        ExperimentError: It cannot be read as YAML.
    """
    check_readable(text, source.name, source.folder)
    return _Reading(source, text).document()


class _Events(Reader, Scanner, Parser):
    """PyYAML's parser without the parts that resolve tags and build objects."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


@dataclass
class _Open:
    """A mapping or list whose end has not come yet.

    A mapping may wait for the value of `key`, and drops it if it `refused` the key.
    """

    place: Place
    is_mapping: bool
    anchor: str | None
    counted_before: int
    entries: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: tuple[str, Place] | None = None
    refused: bool = False
    height: int = 1

    @property
    def step(self) -> str | int:
        """The key or index that comes now."""
        if self.is_mapping:
            return "" if self.key is None else self.key[0]
        return len(self.items)


@dataclass
class _Anchored:
    """A finished node that aliases may repeat, with what a repetition costs."""

    node: Node
    size: int
    height: int


class _Reading:
    """One pass over the events of one text."""

    def __init__(self, source: Source, text: str) -> None:
        self.source = source
        self.events = _Events(text)
        self.problems: list[Placed] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.nodes = 0
        self.root: Node | None = None
        self.documents = 0

    def document(self) -> Document:
        """Walk all events."""
        while not isinstance(event := self._next(), StreamEndEvent):
            self._take(event)
        root = self.root or Node(None, Place(self.source, 1, 1))
        return Document(root, tuple(self.problems))

    def _next(self) -> Event:
        try:
            return cast("Event", self.events.get_event())  # type: ignore[no-untyped-call]
        except MarkedYAMLError as error:
            opening = points_at_opening(error) and error.context_mark is not None
            mark = error.context_mark if opening else error.problem_mark
            character = visible(repr(self.events.peek()))
            raise self._refuse(sentence_for(error, character), self._place(mark)) from error
        except (ValueError, OverflowError, IndexError) as error:
            # chr() of an escape beyond Unicode, int() of a version with thousands of digits
            place = self._place(self.events.get_mark())
            raise self._refuse("An escape or number here is out of range.", place) from error

    def _take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._refuse("A second document begins here. One file holds one experiment.", self._place(event.start_mark))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._close()
        elif isinstance(event, AliasEvent):
            self._repeat(event)
        elif isinstance(event, NodeEvent):
            self._begin(event)

    def _begin(self, event: NodeEvent) -> None:
        place = self._place(event.start_mark)
        self._count(1, place)
        if getattr(event, "tag", None) is not None:
            self.problems.append(Placed(place, "Tags are not allowed. Leave out the part from '!' on."))
        if isinstance(event, CollectionStartEvent):
            self._check_depth(1, place)
            if event.anchor is not None:
                # Known but not finished: an alias to it from inside would make a tree without end.
                self.anchors[event.anchor] = None
            self.open.append(_Open(place, isinstance(event, MappingStartEvent), event.anchor, self.nodes))
        elif isinstance(event, ScalarEvent):
            self._scalar(event, place)

    def _scalar(self, event: ScalarEvent, place: Place) -> None:
        if self._awaits_key():
            self._key(event.value, place)
            return
        plain = event.style is None
        node = Node(self._value(event.value, plain, place), place, plain=plain)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, 1, 0)
        self._add(node, 0)

    def _value(self, text: str, plain: bool, place: Place) -> str | int | float | bool | None:
        if match := _UNFIT_IN_TEXT.search(text):
            self.problems.append(Placed(place, f"The character U+{ord(match[0]):04X} is not allowed in text."))
            return text.replace(match[0], "?")
        try:
            return scalar(text) if plain else text
        except ScalarError as error:
            where = path_text(self._path()) or "The value"
            self.problems.append(Placed(place, f"{where}: {shorten(text, 20)} {error}."))
            return 0

    def _awaits_key(self) -> bool:
        return bool(self.open) and self.open[-1].is_mapping and self.open[-1].key is None

    def _key(self, key: str, place: Place) -> None:
        mapping = self.open[-1]
        mapping.key = (key, place)
        complaint = self._key_complaint(key, mapping)
        mapping.refused = complaint is not None
        if complaint is not None:
            self.problems.append(Placed(place, complaint))

    def _key_complaint(self, key: str, mapping: _Open) -> str | None:
        if key == "":
            return "A key is missing before the ':'."
        if key == "<<":
            return "Merge keys ('<<') are not allowed. Use 'extends:' to build on another file."
        hidden = [letter for letter in key if letter != " " and unicodedata.category(letter) in _INVISIBLE]
        if hidden:
            return f"The key '{visible(key)}' holds the invisible character U+{ord(hidden[0]):04X}. Remove it."
        if key in mapping.entries:
            return f"{path_text(self._path())} is given twice, first at {mapping.entries[key].best_place}. Remove one."
        return None

    def _repeat(self, event: AliasEvent) -> None:
        place = self._place(event.start_mark)
        name = str(event.anchor)
        if name not in self.anchors:
            text = f"No anchor is called '{name}' before this place. Put text that begins with '*' in quotes."
            raise self._refuse(text, place)
        if self._awaits_key():
            raise self._refuse("Keys must be plain text.", place)
        anchored = self.anchors[name]
        if anchored is None:
            raise self._refuse(f"The alias '{name}' stands inside what it repeats.", place)
        # Each repetition counts in full, else a few nested aliases would stand for billions of values.
        self._count(anchored.size, place)
        self._check_depth(anchored.height, place)
        self._add(anchored.node, anchored.height)

    def _close(self) -> None:
        done = self.open.pop()
        node = Node(done.entries if done.is_mapping else done.items, done.place)
        if done.anchor is not None:
            self.anchors[done.anchor] = _Anchored(node, self.nodes - done.counted_before + 1, done.height)
        if self._awaits_key():
            self.problems.append(Placed(done.place, "Keys must be plain text; this is a list or a mapping."))
            self.open[-1].key, self.open[-1].refused = ("", done.place), True
            return
        self._add(node, done.height)

    def _add(self, node: Node, height: int) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        parent.height = max(parent.height, height + 1)
        if parent.key is None:
            parent.items.append(node)
            return
        key, place = parent.key
        parent.key = None
        if not parent.refused:
            parent.entries[key] = replace(node, key_place=place)

    def _path(self) -> tuple[str | int, ...]:
        return tuple(level.step for level in self.open)

    def _count(self, nodes: int, place: Place) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise self._refuse(f"The file holds more than {MOST_NODES:,} values, repeated ones counted each time.", place)

    def _check_depth(self, height: int, place: Place) -> None:
        if len(self.open) + height > DEEPEST:
            raise self._refuse(f"Lists and mappings are nested deeper than {DEEPEST}.", place)

    def _place(self, mark: Any) -> Place:
        return Place(self.source, 1, 1) if mark is None else Place(self.source, mark.line + 1, mark.column + 1)

    def _refuse(self, text: str, place: Place) -> ExperimentError:
        return ExperimentError([*(told.problem for told in self.problems), place.problem(text)])


_SENTENCES: tuple[tuple[str, str], ...] = (
    # a fragment of PyYAML's text, and ours; the first that fits counts
    ("'\\t' that cannot start any token", "A tab cannot indent. Use spaces."),
    ("that cannot start any token", "{character} cannot begin a value. Put the text in quotes."),
    ("mapping values are not allowed here", "A second ': ' in one line, or a wrong indent. Put text that holds ': ' in quotes."),
    ("could not find expected ':'", "A key without ':' behind it, or a quote or bracket that is never closed."),
    ("found unexpected end of stream", "A quote is opened here and never closed."),
    ("found unexpected document separator", "A quote is opened here and never closed."),
    ("expected <block end>", "This line does not fit the lines above. Check the indent and quotes."),
    ("sequence entries are not allowed here", "A list item ('- ') cannot stand here. Put it in a line of its own."),
    ("mapping keys are not allowed here", "A key cannot stand here. Put it in a line of its own."),
    ("expected ',' or ']'", "A list opened with '[' is never closed, or a ',' is missing."),
    ("expected ',' or '}'", "A mapping opened with '{{' is never closed, or a ',' is missing."),
    ("expected the node content", "A value is missing here."),
    ("unknown escape character", "An unknown escape in double quotes. Use single quotes, or write \\\\ for a backslash."),
    ("hexadecimal numbers", "An escape in double quotes that is not complete. Use single quotes, or write \\\\ for a backslash."),
    ("undefined tag handle", "Tags are not allowed. Leave out the part from '!' on."),
    ("parsing a tag", "Tags are not allowed. Leave out the part from '!' on."),
    ("scanning a tag", "Tags are not allowed. Leave out the part from '!' on."),
    ("scanning an anchor", "An anchor's name must be letters and digits."),
    ("scanning an alias", "An alias's name must be letters and digits. Put text that begins with '*' in quotes."),
    ("directive", "A line that begins with '%' is a YAML directive and not needed. Leave it out."),
    ("YAML document", "Only YAML 1 is read. Leave out the line that begins with '%'."),
    ("tag handle", "Tags are not allowed. Leave out the part from '!' on."),
    ("scanning a block scalar", "Text after '|' or '>' must begin in the next line. Put text that begins with these in quotes."),
    ("expected '<document start>'", "The file goes on after its end. Check the indent and brackets."),
)  # fmt: skip
_AT_OPENING = ("found unexpected end of stream", "found unexpected document separator", "expected ',' or")


def sentence_for(error: MarkedYAMLError, character: str) -> str:
    """Our sentence for an error of PyYAML's scanner or parser; `character` is what stands at its place."""
    complaint = f"{error.context or ''} {error.problem or ''}"
    for fragment, sentence in _SENTENCES:
        if fragment in complaint:
            return sentence.format(character=character)
    return "This cannot be read as YAML. Check the indent, quotes and brackets."


def points_at_opening(error: MarkedYAMLError) -> bool:
    """True where the opening quote or bracket is a better place than where the parser gave up."""
    return any(fragment in (error.problem or "") for fragment in _AT_OPENING)
