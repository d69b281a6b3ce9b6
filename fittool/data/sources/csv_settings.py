"""The settings of the source `csv`, apart from what reads tables."""

from __future__ import annotations

import codecs
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.data.sources.base import Source
from fittool.settings import Boolean, Field, Text, setting


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _as_text(value: object) -> object:
    """Columns without a header have numbers for names."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[Text, BeforeValidator(_as_text, json_schema_input_type=str | int)]
Columns = Annotated[
    list[Name], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=str | int | list[str | int])
]


def _known_encoding(name: str) -> str:
    """The name of an encoding of text, as it is; a wrong setting otherwise."""
    try:
        codecs.lookup(name)
        b"".decode(name)
    except (LookupError, ValueError):
        raise PydanticCustomError("encoding", "must be an encoding of text such as utf-8, cp1252 or latin-1") from None
    return name


_ALL_FOUND = "; by default found by looking"


@setting
class CsvSettings(Source):
    """The settings of a table; what reads one takes them from here."""

    reads_images: ClassVar[bool] = True
    has_columns: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The file.")
    label: Columns | None = Field(
        default=None, description="The column of labels, or several; needed unless class_mode is input or null."
    )
    features: Columns | None = Field(
        default=None, description="The columns to learn from; by default all other numeric ones, beside images none."
    )
    image: Name | None = Field(
        default=None, description="The column of image paths; with features too there are two inputs, image and features."
    )
    root: Text | None = Field(
        default=None, min_length=1, description="Where image paths begin; by default the folder of the CSV file."
    )
    label_separator: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="What stands between labels where a cell holds several, such as a blank; each is a class then."
    )
    weight: Name | None = Field(default=None, description="The column of sample weights.")
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description=f"The character between cells{_ALL_FOUND}."
    )
    decimal: Literal[".", ","] | None = Field(default=None, description=f"The sign before a fraction{_ALL_FOUND}.")
    thousands: Literal["", ",", ".", " ", "'", "_"] | None = Field(
        default=None, description=f'The sign between groups of three digits, "" for none{_ALL_FOUND}.'
    )
    encoding: Annotated[Text, AfterValidator(_known_encoding)] | None = Field(
        default=None, description=f"The encoding of the text, such as utf-8 or cp1252{_ALL_FOUND}."
    )
    header: Boolean | None = Field(
        default=None, description=f"Whether the first line names the columns; else they are called 0, 1, 2 and so on{_ALL_FOUND}."
    )
    missing_values: list[Name] | None = Field(
        default=None,
        description="What stands for a missing value beside an empty cell, in any case of letters; by default NA, N/A, NaN, "
        "null, None, -, ?, . and the like.",
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "csv"

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.decimal is not None and self.decimal == self.thousands:
            raise PydanticCustomError("number_signs", "must not have the same sign for decimal and thousands")
        return self
