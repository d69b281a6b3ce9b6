"""The samples about which a network was most certain, and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.user_code.generator_data import GeneratorData
from fittool.experiment.answers.decisions import decide
from fittool.experiment.evaluate import Measured
from fittool.experiment.results.figures import class_numbers
from fittool.experiment.trained_run import TrainedRun
from fittool.report.pages.contents import Mistake

MOST = 12


def worst_mistakes(run: TrainedRun, measured: Measured) -> list[Mistake]:
    """The samples whose wrong class was most probable, or whose number is furthest off; none of what cannot be counted."""
    data, samples = measured.data, measured.samples
    if isinstance(data, GeneratorData) or len(run.graph.outputs) != 1 or len(samples) != len(data):
        return []
    answers = decide(run, dict(zip(run.graph.outputs, samples.outputs, strict=True)), samples.targets)
    (outputs,) = answers.outputs.values()
    targets: NDArray[Any] = samples.targets[0]
    if answers.kind == "classes" and answers.names is not None:
        truth, names = class_numbers(targets), answers.names
        wrong = np.flatnonzero((answers.decided != truth) & (truth >= 0) & (truth < len(names)))
        certainty = outputs[wrong, answers.decided[wrong]]
        told = [(names[truth[at]], names[answers.decided[at]]) for at in wrong]
    elif answers.kind == "numbers" and outputs.reshape(len(outputs), -1).shape[1] == 1:
        flat, numbers = outputs.reshape(-1), targets.reshape(-1)
        wrong, certainty = np.arange(len(flat)), np.abs(flat - numbers)
        told = [(f"{true:.4g}", f"{said:.4g}") for true, said in zip(numbers, flat, strict=True)]
    else:
        return []
    order = np.argsort(-certainty, kind="stable")[:MOST]
    inputs = data.load(wrong[order])[0] if len(order) else ()
    return [
        Mistake(data.describe(int(wrong[at])), told[at], float(certainty[at]), inputs[0][place] if len(inputs) == 1 else None)
        for place, at in enumerate(order)
    ]
