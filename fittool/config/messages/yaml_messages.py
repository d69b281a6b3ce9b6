"""What PyYAML's parser complains about, in our words: what is wrong, and how to mend it."""

from __future__ import annotations

from yaml.error import MarkedYAMLError

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
    """Whether the opening quote or bracket is a better place than where the parser gave up."""
    return any(fragment in (error.problem or "") for fragment in _AT_OPENING)
