"""The outputs of a run's network as probabilities or scores of classes, as labels each on its own, or as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.data.sources import CsvSource, FolderSource, IdxSource, ShardsSource
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.activations import sigmoid, softmax
from fittool.nn.losses import BinaryCrossentropy, BinaryFocalCrossentropy, Hinge, LogitsOrProbabilities, Loss, SquaredHinge
from fittool.nn.objectives import output_activations
from fittool.results.thresholds import DEFAULT, above

Kind = Literal["classes", "labels", "numbers"]
_PROBABILITIES = ("softmax", "sparsemax", "sigmoid", "hard_sigmoid", "sparse_sigmoid")
_TOGETHER = ("softmax", "sparsemax")
_PAIR = 2
_OF_YES_OR_NO = (BinaryCrossentropy, BinaryFocalCrossentropy)


@dataclass(frozen=True)
class Answers:
    """The outputs of a network for N samples, as they are to be read.

    Attributes:
        outputs: (N, …) of each output by its name; of classes and labels (N, K), a column each.
        kind: Whether a sample is of one of several classes, or each of several labels holds or not, or there are numbers.
        names: Of the K classes, labels or numbers; None where they have none.
        are_probabilities: Whether the columns are probabilities; else they are scores, of which more is likelier.
        thresholds: (K,) above which probability a label holds, or the second of two classes is predicted; None: a half, or the
            likeliest class.
        classes: Of several outputs the names of the classes of those that have any, whose outputs are (N, K) then.
    """

    outputs: Mapping[str, NDArray[np.float32]]
    kind: Kind
    names: tuple[str, ...] | None
    are_probabilities: bool
    thresholds: tuple[float, ...] | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def decided(self) -> NDArray[Any]:
        """Of classes (N,) the number of the one that is predicted, of labels (N, K) whether each holds."""
        (outputs,) = self.outputs.values()
        if self.kind == "labels":
            return above(outputs, np.array(self.thresholds if self.thresholds is not None else [DEFAULT] * outputs.shape[1]))
        if self.thresholds is not None and outputs.shape[1] == _PAIR:
            return above(outputs[:, 1], self.thresholds[1]).astype(np.int64)
        return np.asarray(outputs.reshape(len(outputs), -1).argmax(axis=1), np.int64)


def decode(run: TrainedRun, outputs: Mapping[str, NDArray[np.float32]], *, yes_or_no: bool = False) -> Answers:
    """The answers in the outputs of a run's network.

    Args:
        run: The run.
        outputs: (N, …) by the outputs' names.
        yes_or_no: Whether the targets are known to be 0 or 1: arrays have no names for their columns, by which labels are known
            in tables, and with a crossentropy of yes or no their values may be anything between 0 and 1.
    """
    objectives = run.loaded.experiment.compile.objectives(run.graph.outputs)
    found = {name: from_logits(objectives[name].loss, output) for name, output in outputs.items()}
    if len(found) > 1 or next(iter(found.values())).ndim != 2:
        return _of_several(run, found)
    ((name, output),) = found.items()
    loss, columns, count = objectives[name].loss, _label_columns(run), output.shape[1]
    sure = _are_probabilities(loss, output_activations(run.graph)[name], output)
    labels = run.class_names or columns or (_all_names((), count) if yes_or_no and count > 1 else None)
    if labels is not None and isinstance(loss, _OF_YES_OR_NO) and count == len(labels) and _stand_alone(run, name):
        return Answers(found, "labels", labels, sure)
    if run.class_names is None:
        return Answers(found, "numbers", columns if columns is not None and len(columns) == count else None, sure)
    if count == 1 and len(run.class_names) == 2:
        return Answers({name: _both(output, sure, loss)}, "classes", run.class_names, sure)
    return Answers(found, "classes", _all_names(run.class_names, count), sure)


def are_yes_or_no(targets: Sequence[NDArray[Any]]) -> bool:
    """True where the targets (N, K) of the only output are 0 and 1 alone."""
    return len(targets) == 1 and bool(np.isin(targets[0], (0, 1)).all())


def _of_several(run: TrainedRun, found: Mapping[str, NDArray[np.float32]]) -> Answers:
    """The answers of several outputs: classes where the data had a column of their names for an output, else numbers."""
    objectives, outputs, classes = run.loaded.experiment.compile.objectives(run.graph.outputs), dict(found), {}
    for name, names in run.output_classes.items():
        output = found[name]
        if output.ndim == 2 and output.shape[1] == 1 and len(names) == 2:
            output = _both(output, _are_probabilities(objectives[name].loss, output_activations(run.graph)[name], output), None)
        if output.ndim == 2:
            outputs[name], classes[name] = output, _all_names(names, output.shape[1])
    return Answers(outputs, "numbers", None, are_probabilities=False, classes=classes)


def _label_columns(run: TrainedRun) -> tuple[str, ...] | None:
    """The names of several columns of labels or of numbers to predict in the table that the run was trained on."""
    if run.reading is not None and len(run.reading.targets) > 1:
        return run.reading.targets
    source = run.loaded.experiment.data.train
    return tuple(source.label) if isinstance(source, CsvSource) and source.label and len(source.label) > 1 else None


def squashing_of(loss: Loss | None) -> Literal["sigmoid", "softmax"] | None:
    """The function that makes probabilities of outputs, where a loss says that they are logits."""
    if not isinstance(loss, LogitsOrProbabilities) or not loss.from_logits:
        return None
    return "sigmoid" if isinstance(loss, _OF_YES_OR_NO) else "softmax"


def from_logits(loss: Loss | None, output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities, where a loss says that the outputs (N, …) are logits."""
    kind = squashing_of(loss)
    return output if kind is None else sigmoid(output) if kind == "sigmoid" else softmax(output)


def _are_probabilities(loss: Loss | None, activation: str | None, output: NDArray[np.float32]) -> bool:
    """True where outputs (N, K), logits turned already, are probabilities."""
    if isinstance(loss, LogitsOrProbabilities) and loss.from_logits:
        return True
    if activation is not None:
        return activation in _PROBABILITIES
    return bool(((output >= 0) & (output <= 1)).all())


def pair_of(sure: bool, loss: Loss | None) -> Literal["probability", "score"]:
    """The reading of an only output for two classes: the probability of the second, or a score on one side of a threshold.

    Args:
        sure: Whether outputs are probabilities.
        loss: What was minimised.
    """
    return "probability" if sure or not isinstance(loss, Hinge | SquaredHinge) else "score"


def _both(output: NDArray[np.float32], sure: bool, loss: Loss | None) -> NDArray[np.float32]:
    """(N, 2) for both classes from (N, 1) for the second alone."""
    other = 1 - output if pair_of(sure, loss) == "probability" else -output
    return np.concatenate([other, output], axis=1)


def _stand_alone(run: TrainedRun, output: str) -> bool:
    """True where each label holds or not by itself: its output does not depend on the others', and the data may give several."""
    if output_activations(run.graph)[output] in _TOGETHER:
        return False
    source = run.loaded.experiment.data.train
    if isinstance(source, CsvSource):
        return len(source.label or ()) != 1 or getattr(source, "label_separator", None) is not None
    return not isinstance(source, FolderSource | IdxSource | ShardsSource)


def _all_names(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """A name for each of the K outputs: those that no class of the training data stands for are numbered."""
    return (*names[:count], *(f"output_{number}" for number in range(len(names), count)))
