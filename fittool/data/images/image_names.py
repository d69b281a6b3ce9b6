"""The files that count as images: by their ending, without regard to case; where they have none, by their first bytes."""

from __future__ import annotations

import os
from pathlib import PurePath

ENDINGS = (
    "png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff", "gif", "webp",
    "jpe", "jfif", "pgm", "pbm", "pnm", "pfm", "apng",
)  # fmt: skip
"""Of images that are decoded, without their dot; the first nine are Keras's."""

_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_NETPBM = tuple(f"P{number}".encode() for number in range(1, 7))


def ending_of(name: str) -> str:
    """The ending of a file's name in lower case, without its dot; "" where there is none."""
    return PurePath(name).suffix[1:].lower()


def is_image_name(name: str) -> bool:
    """True where a name ends as that of an image."""
    return ending_of(name) in ENDINGS


def is_image_file(path: str) -> bool:
    """True where a file counts as an image; only of one without any ending the first bytes are read."""
    if "." in os.path.basename(path):
        return is_image_name(path)
    try:
        with open(path, "rb", buffering=0) as file:
            return _begins_as_image(file.read(12))
    except OSError:
        return False


def _begins_as_image(start: bytes) -> bool:
    if start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return True
    bitmap = start[:2] == b"BM" and start[6:10] == bytes(4)
    return bitmap or (start.startswith(_NETPBM) and start[2:3].isspace())
