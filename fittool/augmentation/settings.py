"""The `augmentation:` section: ImageDataGenerator's arguments, with their documented meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from fittool.augmentation.crops import (
    PROBABLE,
    Blur,
    Probabilities,
    Probability,
    RandAugment,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    numbers,
)
from fittool.settings import NAMES_CODE, Boolean, Field, Integer, Number, Text, setting


def _amount(value: object) -> float | None:
    """One number from 0 (a whole one stays whole), or None where it is none."""
    found = numbers([value])
    if not found or found[0] < 0:
        return None
    return value if isinstance(value, int) else found[0]


def _shift(value: object) -> int | float | tuple[float, ...]:
    shift = numbers(value) or _amount(value)
    if shift is None:
        forms = "a fraction below 1.0, pixels from 1.0, a whole number n for up to n - 1 whole pixels, or a list of such"
        raise PydanticCustomError("shift_form", "must be {forms}", {"forms": forms})
    return shift


def _interval(value: object) -> tuple[float, float] | None:
    """[low, high] with 0 <= low <= high, or None where it is none."""
    found = numbers(value)
    if len(found) != 2 or not 0 <= found[0] <= found[1]:
        return None
    return found[0], found[1]


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
        raise PydanticCustomError("brightness_form", "must be two factors [low, high] with 0 <= low <= high")
    return interval


Shift = Annotated[int | float | tuple[float, ...], PlainValidator(_shift, json_schema_input_type=float | str | list[float | str])]
Zoom = Annotated[float | tuple[float, float], PlainValidator(_zoom, json_schema_input_type=float | str | list[float | str])]
Brightness = Annotated[tuple[float, float] | None, PlainValidator(_brightness, json_schema_input_type=list[float | str] | None)]
Range = Annotated[Number, Field(ge=0)]


@setting
class Augmentation:
    """The random changes of training images.

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
    horizontal_flip: Boolean | Literal["alternating"] = Field(
        default=False,
        description="Swaps left and right in half of the images; `alternating` swaps each image in exactly every other epoch.",
    )
    vertical_flip: Boolean = Field(default=False, description="Swaps top and bottom in half of the images.")
    rescale: Number | None = Field(
        default=None,
        description="Multiplies pixel values by this number, in validation and prediction too; they become float32.",
    )
    interpolation_order: Literal[0, 1] = Field(
        default=1, description="0 takes the nearest source pixel, 1 mixes the four around."
    )
    inversion: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.0, description="The part of the images whose values are inverted."
    )
    featurewise_center: Boolean = Field(
        default=False, description="Takes off each channel's mean over the training data, in validation and prediction too."
    )
    samplewise_center: Boolean = Field(
        default=False, description="Takes off each image's own mean, in validation and prediction too."
    )
    featurewise_std_normalization: Boolean = Field(
        default=False,
        description="Divides each channel by its standard deviation over the training data, in validation and prediction too.",
    )
    samplewise_std_normalization: Boolean = Field(
        default=False, description="Divides each image by its own standard deviation, in validation and prediction too."
    )
    zca_whitening: Boolean = Field(
        default=False, description="Makes pixels uncorrelated over the training data, in validation and prediction too."
    )
    zca_epsilon: Annotated[Number, Field(gt=0)] = Field(
        default=1e-6, description="Added to the singular values that `zca_whitening` divides by."
    )
    preprocessing_function: Annotated[Text | None, NAMES_CODE] = Field(
        default=None,
        description="module:function, your own function of one image (H, W, C), called behind the random changes and before "
        "`rescale`, in validation and prediction too; the module is a file beside the experiment.",
    )
    mixup: Range = Field(
        default=0.0, description="Mixes pairs of images and targets, with a share from Beta(mixup, mixup) in each batch."
    )
    cutmix: Range = Field(
        default=0.0,
        description="Pastes a rectangle of another image into each, of a size with a share from Beta(cutmix, cutmix), and mixes "
        "targets by area.",
    )
    until_epoch: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Random changes and mixing end after this many epochs, of a stage its own."
    )

    contrast_range: Brightness = Field(
        default=None, description="Stretches values about the image's mean grey by a factor from [low, high]."
    )
    saturation_range: Brightness = Field(
        default=None, description="Stretches colours about their grey by a factor from [low, high]; images of 3 channels."
    )
    hue_range: Annotated[Number, Field(ge=0, le=180)] = Field(
        default=0.0, description="Turns colours by up to this many degrees of the colour circle either way; images of 3 channels."
    )
    blur: Blur = Field(
        default=None, description="Blurs with a Gaussian of a standard deviation in pixels from [low, high]; s stands for [0, s]."
    )
    random_crop: RandomCrop | None = Field(
        default=None, description="Pads by `padding` pixels and cuts out a random place of the same size."
    )
    random_resized_crop: RandomResizedCrop | None = Field(
        default=None, description="Cuts out a random rectangle (`scale`, `ratio`) and enlarges it to the image's size."
    )
    random_erasing: RandomErasing | None = Field(
        default=None, description="Covers a random rectangle (`probability`, `scale`, `ratio`, `value`)."
    )
    rand_augment: RandAugment | None = Field(
        default=None, description="RandAugment: `operations` random ones of its list, of strength `magnitude`."
    )
    zoom_keep_aspect: Boolean = Field(default=False, description="Zooms width and height by the same factor.")
    probability: Probability = Field(
        default=1.0,
        description="The part of the images that an operation changes, for all but flips, inversion and erasing, which have "
        "shares of their own.",
    )
    probabilities: Probabilities = Field(
        default_factory=dict, description="`probability` of single operations by their names; that of a flip stands for its half."
    )

    @property
    def zoom(self) -> tuple[float, float]:
        """The lowest and highest zoom factor."""
        return self.zoom_range if isinstance(self.zoom_range, tuple) else (1 - self.zoom_range, 1 + self.zoom_range)

    @property
    def shifts(self) -> bool:
        """True where a shift other than by 0 can be drawn."""
        return _can_shift(self.width_shift_range) or _can_shift(self.height_shift_range)

    @property
    def reaches_outside(self) -> bool:
        """True where a pixel can come from outside of the image."""
        padded = self.random_crop is not None and self.random_crop.padding > 0
        return self.shifts or self.rotation_range > 0 or self.shear_range > 0 or self.zoom[1] > 1 or padded

    @property
    def warps(self) -> bool:
        """True where pixels can move."""
        flips = bool(self.horizontal_flip) or self.vertical_flip
        return self.reaches_outside or self.zoom != (1, 1) or flips or self.random_resized_crop is not None

    @property
    def beyond_keras(self) -> bool:
        """True where there is more to draw than Keras's arguments ask for."""
        tones = (
            self.contrast_range is not None or self.saturation_range is not None or self.hue_range > 0 or self.blur is not None
        )
        crops = self.random_crop is not None or self.random_resized_crop is not None
        others = self.random_erasing is not None or self.rand_augment is not None
        return tones or crops or others or self.probability < 1 or bool(self.probabilities)

    @property
    def active(self) -> bool:
        """True where anything can change."""
        colours = self.channel_shift_range > 0 or self.brightness_range not in (None, (1, 1)) or self.inversion > 0
        more = any((*self._tones, self.blur not in (None, (0, 0)), self.random_erasing, self.rand_augment))
        return self.warps or colours or more or self.rescale not in (None, 1)

    @property
    def _is_random(self) -> bool:
        """True where anything is random."""
        return replace(self, rescale=None).active or self.mixup > 0 or self.cutmix > 0

    @property
    def _tones(self) -> tuple[bool, ...]:
        return self.contrast_range not in (None, (1, 1)), self.saturation_range not in (None, (1, 1)), self.hue_range > 0

    @property
    def _probable(self) -> tuple[str, ...]:
        """The operations switched on that `probability` holds for."""
        own = ("horizontal_flip", "vertical_flip")
        return tuple(name for name in PROBABLE if getattr(self, name) not in (0, None) and name not in own)

    @property
    def _useless_probabilities(self) -> tuple[str, ...]:
        flips = tuple(name for name in ("horizontal_flip", "vertical_flip") if getattr(self, name) is True)
        return tuple(name for name in self.probabilities if name not in (*self._probable, *flips))

    def share_of(self, operation: str) -> float:
        """The part of the images that an operation, named as its field, changes."""
        default = 0.5 if operation in ("horizontal_flip", "vertical_flip") else self.probability
        return self.probabilities.get(operation, default)

    def without_effect(self) -> tuple[tuple[str, str], ...]:
        """The settings that were changed and yet can do nothing, each with a sentence that says why."""
        same = "A factor of 1 leaves an image as it is."
        whole = "A whole number n stands for up to n - 1 whole pixels, so 1 never shifts. Write 1.0 for up to one pixel, or 2."
        other = f"cval is used by fill_mode: constant, and fill_mode is {self.fill_mode}."
        inside = "It says what lies outside of an image, and nothing here shifts, turns, shears or shrinks it."
        whitened = "zca_whitening stands in its place."
        moves = self.reaches_outside or self.rand_augment is not None
        cases = (
            ("width_shift_range", self.width_shift_range == 1 and isinstance(self.width_shift_range, int), whole),
            ("height_shift_range", self.height_shift_range == 1 and isinstance(self.height_shift_range, int), whole),
            ("width_shift_range", _is_list_of_zeros(self.width_shift_range), "All the shifts in the list are 0."),
            ("height_shift_range", _is_list_of_zeros(self.height_shift_range), "All the shifts in the list are 0."),
            ("brightness_range", self.brightness_range == (1, 1), "A brightness of 1 leaves an image as it is."),
            ("zoom_range", self.zoom_range == (1, 1), "A zoom of 1 leaves an image as it is."),
            ("fill_mode", self.fill_mode != "nearest" and not moves, inside),
            ("cval", self.cval != 0 and self.fill_mode != "constant", other),
            ("interpolation_order", self.interpolation_order == 0 and not self.warps, "Nothing here moves pixels."),
            ("contrast_range", self.contrast_range == (1, 1), same),
            ("saturation_range", self.saturation_range == (1, 1), same),
            ("blur", self.blur == (0, 0), "A blur of 0 pixels leaves an image as it is."),
            (
                "random_crop",
                self.random_crop is not None and self.random_crop.padding == 0,
                "Without padding nothing is cut off.",
            ),
            (
                "random_erasing",
                self.random_erasing is not None and not self.random_erasing.probability,
                "It happens to no image.",
            ),
            ("zoom_keep_aspect", self.zoom_keep_aspect and self.zoom == (1, 1), "Nothing here zooms."),
            ("probability", self.probability < 1 and not self._probable, "No operation here takes a probability from it."),
            ("probabilities", bool(self._useless_probabilities), f"Switched off: {', '.join(self._useless_probabilities)}."),
            ("rescale", self.rescale == 1, "Multiplying by 1 changes no value."),
            ("featurewise_std_normalization", self.featurewise_std_normalization and self.zca_whitening, whitened),
            ("zca_epsilon", self.zca_epsilon != 1e-6 and not self.zca_whitening, "It belongs to zca_whitening, which is off."),
            ("until_epoch", self.until_epoch is not None and not self._is_random, "Nothing here is random."),
        )
        return tuple((field, text) for field, useless, text in cases if useless)


def _is_list_of_zeros(shift: int | float | tuple[float, ...]) -> bool:
    return isinstance(shift, tuple) and not any(shift)


def _can_shift(shift: int | float | tuple[float, ...]) -> bool:
    if isinstance(shift, tuple):
        return any(shift)
    return shift > 1 if isinstance(shift, int) else shift > 0
