"""Image files to arrays, pixel by pixel."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.data.images.decoding import ImageForm, orientation_in, read_image
from fittool.errors import DataError

RGB = ImageForm()
GREY = ImageForm(color_mode="grayscale")
RGBA = ImageForm(color_mode="rgba")
PIXELS = np.random.default_rng(3).integers(0, 256, (4, 6, 3), np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp", "gif"])
def test_lossless_formats_give_their_pixels(tmp_path: Path, suffix: str) -> None:
    image = Image.fromarray(PIXELS)
    if suffix == "gif":
        image = image.quantize(24, dither=Image.Dither.NONE)
    path = saved(tmp_path / f"a.{suffix}", image, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    result = read_image(path, RGB)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.asarray(image.convert("RGB")))


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS), format="BMP")
    np.testing.assert_array_equal(read_image(path, RGB), PIXELS)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (100, 0), (255, 255, 255)),
        ("LA", (100, 255), (100, 100, 100)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
    ],
)
def test_modes_become_rgb_over_white(tmp_path: Path, mode: str, value: object, expected: tuple[int, ...]) -> None:
    path = saved(tmp_path / "a.png", Image.new(mode, (2, 2), value))  # type: ignore[arg-type]
    assert read_image(path, RGB)[0, 0].tolist() == list(expected)


def test_a_palette_with_a_transparent_colour_is_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([9, 9, 9, 50, 60, 70])
    image.putpixel((1, 0), 1)
    path = saved(tmp_path / "a.png", image, transparency=0)
    assert read_image(path, RGB)[0].tolist() == [[255, 255, 255], [50, 60, 70]]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.new("CMYK", (2, 2), (0, 255, 255, 0)))
    assert read_image(path, RGB)[0, 0].tolist() == [255, 0, 0]


def test_rgba_keeps_transparency(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGBA", (2, 2), (10, 20, 30, 40)))
    assert read_image(path, RGBA)[0, 0].tolist() == [10, 20, 30, 40]


def test_rgb_as_rgba_is_opaque(tmp_path: Path) -> None:
    assert read_image(saved(tmp_path / "a.png", Image.fromarray(PIXELS)), RGBA)[..., 3].tolist() == [[255] * 6] * 4


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(np.array([[0, 255, 32768, 65535]], np.uint16)))
    assert read_image(path, GREY)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.ones((2, 2), np.float32)))
    with pytest.raises(DataError, match=r"a.tif: .*floating-point"):
        read_image(path, GREY)


def test_thirty_two_bits_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.full((2, 2), 70000, np.int32)))
    with pytest.raises(DataError, match=r"a.tif: .*32 bits"):
        read_image(path, GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpositions that undo each orientation
    image = Image.fromarray(PIXELS)
    if orientation > 1:
        image = image.transpose(Image.Transpose(turns[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"a.{suffix}", image, exif=exif, **options)
    np.testing.assert_array_equal(read_image(path, RGB), PIXELS)


def test_orientation_of_a_jpeg_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_image(saved(tmp_path / "a.jpg", Image.fromarray(PIXELS), exif=exif), RGB).shape == (6, 4, 3)


@pytest.mark.parametrize("exif", [b"", b"nonsense", b"II*\0", b"MM\0*\0\0\0\x08\0\x05\x01", b"II*\0\xff\xff\xff\xff"])
def test_damaged_exif_is_ignored(exif: bytes) -> None:
    assert orientation_in(exif) == 1


def test_size_is_height_and_width(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS))
    assert read_image(path, ImageForm(size=(7, 3))).shape == (7, 3, 3)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"])
def test_interpolation_is_pillows(tmp_path: Path, interpolation: str) -> None:
    image = Image.fromarray(PIXELS)
    form = ImageForm((3, 5), "rgb", interpolation)  # type: ignore[arg-type]
    expected = np.asarray(image.resize((5, 3), Image.Resampling[interpolation.upper()]))
    np.testing.assert_array_equal(read_image(saved(tmp_path / "a.png", image), form), expected)


def test_a_large_jpeg_is_decoded_in_full_before_it_is_made_small(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = saved(tmp_path / "a.jpg", Image.fromarray(pixels))
    expected = np.asarray(Image.open(path).resize((8, 8), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(read_image(path, ImageForm((8, 8), "grayscale"))[..., 0], expected)


def test_the_first_of_several_frames_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path, GREY)[0, 0, 0] == 10


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp", "ppm"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused_by_name(tmp_path: Path, suffix: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path = saved(tmp_path / f"cut.{suffix}", Image.fromarray(noise))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(DataError, match=rf"cut\.{suffix}: (The image is|This is no image|The file)"):
        read_image(path, RGB)


def test_damaged_exif_is_noted(tmp_path: Path) -> None:
    noted: list[str] = []
    for name, exif in (("good", b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0"), ("bad", b"Exif\0\0nonsense")):
        path = saved(tmp_path / f"{name}.png", Image.fromarray(PIXELS), exif=exif)
        read_image(path, RGB, lambda name=name: noted.append(name))  # type: ignore[misc]
    assert noted == ["bad"]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_libtiff_does_not_write_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(tmp_path / "a.tif", Image.fromarray(noise), compression=compression)
    content = bytearray(path.read_bytes())
    content[200:-600:7] = bytes(255 - value for value in content[200:-600:7])
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.tif: The image is damaged"):
        read_image(path, RGB)
    assert capfd.readouterr().err == ""


def test_a_truncated_jpeg_is_said_to_be_cut_short(tmp_path: Path) -> None:
    path = saved(tmp_path / "cut.jpg", Image.fromarray(PIXELS))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cut short: the file ends before its last pixel"):
        read_image(path, RGB)


@pytest.mark.parametrize(
    ("content", "text"), [(b"", "The file is empty"), (b"x", "no image"), (b"%!PS-Adobe-3.0 EPSF", "no image")]
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=f"a.png: .*{text}"):
        read_image(tmp_path / "a.png", RGB)


@pytest.mark.parametrize("side", [60_000, 11_000, 5_000])
def test_a_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"0")), (b"IEND", b""))
    )
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(DataError, match=r"bomb.png: The image is too large"):
        read_image(tmp_path / "bomb.png", RGB)


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.png: The file cannot be read: No such file"):
        read_image(tmp_path / "gone.png", RGB)


def test_control_characters_in_a_name_are_escaped(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\\x1b\[31m\.png: "):
        read_image(tmp_path / "a\x1b[31m.png", RGB)


@pytest.mark.parametrize(
    ("color_mode", "expected"), [("rgba", [[4, 4, 4, 0], [156, 156, 156, 255]]), ("grayscale", [[255], [156]])]
)
def test_the_transparent_value_of_16_bit_grey(tmp_path: Path, color_mode: str, expected: list[list[int]]) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[1000, 40000]], np.uint16)).save(path, transparency=1000)
    assert read_image(path, ImageForm(None, color_mode))[0].tolist() == expected  # type: ignore[arg-type]
