"""The `augmentation:` section: ImageDataGenerator's arguments, with their documented meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fittool.settings import Boolean, Field, Number, setting

_NUMBER: TypeAdapter[float] = TypeAdapter(Number)


def _numbers(value: object) -> tuple[float, ...] | None:
    """The numbers of a list, or None where it is no list of numbers."""
    if not isinstance(value, list | tuple):
        return None
    try:
        return tuple(_NUMBER.validate_python(item) for item in value)
    except ValidationError:
        return None


def _amount(value: object) -> float | None:
    """One number from 0 (a whole one stays whole), or None where it is none."""
    numbers = _numbers([value])
    if numbers is None or numbers[0] < 0:
        return None
    return value if isinstance(value, int) else numbers[0]


def _shift(value: object) -> int | float | tuple[float, ...]:
    shift = _numbers(value) or _amount(value)
    if shift is None:
        forms = "a fraction below 1.0, pixels from 1.0, a whole number n for up to n - 1 whole pixels, or a list of pixels"
        raise PydanticCustomError("shift_form", "must be {forms}", {"forms": forms})
    return shift


def _interval(value: object) -> tuple[float, float] | None:
    """[low, high] with 0 <= low <= high, or None where it is none."""
    numbers = _numbers(value)
    if numbers is None or len(numbers) != 2 or not 0 <= numbers[0] <= numbers[1]:
        return None
    return numbers[0], numbers[1]


def _zoom(value: object) -> float | tuple[float, float]:
    interval, amount = _interval(value), _amount(value)
    if interval is not None and interval[0] > 0:
        return interval
    if amount is not None and amount < 1:
        return float(amount)
    raise PydanticCustomError("zoom_form", "must be a number z from 0 to below 1 for [1 - z, 1 + z], or [low, high] above 0")


def _brightness(value: object) -> tuple[float, float] | None:
    interval = _interval(value)
    if interval is None and value is not None:
        raise PydanticCustomError("brightness_form", "must be two factors [low, high], neither below 0")
    return interval


Shift = Annotated[int | float | tuple[float, ...], PlainValidator(_shift, json_schema_input_type=float | str | list[float | str])]
Zoom = Annotated[float | tuple[float, float], PlainValidator(_zoom, json_schema_input_type=float | str | list[float | str])]
Brightness = Annotated[tuple[float, float] | None, PlainValidator(_brightness, json_schema_input_type=list[float | str] | None)]
Range = Annotated[Number, Field(ge=0)]


@setting
class Augmentation:
    """How training images are changed at random.

    The names are those of Keras's ImageDataGenerator; the meaning is the documented one where Keras departs from it:
    `height_shift_range` moves rows, images turn about their true centre, and "wrap" has no seam.
    """

    rotation_range: Range = Field(default=0.0, description="Turns by up to this many degrees either way.")
    width_shift_range: Shift = Field(
        default=0.0,
        description="Shifts left or right by up to a fraction of the width (below 1.0), up to this many pixels (from 1.0), "
        "less than n whole pixels (a whole number n), or one of a list of pixel values.",
    )
    height_shift_range: Shift = Field(
        default=0.0, description="Shifts up or down, in the forms of `width_shift_range`; fractions are of the height."
    )
    brightness_range: Brightness = Field(default=None, description="Multiplies pixel values by a factor from [low, high].")
    shear_range: Range = Field(default=0.0, description="Shears by an angle of up to this many degrees either way.")
    zoom_range: Zoom = Field(
        default=0.0,
        description="Zooms width and height, each by its own factor from [low, high]; below 1 enlarges; "
        "a number z stands for [1 - z, 1 + z].",
    )
    channel_shift_range: Range = Field(
        default=0.0,
        description="Adds up to this much, either way, to all values, within the image's own lowest and highest value.",
    )
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        default="nearest",
        description="What lies outside of an image: one value (`cval`), its border, its mirror image, or itself again.",
    )
    cval: Number = Field(default=0.0, description="The pixel value outside of the image for `fill_mode: constant`.")
    horizontal_flip: Boolean = Field(default=False, description="Swaps left and right in half of the images.")
    vertical_flip: Boolean = Field(default=False, description="Swaps top and bottom in half of the images.")
    rescale: Number | None = Field(
        default=None, description="Multiplies pixel values by this number, last of all; they become float32."
    )
    interpolation_order: Literal[0, 1] = Field(
        default=1, description="0 takes the nearest source pixel, 1 mixes the four around."
    )
    inversion: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.0, description="The part of the images whose values are inverted."
    )

    @property
    def zoom(self) -> tuple[float, float]:
        """The lowest and highest zoom factor."""
        return self.zoom_range if isinstance(self.zoom_range, tuple) else (1 - self.zoom_range, 1 + self.zoom_range)

    @property
    def shifts(self) -> bool:
        """Whether a shift other than by 0 can be drawn."""
        return _can_shift(self.width_shift_range) or _can_shift(self.height_shift_range)

    @property
    def reaches_outside(self) -> bool:
        """Whether a pixel can come from outside of the image."""
        return self.shifts or self.rotation_range > 0 or self.shear_range > 0 or self.zoom[1] > 1

    @property
    def warps(self) -> bool:
        """Whether pixels can move."""
        return self.reaches_outside or self.zoom != (1, 1) or self.horizontal_flip or self.vertical_flip

    @property
    def active(self) -> bool:
        """Whether anything can change."""
        colours = self.channel_shift_range > 0 or self.brightness_range not in (None, (1, 1)) or self.inversion > 0
        return self.warps or colours or self.rescale not in (None, 1)

    def without_effect(self) -> tuple[tuple[str, str], ...]:
        """The settings that were changed and yet can do nothing, each with a sentence that says why."""
        whole = "A whole number n stands for up to n - 1 whole pixels, so 1 never shifts. Write 1.0 for up to one pixel, or 2."
        other = f"cval is used by fill_mode: constant, and fill_mode is {self.fill_mode}."
        inside = "It says what lies outside of an image, and nothing here shifts, turns, shears or shrinks it."
        cases = (
            ("width_shift_range", self.width_shift_range == 1 and isinstance(self.width_shift_range, int), whole),
            ("height_shift_range", self.height_shift_range == 1 and isinstance(self.height_shift_range, int), whole),
            ("width_shift_range", _is_list_of_zeros(self.width_shift_range), "All the shifts in the list are 0."),
            ("height_shift_range", _is_list_of_zeros(self.height_shift_range), "All the shifts in the list are 0."),
            ("brightness_range", self.brightness_range == (1, 1), "A brightness of 1 leaves an image as it is."),
            ("zoom_range", self.zoom_range == (1, 1), "A zoom of 1 leaves an image as it is."),
            ("fill_mode", self.fill_mode != "nearest" and not self.reaches_outside, inside),
            ("cval", self.cval != 0 and self.fill_mode != "constant", other),
            ("interpolation_order", self.interpolation_order == 0 and not self.warps, "Nothing here moves pixels."),
            ("rescale", self.rescale == 1, "Multiplying by 1 changes no value."),
        )
        return tuple((field, text) for field, useless, text in cases if useless)


def _is_list_of_zeros(shift: int | float | tuple[float, ...]) -> bool:
    return isinstance(shift, tuple) and not any(shift)


def _can_shift(shift: int | float | tuple[float, ...]) -> bool:
    if isinstance(shift, tuple):
        return any(shift)
    return shift > 1 if isinstance(shift, int) else shift > 0
