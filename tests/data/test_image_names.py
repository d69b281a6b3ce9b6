"""Which files count as images."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from fittool.data.images.image_names import ENDINGS, is_image_file, is_image_name


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.b.JpEg", "x/y.tif", "a.jfif"])
def test_endings_without_regard_to_case(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["a.txt", "png", "a", "a.png.bak", "a.png/b", ".png"])
def test_other_endings(name: str) -> None:
    assert not is_image_name(name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_without_ending_the_content_decides(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, kind)
    (tmp_path / "image").write_bytes(buffer.getvalue())
    (tmp_path / "image.txt").write_bytes(buffer.getvalue())
    assert is_image_file(str(tmp_path / "image"))
    assert not is_image_file(str(tmp_path / "image.txt"))


@pytest.mark.parametrize("content", [b"", b"BMW and others", b"PNG", b"P7 is a song", b"RIFF1234WAVE"])
def test_other_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "README").write_bytes(content)
    assert not is_image_file(str(tmp_path / "README"))


def test_every_ending_is_one_that_is_decoded() -> None:
    from fittool.data.images.decoding import FORMATS

    Image.init()
    known = Image.registered_extensions()
    assert {known[f".{ending}"] for ending in ENDINGS} == set(FORMATS)
    assert {ending for ending, kind in known.items() if kind in FORMATS} == {f".{ending}" for ending in ENDINGS}
