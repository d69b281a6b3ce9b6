"""The outputs of several networks as those of one: the mean of their probabilities, scores or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, shown
from fittool.experiment.answers.decoding import from_logits, squashing_of
from fittool.experiment.trained_run import TrainedRun, Which, open_trained
from fittool.nn.losses import Loss

Outputs = tuple[NDArray[np.float32], ...]
_LEAST = float(np.finfo(np.float32).tiny)


def open_members(
    members: Sequence[Path], checkpoint: Which, experiment: Path | None, engine: str | None = None
) -> list[TrainedRun]:
    """Open the runs of an ensemble.

    Args:
        members: Their directories.
        checkpoint: Which state of each.
        experiment: The experiment file that the user names, as consent to the code in it.
        engine: The name of the engine that computes; None: the experiment's.

    Raises:
        CheckpointError: One is missing or damaged, or they are not of one network.
    """
    runs = [open_trained(path, checkpoint=checkpoint, experiment=experiment, engine=engine) for path in members]
    first = runs[0]
    for run in runs[1:]:
        if run.graph.output_shapes != first.graph.output_shapes or run.class_names != first.class_names:
            text = f"has other outputs or classes than {first.directory.path.name}, so their answers have no mean."
            raise CheckpointError(text, place=shown(run.directory.path))
    return [replace(run, is_member=True) for run in runs]


def average(run: TrainedRun, outputs: Sequence[Outputs]) -> Outputs:
    """The mean of the outputs of several networks, (N, …) for each output.

    Of logits, as a loss with `from_logits` wants them, it is the logits of the mean of the probabilities.

    Args:
        run: Any of the runs; their networks have the same outputs.
        outputs: Those of each network.
    """
    objectives = run.loaded.experiment.compile.objectives(run.graph.outputs)
    columns = zip(*outputs, strict=True)
    return tuple(_mean(objectives[name].loss, arrays) for name, arrays in zip(run.graph.outputs, columns, strict=True))


def _mean(loss: Loss | None, arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    mean = np.mean([from_logits(loss, array).astype(np.float64) for array in arrays], axis=0)
    if (kind := squashing_of(loss)) is not None:
        logits = np.log(np.maximum(mean, _LEAST))
        mean = logits - np.log(np.maximum(1 - mean, _LEAST)) if kind == "sigmoid" else logits
    return np.asarray(mean, np.float32)
