"""Where a run's probabilities become answers: thresholds and a temperature that were chosen on validation data, and kept.

They are in `threshold.json` beside the checkpoints, and belong to the epoch for which they were chosen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError, shown
from fittool.experiment.answers.decoding import Answers, are_yes_or_no, decode
from fittool.experiment.trained_run import TrainedRun
from fittool.results.calibration import with_temperature
from fittool.results.thresholds import DEFAULT
from fittool.runs.environment import read_json
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json


@dataclass(frozen=True)
class Decisions:
    """How the probabilities of a run are read.

    Attributes:
        epoch: The epoch of the checkpoint for which that was chosen.
        criterion: What the thresholds are best by; "" where there are none.
        thresholds: By label, or by the second of two classes, above which probability it is predicted.
        temperature: What logits are divided by; 1 leaves them.
        data: What it was chosen on.
        figures: What was reached, before and after.
    """

    epoch: int
    criterion: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    data: str = "validation"
    figures: Mapping[str, Any] = field(default_factory=dict)

    def applied(self, answers: Answers) -> Answers:
        """Answers with calibrated probabilities, and the thresholds above which they are a yes."""
        if not answers.are_probabilities or answers.names is None or len(answers.outputs) != 1:
            return answers
        ((name, output),) = answers.outputs.items()
        outputs = {name: calibrated(answers, output, self.temperature)}
        known = [self.thresholds.get(label, DEFAULT) for label in answers.names]
        return dataclasses.replace(answers, outputs=outputs, thresholds=tuple(known) if self.thresholds else None)

    def with_temperature(self, temperature: float) -> Decisions:
        """The same decisions at another temperature: the thresholds move with the probabilities."""
        factor = self.temperature / temperature
        moved = {name: _moved(threshold, factor) for name, threshold in self.thresholds.items()}
        return dataclasses.replace(self, temperature=temperature, thresholds=moved)


def calibrated(answers: Answers, output: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities (N, K) at a temperature: of classes together, of labels each with its opposite."""
    if temperature == 1:
        return output
    if answers.kind == "classes":
        return with_temperature(output, temperature).astype(np.float32)
    pairs = np.stack([1 - output, output], axis=-1).reshape(-1, 2)
    return with_temperature(pairs, temperature)[:, 1].reshape(output.shape).astype(np.float32)


def _moved(threshold: float, factor: float) -> float:
    """A threshold whose logit is multiplied."""
    if not 0 < threshold < 1:
        return threshold
    return 1 / (1 + math.exp(-factor * math.log(threshold / (1 - threshold))))


def decide(run: TrainedRun, outputs: Mapping[str, NDArray[np.float32]], targets: Sequence[NDArray[Any]] = ()) -> Answers:
    """The answers in the outputs of a run's network, read as was chosen for it.

    Args:
        run: The run.
        outputs: (N, …) by the outputs' names.
        targets: (N, …) of each output, where they are known.
    """
    chosen = decisions_of(run)
    # Thresholds and temperatures are chosen for what is yes or no alone, so where there are any the targets are known to be it.
    answers = decode(run, outputs, yes_or_no=chosen is not None or are_yes_or_no(targets))
    return answers if chosen is None else chosen.applied(answers)


def decisions_of(run: TrainedRun) -> Decisions | None:
    """What was chosen for the checkpoint of a run that is used; None where nothing was, or for another epoch.

    Raises:
        CheckpointError: The file is damaged.
    """
    kept = kept_decisions(run)
    return kept if kept is not None and kept.epoch == run.checkpoint.facts.epoch else None


def kept_decisions(run: TrainedRun) -> Decisions | None:
    """What threshold.json says, whatever the epoch; None where there is none.

    Raises:
        CheckpointError: The file is damaged.
    """
    path = run.directory.paths.threshold
    if run.is_member or not path.exists():
        return None
    found = read_json(path)
    with suppress(TypeError, ValueError, AttributeError):
        known = {name: value for name, value in found.items() if name in {one.name for one in dataclasses.fields(Decisions)}}
        decisions = Decisions(**known)
        thresholds = {str(name): float(value) for name, value in decisions.thresholds.items()}
        if all(map(math.isfinite, thresholds.values())) and float(decisions.temperature) > 0 and isinstance(decisions.epoch, int):
            return dataclasses.replace(decisions, thresholds=thresholds)
    raise CheckpointError("holds no thresholds that fittool wrote. Remove it, or choose anew.", place=shown(path))


def stale_decisions(run: TrainedRun) -> str | None:
    """The warning where thresholds were chosen for another epoch than the one that is used."""
    kept, epoch = kept_decisions(run), run.checkpoint.facts.epoch
    if kept is None or kept.epoch == epoch:
        return None
    text = f"threshold.json was chosen for epoch {kept.epoch}, and this is epoch {epoch}: it is not used."
    return f"{text} Choose anew with fittool threshold, or evaluate --calibrate."


def keep_decisions(run: TrainedRun, decisions: Decisions) -> str | None:
    """Write threshold.json; returns a warning or None.

    Raises:
        StorageError: It cannot be written.
    """
    return atomic_write(run.directory.paths.threshold, [to_json(dataclasses.asdict(decisions), indent=2), b"\n"])
