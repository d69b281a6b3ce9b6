"""The strict YAML reader: what is read, what is refused, and that every refusal names its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from yaml.parser import Parser

from fittool.config.yaml.reader import Document, read_file, read_text
from fittool.config.yaml.source_map import Source
from fittool.errors import ExperimentError


def read(text: str) -> Document:
    return read_text(text, Source("c.yaml", tuple(text.split("\n")), "/"))


def refusals(text: str) -> list[str]:
    """Every problem of a text, whether it ends the reading or not."""
    try:
        return [str(placed.problem) for placed in read(text).problems]
    except ExperimentError as error:
        return list(map(str, error.problems))


def test_places_count_lines_and_columns_from_one() -> None:
    root = read("a:\n  b: [1, 22]\n").root
    assert str(root.child("a").child("b").key_place) == "c.yaml:2:3"
    assert str(root.child("a").child("b").child(1).place) == "c.yaml:2:10"


def test_keys_are_always_text() -> None:
    assert read("no: 1\n3: 2\ntrue: 3\nnull: 4").root.data() == {"no": 1, "3": 2, "true": 3, "null": 4}


def test_quoted_scalars_stay_text() -> None:
    assert read("['1', \"true\", 'null', '']").root.data() == ["1", "true", "null", ""]


def test_aliases_repeat_what_they_name() -> None:
    assert read("a: &x {k: 1}\nb: *x").root.data() == {"a": {"k": 1}, "b": {"k": 1}}


def test_aliased_values_keep_the_place_where_they_were_written() -> None:
    root = read("a: &x {k: 1}\nb: *x").root
    assert str(root.child("b").child("k").place) == "c.yaml:1:11"
    assert str(root.child("b").key_place) == "c.yaml:2:1"


def test_an_empty_text_is_nothing() -> None:
    assert read("# only a comment\n").root.data() is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "c.yaml:3:1: a is given twice, first at c.yaml:1:1. Remove one."),
        ("t:\n  a: 1\n  a: 3", "c.yaml:3:3: t.a is given twice, first at c.yaml:2:3. Remove one."),
        ("a: !!python/object/apply:os.system [x]", "c.yaml:1:4: Tags are not allowed. Leave out the part from '!' on."),
        ('a: !!bool "maybe"', "c.yaml:1:4: Tags are not allowed. Leave out the part from '!' on."),
        ("a: !x!y z", "c.yaml:1:4: Tags are not allowed. Leave out the part from '!' on."),
        ("<<: {a: 1}", "c.yaml:1:1: Merge keys ('<<') are not allowed. Use 'extends:' to build on another file."),
        ("a: &x [*x]", "c.yaml:1:8: The alias 'x' stands inside what it repeats."),
        ("a: *x", "c.yaml:1:4: No anchor is called 'x' before this place. Put text that begins with '*' in quotes."),
        ("a: &x b\n*x : 1", "c.yaml:2:1: Keys must be plain text."),
        ("[a]: 1", "c.yaml:1:1: Keys must be plain text; this is a list or a mapping."),
        ("{a: 1}: 1", "c.yaml:1:1: Keys must be plain text; this is a list or a mapping."),
        ("'': 1", "c.yaml:1:1: A key is missing before the ':'."),
        ("a\xa0b: 1", "c.yaml:1:1: The key 'a\\xa0b' holds the invisible character U+00A0. Remove it."),
        ("a: 1\n---\nb: 2", "c.yaml:2:1: A second document begins here. One file holds one experiment."),
        ("a:\n\tb: 1", "c.yaml:2:1: A tab cannot indent. Use spaces."),
        ("a: 'x\nb: 1", "c.yaml:1:4: A quote is opened here and never closed."),
        ("a: [1, 2\nb: 1", "c.yaml:1:4: A list opened with '[' is never closed, or a ',' is missing."),
        ("a: {b: 1\nc: 1", "c.yaml:1:4: A mapping opened with '{' is never closed, or a ',' is missing."),
        ("a: b: c", "c.yaml:1:5: A second ': ' in one line, or a wrong indent. Put text that holds ': ' in quotes."),
        ("a:\n  b: 1\n c: 2", "c.yaml:3:2: This line does not fit the lines above. Check the indent and quotes."),
        ("a: @b", "c.yaml:1:4: '@' cannot begin a value. Put the text in quotes."),
        ("a: - b", "c.yaml:1:4: A list item ('- ') cannot stand here. Put it in a line of its own."),
        ("a: }", "c.yaml:1:4: A value is missing here."),
        ('a: "\\q"', "c.yaml:1:6: An unknown escape in double quotes. Use single quotes, or write \\\\ for a backslash."),
        ('a: "\\U00110000"', "c.yaml:1:7: An escape or number here is out of range."),
        ('a: "\\uD800"', "c.yaml:1:4: The character U+D800 is not allowed in text."),
        ('a: "\\0"', "c.yaml:1:4: The character U+0000 is not allowed in text."),
        ("a: 1e999", "c.yaml:1:4: a: 1e999 is too large for a number; the largest is about 1.8e308."),
        ("a: " + "9" * 5000, "c.yaml:1:4: a: 9999999999999999999… is a number of 5,000 digits; at most 40 are read."),
        ("a: b\x07", "c.yaml:1:5: The character U+0007 at byte 4 is not allowed. Remove it."),
        ("a: b\u2028c", "c.yaml:1:5: The character U+2028 at byte 4 is not allowed. Remove it."),
        ("%YAML 2.0\n---\na: 1", "c.yaml:1:1: Only YAML 1 is read. Leave out the line that begins with '%'."),
        (
            "a: |x\n  b",
            "c.yaml:1:5: Text after '|' or '>' must begin in the next line. Put text that begins with these in quotes.",
        ),
    ],
)
def test_refusal(text: str, expected: str) -> None:
    assert refusals(text) == [expected]


def test_all_recoverable_mistakes_are_told_at_once() -> None:
    places = [line.split(" ")[0] for line in refusals("a: 1\na: 2\nb: !t x\n<<: {}\n")]
    assert places == ["c.yaml:2:1:", "c.yaml:3:4:", "c.yaml:4:1:"]


def test_the_excerpt_points_at_the_column() -> None:
    with pytest.raises(ExperimentError, match="second") as caught:
        read("x: 1\na: b: c")
    assert caught.value.problems[0].excerpt == "    2 | a: b: c\n      |     ^"


def test_deep_nesting_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[object] = []
    plain = Parser.get_event
    monkeypatch.setattr(Parser, "get_event", lambda parser: taken.append(plain(parser)) or taken[-1])
    assert refusals("[" * 200_000) == ["c.yaml:1:33: Lists and mappings are nested deeper than 32."]
    assert len(taken) == 2 + 33  # the stream and the document begin, then 33 lists


def test_aliases_cannot_deepen_beyond_the_limit() -> None:
    levels = "".join(f"l{n}: &l{n} [{'*l' + str(n - 1) if n else '1'}]\n" for n in range(40))
    assert refusals(levels) == ["c.yaml:32:12: Lists and mappings are nested deeper than 32."]


def test_an_alias_bomb_is_refused_by_the_number_of_values() -> None:
    bomb = "l0: &l0 [a]\n" + "".join(f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert refusals(bomb)[0].endswith("The file holds more than 20,000 values, repeated ones counted each time.")


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_and_line_ends_change_nothing(tmp_path: Path, head: bytes, end: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(head + b"a: 1" + end + b"b:" + end + b"  c: x" + end)
    root = read_file(str(path)).root
    assert root.data() == {"a": 1, "b": {"c": "x"}}
    assert str(root.child("b").child("c").place) == f"{path}:3:6"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: caf\xe9\n", r":2:7: Byte 11 \(0xe9\) is not UTF-8 text\. Save the file as UTF-8\."),
        ("a: 1".encode("utf-16"), r": The file is in UTF-16\. Save it as UTF-8\."),
        (b"a: \x00", r":1:4: The character U\+0000 at byte 3 is not allowed\. Remove it\."),
        (b"#" * ((1 << 20) + 1), r"The file has 1,048,577 bytes; an experiment file has at most 1 MiB\."),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ExperimentError, match=message):
        read_file(str(path))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ExperimentError, match=r"This is a pipe\. Name an experiment file\."):
        read_file(str(tmp_path / "pipe.yaml"))


@pytest.mark.parametrize(("path", "what"), [("/dev/zero", "a device"), ("/", "a directory")])
def test_devices_and_directories_are_refused(path: str, what: str) -> None:
    with pytest.raises(ExperimentError, match=f"This is {what}"):
        read_file(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="cannot be read: No such file or directory"):
        read_file(str(tmp_path / "none.yaml"))
