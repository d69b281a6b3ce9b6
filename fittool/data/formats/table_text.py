"""The text of a table's file, line by line: packed with gzip or not, in the encoding that its bytes show."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import IO, cast

from fittool.data.files import existing_file, reading
from fittool.errors import DataError, shown

_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook", b"PAR1": "a Parquet file", b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz", b"(\xb5/\xfd": "packed with zstd", b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x93NUMPY": "a NumPy array",
}  # fmt: skip
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BLOCK = 1 << 20
_LONGEST_LINE = 1 << 26
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r")) + b"\x81\x8d\x8f\x90\x9d"
"""Bytes that a file in Windows-1252 does not hold."""


@contextmanager
def open_text(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where they are packed with gzip.

    Raises:
        DataError: There is no such file, it is packed or written in a way that is not read, or it is damaged.
    """
    with reading(existing_file(path)), path.open("rb") as file:
        beginning = file.read(8)
        file.seek(0)
        for mark, words in _OTHERS.items():
            if beginning.startswith(mark):
                text = f"This is {words}, not a table as text. Unpack it, or save it as CSV."
                raise DataError(text, place=shown(path))
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if beginning.startswith(_GZIP) else file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"The gzip file is cut short or damaged: {error}.", place=shown(path)) from error


def encoding_of(path: Path) -> str:
    """The encoding of a file's text: by its mark, else UTF-8, else Windows-1252 where no letter of it is UTF-8.

    Raises:
        DataError: It is none of these; names the first byte that is wrong.
    """
    with open_text(path) as file:
        beginning = file.read(4)
        marked = next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), None)
        if marked is not None:
            return marked
        if _is_utf8(beginning, file):
            return "utf-8"
    if _may_be_windows_1252(path):
        return "cp1252"
    raise _not_utf8(path)


def _is_utf8(beginning: bytes, file: IO[bytes]) -> bool:
    rest = beginning
    while block := file.read(_BLOCK):
        if rest.isascii() and block.isascii():
            rest = b""
            continue
        rest += block
        whole = len(rest) - _rest(rest)
        if not _decodes(rest[:whole]):
            return False
        rest = rest[whole:]
    return _decodes(rest)


def _rest(block: bytes) -> int:
    """The number of bytes at the end that begin a letter that the next block may go on with."""
    for length in range(1, min(4, len(block) + 1)):
        if block[-length] >= 0xC0:
            return length
        if block[-length] < 0x80:
            return 0
    return 0


def _decodes(block: bytes) -> bool:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _may_be_windows_1252(path: Path) -> bool:
    """True where nothing in the file is a letter in UTF-8, and nothing a byte that Windows-1252 does not have."""
    with open_text(path) as file:
        while block := file.read(_BLOCK):
            if block.translate(None, delete=_CONTROLS) != block or not block.decode("utf-8", "ignore").isascii():
                return False
    return True


def lines_of(path: Path, encoding: str) -> Iterator[str]:
    """Each line with its end, as `csv` wants them.

    Raises:
        DataError: A line is endless, a byte is wrong, or the file is missing or damaged.
    """
    number = 0
    with open_text(path) as file, TextIOWrapper(file, encoding=encoding, newline="") as text:
        try:
            while line := text.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise DataError(f"The line has more than {_LONGEST_LINE - 1:,} characters.", place=f"{shown(path)}:{number}")
                yield line
        except UnicodeDecodeError as error:
            if encoding in ("utf-8", "utf-8-sig"):
                raise _not_utf8(path) from error
            raise DataError(f"The file is not written in {encoding}: {error.reason}.", place=shown(path)) from error
        except UnicodeError as error:
            raise DataError(f"The file is not written in {encoding}: {error}.", place=shown(path)) from error


def _not_utf8(path: Path) -> DataError:
    """The error that names the first byte that is no UTF-8."""
    offset = 0
    with open_text(path) as file:
        for number, line in enumerate(iter(partial(file.readline, _LONGEST_LINE), b""), 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                where = f"byte {offset + error.start} (0x{line[error.start]:02x}) is no UTF-8"
                text = f"{where[0].upper()}{where[1:]}. Save the file as UTF-8, or set encoding."
                return DataError(text, place=f"{shown(path)}:{number}")
            offset += len(line)
    return DataError("The file is no UTF-8, or changed while it was read.", place=shown(path))
