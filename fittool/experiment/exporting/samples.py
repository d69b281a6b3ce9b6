"""The samples that an exported file proves itself with, and what `predict` answers for them.

Pictures and arrays are taken from the run's validation data, evenly spread. Rows of a table are drawn from what the run keeps of
its columns, so that no row of the data leaves with the file: numbers within their range, levels, gaps, and words never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.formats.cell_form import CellForm
from fittool.data.formats.columns import Column
from fittool.data.tables.category_columns import FittedBoolean, FittedCategory
from fittool.data.tables.date_columns import FittedDate
from fittool.data.tables.fitted_column import FittedColumn
from fittool.data.tables.number_columns import FittedNumber
from fittool.data.tables.text_columns import FittedText
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import FittoolError
from fittool.experiment.own_data import Part, own_data
from fittool.experiment.trained_run import TrainedRun

SAMPLES = 32
_GAP_EVERY = 8
_UNSEEN = "a word that training has not seen"


@dataclass(frozen=True)
class _Cells:
    """N cells as an encoder reads them, and as they are given to the exported graph, (N,)."""

    column: Column
    raw: NDArray[Any]


@dataclass(frozen=True)
class Drawn:
    """Samples of a run.

    Attributes:
        arrays: (N, …) of each input of the network but that of a table.
        columns: The cells of a table's columns, by name; none without a table.
    """

    arrays: tuple[NDArray[Any], ...]
    columns: Mapping[str, _Cells]

    def inputs_of(self, run: TrainedRun) -> tuple[NDArray[Any], ...]:
        """(N, …) of each input of a run's network, as `predict` gives them to it."""
        if run.encoder is None:
            return self.arrays
        count = len(next(iter(self.columns.values())).raw)
        features = run.encoder.encode({name: one.column for name, one in self.columns.items()}, count).values
        return (*self.arrays, features)

    @property
    def raw(self) -> tuple[NDArray[Any], ...]:
        """(N, …) of each array, then (N, 1) of each column, as an exported graph takes them."""
        return (*self.arrays, *(one.raw.reshape(-1, 1) for one in self.columns.values()))


def draw_samples(runs: Sequence[TrainedRun], *, accept_changes: bool = False, warn: Callable[[str], object] = str) -> Drawn:
    """Some samples for a run, or for several of one kind; the same runs with the same data give the same.

    Args:
        runs: The runs; pictures and arrays are those of the first.
        accept_changes: Whether other data than those trained with are taken, with a warning.
        warn: Given a sentence about data that could not be used.
    """
    first = runs[0]
    count = len(first.graph.inputs) - (first.encoder is not None)
    arrays = () if count == 0 else _own_arrays(first, count, accept_changes, warn)
    generator = rng.generator(first.loaded.experiment.seed, "export samples")
    amount = len(arrays[0]) if arrays else SAMPLES
    known: dict[str, FittedColumn] = {}
    for run in runs:
        for column in () if run.encoder is None else run.encoder.columns:
            if column.features:
                known.setdefault(column.name, column)
    return Drawn(arrays, {name: _cells_of(column, amount, generator) for name, column in known.items()})


def _own_arrays(run: TrainedRun, count: int, accept_changes: bool, warn: Callable[[str], object]) -> tuple[NDArray[Any], ...]:
    """The first inputs of samples of the run's own data; drawn ones where those cannot be had."""
    parts: tuple[Part, ...] = ("validation", "train")
    told: list[str] = []
    for part in parts:
        try:
            data, _ = own_data(run, part, accept_changes=accept_changes, warn=warn)
            if isinstance(data, GeneratorData):
                raise FittoolError("The samples come from a generator.")
            places = np.unique(np.linspace(0, len(data) - 1, SAMPLES).round().astype(np.int64))
            inputs, _, _ = run.on_its_scale(data, warn).load(places)
            return tuple(np.asarray(array) for array in inputs[:count])
        except FittoolError as error:
            told.append(error.problems[0].text)
    warn(f"The samples beside the file are drawn at random, as the run's own data cannot be used: {told[0]}")
    return _random(run, count)


def _random(run: TrainedRun, count: int) -> tuple[NDArray[Any], ...]:
    """Arrays within the range that was learnt from."""
    generator = rng.generator(run.loaded.experiment.seed, "export samples")
    facts = run.inputs or ()
    found = []
    for number, shape in enumerate(list(run.graph.inputs.values())[:count]):
        fact = facts[number] if number < len(facts) else None
        low, high = (0.0, 1.0) if fact is None else (fact.lowest, fact.highest)
        values = generator.uniform(low, high, (SAMPLES, *shape))
        values = np.rint(values) if fact is not None and fact.whole else values
        found.append(values.astype(np.float32 if fact is None else fact.dtype))
    return tuple(found)


def _cells_of(column: FittedColumn, count: int, generator: np.random.Generator) -> _Cells:
    if isinstance(column, FittedNumber):
        return _numbers(column, count, generator)
    if isinstance(column, FittedDate):
        return _dates(column, count, generator)
    words = _words_of(column)
    cells = [words[place] for place in generator.permutation(count) % len(words)]
    return _Cells(_text_column(column.name, cells), np.array(cells, object))


def _words_of(column: FittedColumn) -> list[str]:
    """The words that a column of words may hold, a gap and an unknown one among them."""
    if isinstance(column, FittedCategory):
        return [*(level for level, _ in (*column.levels, *column.merged)), "", _UNSEEN]
    if isinstance(column, FittedBoolean):
        return [*column.off, *column.on, "", _UNSEEN]
    assert isinstance(column, FittedText)
    return ["", _UNSEEN]


def _text_column(name: str, cells: list[str]) -> Column:
    made = Column(name, CellForm(), keep_text=True)
    made.add(cells, range(len(cells)))
    return made


def _is_gap(count: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    return np.equal(generator.permutation(count) % _GAP_EVERY, 0)


def _numbers(column: FittedNumber, count: int, generator: np.random.Generator) -> _Cells:
    low, high = (edge if np.isfinite(edge) else other for edge, other in ((column.lowest, -1.0), (column.highest, 1.0)))
    values = generator.uniform(low, high, count)
    gaps = _is_gap(count, generator)
    values = np.where(gaps, np.nan, values) if column.fill is not None else values
    made = Column(column.name)
    made.add_numbers(values)
    return _Cells(made, values)


def _dates(column: FittedDate, count: int, generator: np.random.Generator) -> _Cells:
    seconds = np.floor(generator.uniform(column.first, column.last, count))
    seconds = np.where(_is_gap(count, generator), np.nan, seconds)
    start = datetime(1970, 1, 1, tzinfo=UTC)
    cells = ["" if value != value else f"{start + timedelta(seconds=value):%Y-%m-%d %H:%M:%S}" for value in seconds.tolist()]
    return _Cells(_text_column(column.name, cells), seconds)
