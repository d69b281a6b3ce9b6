"""The columns of a table as an experiment would write them, were it to leave nothing to be found."""

from __future__ import annotations

from dataclasses import fields, replace

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.tables.category_columns import FittedBoolean, FittedCategory
from fittool.data.tables.column_kinds import (
    BooleanKind,
    CategoryKind,
    ColumnKind,
    DateKind,
    DropKind,
    KeyKind,
    NumberKind,
    TextKind,
)
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.date_columns import FittedDate
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.fitted_column import Dropped, FittedColumn
from fittool.data.tables.number_columns import FittedNumber
from fittool.data.tables.text_columns import FittedText
from fittool.experiment.tables.columns import plan_of

_MOST = 1000


def with_columns_written(loaded: LoadedExperiment, encoder: TableEncoder | None) -> LoadedExperiment:
    """The experiment with the kind of each column; of very many columns nothing is written.

    Args:
        loaded: The experiment.
        encoder: What the training part has fixed, or None: the data are no table.
    """
    if encoder is None or len(encoder.columns) > _MOST:
        return loaded
    plan = plan_of(loaded) or ColumnPlan()
    columns = {column.name: plan.kinds.get(column.name) or _kind_of(column, plan) for column in encoder.columns}
    experiment = loaded.experiment
    return replace(loaded, experiment=replace(experiment, data=replace(experiment.data, columns=columns)))


def _kind_of(column: FittedColumn, plan: ColumnPlan) -> ColumnKind:
    if isinstance(column, FittedNumber):
        number = plan.defaults.number
        return NumberKind(**{field.name: getattr(number, field.name) for field in fields(number)})
    if isinstance(column, FittedCategory):
        rare = plan.defaults.category.rare
        return CategoryKind("embedding", column.width, rare) if column.width else CategoryKind("one_hot", None, rare)
    if isinstance(column, FittedBoolean):
        return BooleanKind()
    if isinstance(column, FittedDate):
        return DateKind(column.order, list(column.parts))
    if isinstance(column, FittedText):
        return TextKind(column.width)
    return DropKind() if isinstance(column, Dropped) else KeyKind()
