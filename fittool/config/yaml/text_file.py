"""Reading a settings file as text: a regular file of bounded size in UTF-8, without characters that nobody can see."""

from __future__ import annotations

import os
import re
import stat

from fittool.config.yaml.source_map import Place, Source
from fittool.errors import ExperimentError, Problem, visible

LARGEST_FILE = 1 << 20
_UNREADABLE = re.compile("[^\\t\\n\\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_KINDS = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
}  # fmt: skip


def read_source(path: str, name: str) -> tuple[Source, str]:
    r"""Read a file of settings.

    Args:
        path: Where it is.
        name: What messages call it.

    Returns:
        The source, with lines for excerpts, and its text without a byte order mark and with `\n` for line breaks.

    Raises:
        ExperimentError: It is missing, no regular file, larger than 1 MiB, or no readable UTF-8 text.
    """
    content = _bytes_of(path, name)
    if content.startswith(_UTF16_MARKS):
        raise ExperimentError("The file is in UTF-16. Save it as UTF-8.", place=visible(name))
    folder = os.path.dirname(os.path.abspath(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        # All before the first wrong byte is text; its lines say where that byte is.
        text = content[: error.start].decode("utf-8")
        place = _end_of(text, name, folder)
        byte = content[error.start]
        raise ExperimentError(
            Problem(f"Byte {error.start:,} (0x{byte:02x}) is not UTF-8 text. Save the file as UTF-8.", str(place))
        ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    check_readable(text, name, folder)
    return Source(name, tuple(text.split("\n")), folder), text


def check_readable(text: str, name: str, folder: str) -> None:
    """Refuse control characters and the line breaks that editors do not show as such.

    Raises:
        ExperimentError: There is one; the text says where, also in bytes.
    """
    if match := _UNREADABLE.search(text):
        place = _end_of(text[: match.start()], name, folder)
        byte = len(text[: match.start()].encode("utf-8", "surrogatepass"))
        raise ExperimentError(
            Problem(f"The character U+{ord(match[0]):04X} at byte {byte:,} is not allowed. Remove it.", str(place))
        )


def _end_of(text: str, name: str, folder: str) -> Place:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Place(Source(name, tuple(lines), folder), len(lines), len(lines[-1]) + 1)


def _bytes_of(path: str, name: str) -> bytes:
    try:
        # a plain open of a pipe would wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ExperimentError(f"The file cannot be read: {reason}.", place=visible(name)) from error
    try:
        kind = os.fstat(descriptor)
        if not stat.S_ISREG(kind.st_mode):
            what = _KINDS.get(stat.S_IFMT(kind.st_mode), "not a file")
            raise ExperimentError(f"This is {what}. Name an experiment file.", place=visible(name))
        if kind.st_size > LARGEST_FILE:
            raise ExperimentError(
                f"The file has {kind.st_size:,} bytes; an experiment file has at most 1 MiB.", place=visible(name)
            )
        with open(descriptor, "rb", closefd=False) as file:
            # Bounded here too, as the file may have grown since it was looked at.
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise ExperimentError(f"The file cannot be read: {error.strerror}.", place=visible(name)) from error
    finally:
        os.close(descriptor)
