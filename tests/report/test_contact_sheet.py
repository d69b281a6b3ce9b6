"""The contact sheet: what is drawn where, for all kinds of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from fittool.report.contact_sheet import contact_sheet, limits_of, shorten, wrap

RED = (255, 0, 0)


def counted(sheet: Image.Image, colour: tuple[int, int, int]) -> int:
    """How many pixels have exactly this colour."""
    return int((np.asarray(sheet) == colour).all(axis=-1).sum())


def test_small_images_are_enlarged_by_a_whole_factor() -> None:
    image = np.zeros((1, 28, 28, 3), np.uint8)
    image[0, 3, 4] = RED
    sheet = contact_sheet(image, image[:, None], ["one"])
    assert counted(sheet, RED) == 2 * 4 * 4


def test_large_images_are_made_smaller() -> None:
    image = np.full((1, 640, 320, 3), RED, np.uint8)
    sheet = contact_sheet(image, image[:, None], ["one"])
    assert counted(sheet, RED) == 2 * 320 * 160


def test_one_row_per_sample_and_one_column_per_version() -> None:
    originals, augmented = np.zeros((3, 8, 8, 1), np.uint8), np.full((3, 5, 8, 8, 1), 7, np.uint8)
    sheet = contact_sheet(originals, augmented, ["a", "b", "c"])
    assert counted(sheet, (0, 0, 0)) == 3 * 112 * 112
    assert counted(sheet, (7, 7, 7)) == 15 * 112 * 112


def test_originals_stand_left_of_their_versions() -> None:
    originals, augmented = np.full((1, 8, 8, 3), RED, np.uint8), np.zeros((1, 2, 8, 8, 3), np.uint8)
    columns = [np.flatnonzero((np.asarray(contact_sheet(originals, augmented, ["x"])) == c).all(-1).any(0)) for c in (RED, 0)]
    assert columns[0].max() < columns[1].min()


def test_captions_make_rows_higher() -> None:
    image = np.zeros((2, 8, 8, 1), np.uint8)
    plain = contact_sheet(image, image[:, None], ["a", "b"])
    captioned = contact_sheet(image, image[:, None], ["a", "b"], [["theta 3.0°"], ["theta 1.0°, tx 2.0, ty 3.0, zx 1.00"]])
    assert captioned.height > plain.height
    assert captioned.width == plain.width


def test_unit_floats_look_like_bytes() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1) * 4
    image[0, 0, 0] = 255
    floats = (image / 255).astype(np.float32)
    shown = contact_sheet(image, image[:, None], ["a"])
    assert np.array_equal(np.asarray(shown), np.asarray(contact_sheet(floats, floats[:, None], ["a"])))


def test_brighter_versions_of_unit_floats_stay_bright() -> None:
    originals = np.full((1, 8, 8, 1), 0.9, np.float32)
    assert counted(contact_sheet(originals, originals[:, None] * 1.5, ["a"]), (255, 255, 255)) >= 112 * 112


@pytest.mark.parametrize(
    ("values", "limits"),
    [([0, 0.5], (0, 1)), ([0, 2], (0, 255)), ([-1, 1], (-1, 1)), ([0, 4095], (0, 4095)), ([np.nan, 1], (0, 1))],
)
def test_limits_of_floats(values: list[float], limits: tuple[float, float]) -> None:
    assert limits_of(np.array(values, np.float32)) == limits


def test_transparent_pixels_show_the_checker() -> None:
    image = np.zeros((1, 16, 16, 4), np.uint8)
    sheet = contact_sheet(image, image[:, None], [""])
    assert counted(sheet, (222, 222, 222)) == pytest.approx(2 * 112 * 112 / 2, abs=9)  # letters may have that grey too


def test_two_channels_show_the_first() -> None:
    image = np.zeros((1, 8, 8, 2), np.uint8)
    image[..., 0] = 9
    assert counted(contact_sheet(image, image[:, None], ["a"]), (9, 9, 9)) == 2 * 112 * 112


def test_long_texts_are_shortened_and_wrapped() -> None:
    font = ImageFont.load_default(12)
    assert shorten("short", font, 100) == "short"
    short = shorten("a very long class name", font, 60)
    assert short.endswith("…")
    assert font.getlength(short) <= 60
    assert wrap("theta 3.0°, tx 2.0, flipped", font, 110) == ["theta 3.0°, tx 2.0", "flipped"]


def test_a_sheet_can_be_saved_as_png(tmp_path: Path) -> None:
    image = np.zeros((1, 8, 8, 3), np.uint8)
    contact_sheet(image, image[:, None], ["a"]).save(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.mode == "RGB"
