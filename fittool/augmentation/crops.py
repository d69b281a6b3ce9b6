"""Settings of the operations with several numbers: crops, erased rectangles, RandAugment, and the forms they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from fittool.settings import Field, Integer, Number, nearest_name, setting

_NUMBER: TypeAdapter[float] = TypeAdapter(Number)
PROBABLE = (
    "rotation_range", "width_shift_range", "height_shift_range", "brightness_range", "shear_range", "zoom_range",
    "channel_shift_range", "horizontal_flip", "vertical_flip", "contrast_range", "saturation_range", "hue_range", "blur",
    "random_crop", "random_resized_crop", "rand_augment",
)  # fmt: skip
"""Operations that can have a probability."""


def numbers(value: object) -> tuple[float, ...]:
    """The numbers of a list; none where it is no list of numbers."""
    if not isinstance(value, list | tuple):
        return ()
    try:
        return tuple(_NUMBER.validate_python(item) for item in value)
    except ValidationError:
        return ()


def _ratios(value: object) -> tuple[float, float]:
    found = numbers(value)
    if len(found) != 2 or not 0 < found[0] <= found[1]:
        raise PydanticCustomError("ratio_form", "must be two numbers [low, high] above 0")
    return found[0], found[1]


def _shares(value: object) -> tuple[float, float]:
    found = numbers(value)
    if len(found) != 2 or not 0 < found[0] <= found[1] <= 1:
        raise PydanticCustomError("share_form", "must be two shares [low, high] above 0 and up to 1")
    return found[0], found[1]


def _blur(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    found = numbers(value) if isinstance(value, list | tuple) else (0.0, *numbers([value]))
    if len(found) != 2 or not 0 <= found[0] <= found[1] <= 50:
        raise PydanticCustomError("blur_form", "must be a number s for [0, s], or [low, high], from 0 to 50 pixels")
    return found[0], found[1]


def _fill(value: object) -> float | tuple[float, ...] | str:
    if value == "random":
        return "random"
    found = numbers(value) if isinstance(value, list | tuple) else numbers([value])
    if not found:
        raise PydanticCustomError("fill_form", "must be a number, a list with one for each channel, or random")
    return found if isinstance(value, list | tuple) else found[0]


def _probabilities(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise PydanticCustomError("probability_form", "must name operations and their probabilities, such as {blur: 0.1}")
    for name in value:
        if name not in PROBABLE:
            raise PydanticCustomError(
                "unknown_name",
                "no {kind} is called {name}",
                {
                    "kind": "operation with a probability", "name": str(name), "nearest": nearest_name(str(name), PROBABLE) or "",
                    "known": ", ".join(PROBABLE),
                },
            )  # fmt: skip
    shares = {str(name): numbers([share]) for name, share in value.items()}
    for name, share in shares.items():
        if not share or not 0 <= share[0] <= 1:
            raise PydanticCustomError("probability_range", "must be from 0 to 1 for {name}", {"name": name})
    return {name: share[0] for name, share in shares.items()}


_WRITTEN: Any = list[float | str]
Ratios = Annotated[tuple[float, float], PlainValidator(_ratios, json_schema_input_type=_WRITTEN)]
Shares = Annotated[tuple[float, float], PlainValidator(_shares, json_schema_input_type=_WRITTEN)]
Blur = Annotated[tuple[float, float] | None, PlainValidator(_blur, json_schema_input_type=float | str | list[float | str] | None)]
Fill = Annotated[float | tuple[float, ...] | str, PlainValidator(_fill, json_schema_input_type=float | str | list[float | str])]
Probability = Annotated[Number, Field(ge=0, le=1)]
Probabilities = Annotated[dict[str, float], PlainValidator(_probabilities, json_schema_input_type=dict[str, float | str])]


@setting
class RandomCrop:
    """Pads an image on all sides and cuts out a place of the image's own size."""

    padding: Annotated[Integer, Field(ge=0)] = Field(
        default=4, description="Pixels on each side, filled as `fill_mode` says; moves the image by up to as many whole pixels."
    )


@setting
class RandomResizedCrop:
    """Cuts out a rectangle and enlarges it to the image's size (Szegedy et al. 2015)."""

    scale: Shares = Field(default=(0.08, 1.0), description="The rectangle's share of the image's area, [low, high].")
    ratio: Ratios = Field(default=(3 / 4, 4 / 3), description="The rectangle's width over its height, [low, high].")


@setting
class RandomErasing:
    """Covers a rectangle (Zhong et al. 2017)."""

    probability: Probability = Field(default=0.5, description="The part of the images in which a rectangle is covered.")
    scale: Shares = Field(default=(0.02, 0.33), description="The rectangle's share of the image's area, [low, high].")
    ratio: Ratios = Field(default=(0.3, 3.3), description="The rectangle's width over its height, [low, high].")
    value: Fill = Field(
        default=0.0,
        description="The value that covers: a number, one for each channel, or `random` for noise in the image's range.",
    )


@setting
class RandAugment:
    """Some operations of a list of 14, all of one strength (Cubuk et al. 2020)."""

    operations: Annotated[Integer, Field(ge=1, le=14)] = Field(default=2, description="How many operations, one after another.")
    magnitude: Annotated[Integer, Field(ge=0, le=30)] = Field(default=9, description="Their strength, from 0 to 30.")
