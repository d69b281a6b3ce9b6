"""Which columns of a table a network uses: how much worse it is when one of them is shuffled (Breiman 2001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.answers.decisions import decide
from fittool.experiment.answers.decoding import Answers
from fittool.experiment.evaluate import Measured
from fittool.experiment.results.baselines import explained
from fittool.experiment.results.figures import class_numbers
from fittool.experiment.trained_run import TrainedRun
from fittool.report.pages.contents import Importance

MOST_COLUMNS, MOST_SAMPLES, LEAST_SAMPLES = 500, 1000, 200
REPEATS = 3
_MOST_ROWS = 300_000
"""Predictions that it may cost: where there are many columns, fewer samples are asked for."""
_TABLE_AXES = 2
_Figure = Callable[[NDArray[np.generic]], float]


def importance_of(run: TrainedRun, measured: Measured) -> Importance | None:
    """The loss of accuracy, or of R², by shuffling each column, the most first; None for what is no table.

    A column of the table is shuffled whole: all features that are made of it, so that a category of twenty levels is one.

    Args:
        run: The run.
        measured: What was measured; at most `MOST_SAMPLES` of its samples are asked for again.
    """
    data = measured.data
    if isinstance(data, GeneratorData) or len(run.graph.inputs) != 1 or len(run.graph.outputs) != 1:
        return None
    columns = columns_of(run)
    if not 0 < len(columns) <= MOST_COLUMNS:
        return None
    most = min(max(_MOST_ROWS // (len(columns) * REPEATS), LEAST_SAMPLES), MOST_SAMPLES)
    count = min(len(data), most)
    inputs, targets, _ = data.load(np.sort(rng.permuted(0, "importance", positions=np.arange(count), size=len(data))))
    x = np.asarray(inputs[0])
    if x.ndim != _TABLE_AXES or not targets or sum(len(places) for _, places in columns) != x.shape[1]:
        return None
    what, figure = _measure(run, x, targets[0])
    whole = figure(x)
    found = []
    for number, (name, places) in enumerate(columns):
        lost = [whole - figure(_shuffled(x, places, number, repeat)) for repeat in range(REPEATS)]
        found.append((name, float(np.mean(lost)), float(np.std(lost))))
    return Importance(what, count, REPEATS, sorted(found, key=lambda row: -row[1]))


def columns_of(run: TrainedRun) -> list[tuple[str, range]]:
    """The columns of the run's table that are learnt from, each with the places of its features; of rows without names each."""
    if run.encoder is None:
        shape = next(iter(run.graph.inputs.values()))
        names = run.feature_names or [f"input {number}" for number in range(shape[0])] if len(shape) == 1 else ()
        return [(name, range(place, place + 1)) for place, name in enumerate(names)]
    found, place = [], 0
    for column in run.encoder.columns:
        if column.features:
            found.append((column.name, range(place, place + len(column.features))))
            place += len(column.features)
    return found


def _shuffled(x: NDArray[Any], places: range, column: int, repeat: int) -> NDArray[Any]:
    changed = x.copy()
    order = rng.permuted(1, "importance", column, repeat, positions=np.arange(len(x)), size=len(x))
    changed[:, places.start : places.stop] = x[order, places.start : places.stop]
    return changed


def _measure(run: TrainedRun, x: NDArray[Any], truth: NDArray[Any]) -> tuple[str, _Figure]:
    """What is lost, in words, and the function that measures rows (N, F)."""
    engine = run.model().network.for_predictions()
    (output,) = run.graph.outputs

    def answers(rows: NDArray[np.generic]) -> Answers:
        return decide(run, {output: engine.predict_step((rows,))[0]}, (truth,))

    def accuracy(rows: NDArray[np.generic]) -> float:
        return float((answers(rows).decided == right).mean())

    def r2(rows: NDArray[np.generic]) -> float:
        return explained(truth.reshape(len(x), -1), answers(rows).outputs[output].reshape(len(x), -1))

    kind = answers(x).kind
    right: NDArray[Any] = class_numbers(truth) if kind == "classes" else truth.reshape(len(x), -1) > 0
    return ("R² lost", r2) if kind == "numbers" else ("accuracy lost", accuracy)
