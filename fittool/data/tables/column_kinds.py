"""The kinds that the columns of a table may have, each with its settings: `data.columns` of an experiment."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.settings import Family, Field, Integer, Named, Text, setting

Scale: TypeAlias = Literal["none", "standard", "robust", "quantile", "minmax"]
DateOrder: TypeAlias = Literal["ymd", "dmy", "mdy"]
DatePart: TypeAlias = Literal["year", "month", "day", "weekday", "hour", "time"]
_FILLS = ("median", "mean", "zero", "error")


def _missing(value: object) -> object:
    if value in _FILLS or (isinstance(value, int | float) and not isinstance(value, bool) and value == value):
        return value
    raise PydanticCustomError("missing_form", "must be median, mean, zero, error or a number")


Missing = Annotated[
    float | str, PlainValidator(_missing, json_schema_input_type=float | Literal["median", "mean", "zero", "error"])
]


@setting
class ColumnKind(Named):
    """A kind of column."""


@setting
class NumberSettings:
    """The settings of a column of numbers."""

    missing: Missing = Field(
        default="median",
        description="What stands in a gap: the median or mean of the training part, zero, or a number; with it comes a column "
        "that is 1 where there was a gap. error refuses gaps.",
    )
    scale: Scale = Field(
        default="none",
        description="none: as they are; standard: mean 0 and deviation 1; robust: median 0 and distance of the quartiles 1; "
        "quantile: as a normal distribution has them, by rank; minmax: from 0 to 1. All of the training part.",
    )


@setting
class NumberKind(NumberSettings, ColumnKind):
    """A column of numbers."""

    @classmethod
    def public_name(cls) -> str:
        """`number`."""
        return "number"


@setting
class CategorySettings:
    """The settings of a column of names, or of numbers that are names."""

    encode: Literal["auto", "one_hot", "embedding"] = Field(
        default="auto",
        description="one_hot: a column of 0 and 1 for each value; embedding: a learned vector for each; auto: one_hot up to ten.",
    )
    embedding: Annotated[Integer, Field(ge=1, le=10_000)] | None = Field(
        default=None,
        description="Length of the vectors; by default 1.6 times the number of values to the power 0.56, at most 50.",
    )
    rare: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None,
        description="Values that the training part holds fewer times than this are merged, with those that it does not hold; by "
        "default 1 for one_hot, which merges none, and 3 for embedding. Where all are that rare, none is merged.",
    )


@setting
class CategoryKind(CategorySettings, ColumnKind):
    """A column of names, or of numbers that are names."""

    @classmethod
    def public_name(cls) -> str:
        """`category`."""
        return "category"


@setting
class BooleanKind(ColumnKind):
    """A column of two values: true and false, yes and no, 0 and 1, or two others, which become 0 and 1 in alphabetical order."""

    @classmethod
    def public_name(cls) -> str:
        """`boolean`."""
        return "boolean"


@setting
class DateSettings:
    """The settings of a column of dates, with times of day or without."""

    order: DateOrder | None = Field(
        default=None,
        description="How dates such as 03/04/2024 are meant: dmy or mdy; by default as all of the training part can be read, and "
        "an error where both ways fit. Dates that begin with the year need none.",
    )
    parts: Annotated[list[DatePart], Field(min_length=1)] | None = Field(
        default=None,
        description="The parts of a date: year, month, day, weekday and hour, of which all but the year are pairs of sine and "
        "cosine, and time, from the first date to the last; by default all that differ.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> DateSettings:
        if self.parts is not None and len(set(self.parts)) < len(self.parts):
            raise PydanticCustomError("parts_twice", "must name each part once")
        return self


@setting
class DateKind(DateSettings, ColumnKind):
    """A column of dates, with times of day or without."""

    @classmethod
    def public_name(cls) -> str:
        """`date`."""
        return "date"


@setting
class TextSettings:
    """The settings of a column of sentences: its words, and pieces of three letters of them, counted in hashed places."""

    width: Annotated[Integer, Field(ge=2, le=65_536)] = Field(
        default=64, description="Number of features: half for words, half for pieces of words."
    )


@setting
class TextKind(TextSettings, ColumnKind):
    """A column of sentences: its words, and pieces of three letters of them, counted in hashed places; no model of language."""

    @classmethod
    def public_name(cls) -> str:
        """`text`."""
        return "text"


@setting
class KeyKind(ColumnKind):
    """An identifier, which is kept out of the network and passed through to predictions."""

    @classmethod
    def public_name(cls) -> str:
        """`key`."""
        return "key"


@setting
class DropKind(ColumnKind):
    """A column that is left out."""

    @classmethod
    def public_name(cls) -> str:
        """`drop`."""
        return "drop"


COLUMN_KINDS: Family[ColumnKind] = Family(
    "kind",
    {kind.public_name(): kind for kind in (NumberKind, CategoryKind, BooleanKind, DateKind, TextKind, KeyKind, DropKind)},
)


def _as_text(value: object) -> object:
    """Columns without a header have numbers for names."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ColumnName = Annotated[Text, BeforeValidator(_as_text, json_schema_input_type=str | int)]
ColumnKinds = dict[ColumnName, Annotated[ColumnKind, COLUMN_KINDS]]
"""The kinds of columns by their names."""


def _bare(value: object) -> object:
    """The settings of a kind, also where they stand under its name, as a resolved experiment writes them."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in COLUMN_KINDS.members:
        return next(iter(value.values())) or {}
    return value


@setting
class ColumnDefaults:
    """Settings of the columns of a kind that `columns` does not name."""

    number: NumberSettings = Field(default_factory=NumberSettings, description="Of columns of numbers.")
    category: CategorySettings = Field(default_factory=CategorySettings, description="Of categories.")
    date: DateSettings = Field(default_factory=DateSettings, description="Of dates.")
    text: TextSettings = Field(default_factory=TextSettings, description="Of texts.")
