"""`data.validation: {split: …}`: which part of the training data is validated on instead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.data.sources import SOURCES
from fittool.settings import Boolean, Family, Field, Integer, Named, Number, Text, setting

By = Literal["auto", "random", "stratified", "group"]


def _as_list(value: object) -> object:
    """One value stands for a list of it; numbers and truth values are written as the data have them."""
    listed = value if isinstance(value, list) else [value]
    return [str(one) if isinstance(one, int | float) else one for one in listed]


Values = Annotated[list[Text], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=str | int | list[str | int])]


@setting
class SplitSetting(Named):
    """A part of the training data, taken out of them."""

    kind: Literal["last", "first", "random", "stratified", "group", "kfold", "column", "time"] = Field(
        default="last",
        description="last, first: of the data as they stand, of folders in each class; random: any samples; stratified: the same "
        "share of each class; group: whole groups; kfold: one of several parts of equal size; column: as a column says, such as "
        "one called split; time: the latest by a column of dates or numbers.",
    )
    fraction: Annotated[Number, Field(gt=0, lt=1)] = Field(
        default=0.2, description="Share of the samples to validate on, for all kinds but kfold and column."
    )
    folds: Integer = Field(default=5, ge=2, le=1000, description="Number of parts, for kfold.")
    fold: Integer = Field(default=0, ge=0, description="Number of the part to validate on, from 0, for kfold.")
    by: By = Field(
        default="random",
        description="How kfold makes its parts: random, stratified by class, or of whole groups; auto: stratified where there "
        "are classes, else random.",
    )
    shuffle: Boolean = Field(
        default=True,
        description="Whether kfold mixes the samples by the seed before it makes parts; else parts are as they stand.",
    )
    group: Text | None = Field(
        default=None,
        min_length=1,
        description="What tells the groups apart: a column of a csv, an array of an npz, or for folders a pattern (a regular "
        "expression) that finds the group in a file's path.",
    )
    column: Text | None = Field(
        default=None,
        min_length=1,
        description="For column: the column of a csv, or the array of an npz, that says what each sample is for; for time: of "
        "dates or numbers.",
    )
    value: Values | None = Field(
        default=None,
        description="For column: what it holds, a text or several, where a sample is validated on; by default val, valid, "
        "validation, dev or eval, else test. What means test data is not trained on.",
    )
    seed: Annotated[Integer, Field(ge=0)] | None = Field(default=None, description="Of the choice; by default the experiment's.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "split"

    @property
    def needs_groups(self) -> bool:
        """True where whole groups go to one side."""
        return self.kind == "group" or (self.kind == "kfold" and self.by == "group")

    @property
    def divides(self) -> str | None:
        """The column, or pattern, whose values divide the samples, or None."""
        return self.column if self.kind in ("column", "time") else self.group if self.needs_groups else None

    @model_validator(mode="after")
    def _holds_together(self) -> SplitSetting:
        if self.kind in ("column", "time") and self.column is None:
            raise PydanticCustomError("column_missing", "must say which column divides the data: write column: NAME")
        if self.kind == "kfold" and self.fold >= self.folds:
            raise PydanticCustomError("fold_number", f"must have a fold below folds, which is {self.folds}; folds count from 0")
        if self.needs_groups and self.group is None:
            raise PydanticCustomError("group_missing", "must say what tells the groups apart: write group: COLUMN or a pattern")
        return self


VALIDATION: Family[Named] = Family("validation source", SOURCES.members | {"split": SplitSetting})
"""The types of `data.validation`: a source, or a part of the training data."""
