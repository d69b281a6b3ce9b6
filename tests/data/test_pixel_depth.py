"""Pixels of more than 8 bits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.images.decoding import ImageForm, depth_of, read_image
from fittool.data.images.pixel_depth import UnusedDepth
from fittool.errors import DataError

GREY = ImageForm(color_mode="grayscale")


def tiff(bits: int, photometric: int, content: bytes) -> bytes:
    """An uncompressed grey TIFF of 4 x 2 pixels."""
    tags = [(256, 4), (257, 2), (258, bits), (259, 1), (262, photometric), (273, 122), (277, 1), (278, 2), (279, len(content))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + content


def png(colour: int, values: np.ndarray) -> bytes:
    """A PNG of 16 bits and some channels, (H, W, C)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_twelve_bits_are_known_as_such(tmp_path: Path) -> None:
    values = [0, 4095, 16, 2048] * 2
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in zip(values[::2], values[1::2], strict=True))
    (tmp_path / "a.tif").write_bytes(tiff(12, 1, packed))
    assert read_image(tmp_path / "a.tif", GREY)[0, :, 0].tolist() == [0, 255, 1, 128]
    assert depth_of([str(tmp_path / "a.tif")]) is None


def test_a_negative_is_turned_round(tmp_path: Path) -> None:
    values = np.array([[0, 65535, 257, 0]] * 2, "<u2")
    (tmp_path / "a.tif").write_bytes(tiff(16, 0, values.tobytes()))
    assert read_image(tmp_path / "a.tif", GREY)[0, :, 0].tolist() == [255, 0, 254, 255]


def test_negative_numbers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-5, 7]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: .*its pixels have 32 bits; set data.image.white_level"):
        read_image(tmp_path / "a.tif", GREY)
    with pytest.raises(DataError, match="holds the value -5, but black is 0 and white 255"):
        read_image(tmp_path / "a.tif", ImageForm(color_mode="grayscale", white_level=255))


def test_a_white_level_is_not_for_eight_bits(tmp_path: Path) -> None:
    Image.fromarray(np.array([[7, 200]], np.uint8)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", ImageForm(color_mode="grayscale", white_level=4095))[0, :, 0].tolist() == [7, 200]


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits(tmp_path: Path, colour: int, channels: int) -> None:
    values = np.full((2, 2, channels), 65535, np.uint16)
    values[..., :-1] = 0x1234
    (tmp_path / "a.png").write_bytes(png(colour, values))
    assert read_image(tmp_path / "a.png", GREY).max() >= 0x12
    with pytest.raises(DataError, match="white_level is for grey images"):
        read_image(tmp_path / "a.png", ImageForm(white_level=4095))
    assert depth_of([str(tmp_path / "a.png")]) is None


def test_colours_that_use_few_of_16_bits(tmp_path: Path) -> None:
    for name, value in (("dark", 0x0300), ("black", 0x00FF)):
        (tmp_path / name).write_bytes(png(2, np.full((2, 2, 3), value, np.uint16)))
    assert depth_of([str(tmp_path / "dark")]) == UnusedDepth(1, 0x300)
    assert depth_of([(tmp_path / "black").read_bytes()]) == UnusedDepth(1, 0)
    assert "black is left in 8 bits" in str(UnusedDepth(1, 0))


def test_one_bright_file_is_enough(tmp_path: Path) -> None:
    for name, most in (("dark.png", 100), ("bright.png", 60_000)):
        Image.fromarray(np.array([[0, most]], np.uint16)).save(tmp_path / name)
    Image.fromarray(np.array([[0, 9]], np.uint8)).save(tmp_path / "eight.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    names = [str(tmp_path / name) for name in ("dark.png", "bright.png", "eight.png", "bad.png")]
    assert depth_of(names) is None
    depth = depth_of([names[0], *names[2:]])
    assert depth == UnusedDepth(1, 100)
    assert depth.is_lost
