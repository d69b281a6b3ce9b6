"""Which columns of a table a network uses: how much worse it is when one of them is shuffled (Breiman 2001)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.answers.decisions import decide
from fittool.experiment.evaluate import Measured
from fittool.experiment.results.baselines import explained
from fittool.experiment.results.figures import class_numbers
from fittool.experiment.trained_run import TrainedRun

MOST_COLUMNS, MOST_SAMPLES = 60, 1000
_TABLE_AXES = 2


def importance_of(run: TrainedRun, measured: Measured) -> tuple[str, list[tuple[str, float]]] | None:
    """The loss of accuracy, or of R², by shuffling each column, the most first; None for what is no table.

    Args:
        run: The run.
        measured: What was measured; at most `MOST_SAMPLES` of its samples are asked for again.
    """
    data, names = measured.data, run.feature_names
    if names is None or isinstance(data, GeneratorData) or len(run.graph.inputs) != 1 or len(run.graph.outputs) != 1:
        return None
    count = min(len(data), MOST_SAMPLES)
    inputs, targets, _ = data.load(np.sort(rng.permuted(0, "importance", positions=np.arange(count), size=len(data))))
    x = np.asarray(inputs[0])
    truth: NDArray[Any] = targets[0] if targets else np.zeros(0)
    if x.ndim != _TABLE_AXES or x.shape[1] != len(names) or len(names) > MOST_COLUMNS or not targets:
        return None
    engine = run.model().network.for_predictions()
    (output,) = run.graph.outputs

    def figure(rows: NDArray[np.generic]) -> tuple[str, float]:
        answers = decide(run, {output: engine.predict_step((rows,))[0]})
        if answers.kind == "classes":
            return "accuracy lost", float((answers.decided == class_numbers(truth)).mean())
        if answers.kind == "labels":
            return "accuracy lost", float((answers.decided == (truth.reshape(count, -1) > 0)).mean())
        return "R² lost", explained(truth.reshape(count, -1), answers.outputs[output].reshape(count, -1))

    what, whole = figure(x)
    found = []
    for column, name in enumerate(names):
        shuffled = x.copy()
        shuffled[:, column] = x[rng.permuted(1, "importance", column, positions=np.arange(count), size=count), column]
        found.append((name, whole - figure(shuffled)[1]))
    return what, sorted(found, key=lambda pair: -pair[1])
