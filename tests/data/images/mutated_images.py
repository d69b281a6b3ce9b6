"""Image files with random damage, in ten formats: each must be read, or refused by name, in bounded time and memory.

`python mutated_images.py FOLDER FIRST COUNT` checks many in a process of its own, with a limit on its memory, so that a
decoder that crashes is seen by whoever started it. The same number is the same damage.
"""

from __future__ import annotations

import io
import random
import resource
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from fittool.data.images.decoding import ImageForm, read_image
from fittool.errors import DataError

BYTES = 1 << 30
_RANDOM = np.random.default_rng(5)
_COLOUR = _RANDOM.integers(0, 256, (24, 32, 3), np.uint8)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def originals() -> dict[str, bytes]:
    """A small picture in each format."""
    colour = Image.fromarray(_COLOUR)
    sixteen = Image.fromarray(_RANDOM.integers(0, 65536, (16, 16), np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "png": _saved(colour, "PNG"),
        "16-bit png": _saved(sixteen, "PNG"),
        "palette png": _saved(colour.quantize(16), "PNG", transparency=3),
        "jpeg": _saved(colour, "JPEG", exif=exif),
        "progressive jpeg": _saved(colour.convert("CMYK"), "JPEG", progressive=True),
        "gif": _saved(colour, "GIF", save_all=True, append_images=[colour.rotate(90, expand=False)]),
        "bmp": _saved(colour, "BMP"),
        "tiff": _saved(colour, "TIFF", compression="tiff_lzw"),
        "webp": _saved(colour.convert("RGBA"), "WEBP"),
        "ppm": _saved(colour, "PPM"),
    }


def _flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at : at + chance.randint(1, 16)] = chance.choice([b"\0", b"\xff"]) * chance.randint(0, 16)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _grow(data: bytearray, chance: random.Random) -> None:
    """Four bytes of the header that may be a side, a length or an offset become huge."""
    at = chance.randrange(min(64, len(data)))
    data[at : at + 4] = chance.choice([b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\xff\xff\0\0", b"\0\1\0\0"])


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _overwrite, _cut, _grow)


def damaged(number: int, originals: dict[str, bytes]) -> tuple[str, bytes]:
    """The format and the bytes of a damaged file."""
    chance = random.Random(number)
    kind = list(originals)[number % len(originals)]
    data = bytearray(originals[kind])
    chance.choice(_DAMAGES)(data, chance)
    return kind, bytes(data)


def check(path: Path) -> bool:
    """Read a file, which must give pixels or a `DataError` that names it; True where it gave pixels."""
    pixels, refusal = None, ""
    try:
        pixels = read_image(path, ImageForm((8, 8), "rgb"))
    except DataError as error:
        refusal = str(error)
    if pixels is None:
        assert path.name in refusal, f"the message does not name the file: {refusal}"
        assert refusal.isprintable(), repr(refusal)
        return False
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    return True


def check_many(folder: Path, first: int, count: int) -> int:
    """Check so many damaged files, from a number on; gives how many could still be read."""
    known, read = originals(), 0
    for number in range(first, first + count):
        kind, data = damaged(number, known)
        path = folder / "damaged.png"
        path.write_bytes(data)
        try:
            read += check(path)
        except BaseException as error:
            error.add_note(f"It was damage {number}, to a {kind}.")
            raise
    return read


if __name__ == "__main__":
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    print(check_many(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
