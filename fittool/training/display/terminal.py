"""A text stream that can fail: characters it does not know are replaced, and once it is gone nobody is bothered."""

from __future__ import annotations

import os
from typing import Literal, TextIO

Verbose = Literal["auto", 0, 1, 2]
_PLAIN = str.maketrans({"━": "-", "╸": ">", "↑": "^", "…": "~", "·": "-"})
_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 80, 24


class Terminal:
    """Writes to a stream, at once; after the first error (a closed pipe, a full disk) it writes nothing more.

    Args:
        stream: A terminal, file or pipe.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.gone = False

    def write(self, text: str) -> None:
        """Write text whole, with characters that the stream's encoding lacks replaced by similar ones."""
        if self.gone:
            return
        try:
            self.stream.write(self.writable(text))
            self.stream.flush()
        except (OSError, ValueError):
            self.gone = True

    def writable(self, text: str) -> str:
        """The text as far as the stream's encoding has it."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
        return text

    @property
    def width(self) -> int:
        """Columns of the terminal now; people resize it."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or _DEFAULT_WIDTH
        except (OSError, ValueError):
            return _DEFAULT_WIDTH

    @property
    def height(self) -> int:
        """Lines of the terminal now."""
        try:
            return os.get_terminal_size(self.stream.fileno()).lines or _DEFAULT_HEIGHT
        except (OSError, ValueError):
            return _DEFAULT_HEIGHT


def can_be_live(stream: TextIO | None) -> bool:
    """True where a line on this stream can be written over: a terminal that is not dumb, and no CI."""
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False
    return terminal and os.environ.get("TERM", "") not in ("dumb", "") and not os.environ.get("CI")
