"""Learning a few batches by heart: a network that cannot has a mistake somewhere, and no amount of data will help it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.config.experiment import Experiment
from fittool.training.display.formatting import number
from fittool.training.trainer import Trainer

_LEAST_STEPS = 500
"""So many steps are tried, however few epochs the experiment asks for."""
_ENOUGH = 0.01
"""Without an accuracy, a loss counts as none that is down to this share of the first epoch's."""
_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")


def overrides_for(experiment: Experiment, batches: int) -> list[str]:
    """The settings of `train --overfit N`: the first stage alone, without callbacks and class weights, as long as it takes.

    Args:
        experiment: As it would be trained.
        batches: N.
    """
    later = len(experiment.stages) - 1
    train = "train.0" if isinstance(experiment.train, list) else "train"
    epochs = max(experiment.first.epochs or 1, -(-_LEAST_STEPS // batches) + experiment.first.initial_epoch)
    changed = {
        "name": f"{experiment.name}-overfit"[:100],
        f"{train}.overfit_batches": batches,
        f"{train}.epochs": epochs,
        f"{train}.steps_per_epoch": "auto",
        f"{train}.validation_steps": "auto",
        f"{train}.class_weight": "null",
        "callbacks": "[]",
        **({f"{train}.callbacks": "[]"} if isinstance(experiment.train, list) else {}),
    }
    dropped = [f"~train.{index}" for index in range(later, 0, -1)]
    return [*dropped, *(f"{key}={value}" for key, value in changed.items())]


class OverfitCheck(Callback):
    """Ends the training once all is learnt by heart."""

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self) -> None:
        self._first: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the values that were measured after the epoch."""
        found = logs or {}
        if self._first is None:
            self._first = found.get("val_loss")
        if _is_learnt(found, self._first):
            self.run.stop("the batches are learnt by heart")

    def state(self) -> dict[str, Any]:
        """The loss after the first epoch."""
        return {"first": self._first}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._first = state["first"]


def _is_learnt(values: Mapping[str, float], first_loss: float | None) -> bool:
    accuracies = [values[f"val_{name}"] for name in _ACCURACIES if f"val_{name}" in values]
    if accuracies:
        return min(accuracies) == 1
    loss = values.get("val_loss")
    return loss is not None and first_loss is not None and loss <= _ENOUGH * first_loss


@dataclass(frozen=True)
class Verdict:
    """What came of the attempt.

    Attributes:
        learnt: Whether all was learnt by heart.
        text: A sentence for the user.
    """

    learnt: bool
    text: str


def verdict_of(rows: Sequence[Mapping[str, Any]], steps: int, batches: int, config: str) -> Verdict | None:
    """The verdict on the epochs of a training; None where there is none, or nothing was measured.

    Args:
        rows: Of the epochs.
        steps: Training steps that were done.
        batches: How many batches there were.
        config: What the user calls the experiment's file, for commands.
    """
    measured = [row for row in rows if "val_loss" in row]
    if not measured:
        return None
    what = "the batch was" if batches == 1 else f"the {batches} batches were"
    name, value = next(
        ((f"val_{one}", measured[-1][f"val_{one}"]) for one in _ACCURACIES if f"val_{one}" in measured[-1]),
        ("val_loss", measured[-1]["val_loss"]),
    )
    values = f"{name} {number(value)}" + ("" if name == "val_loss" else f", val_loss {number(measured[-1]['val_loss'])}")
    if any(_is_learnt(row, measured[0]["val_loss"]) for row in measured):
        return Verdict(True, f"overfit: {what} learnt by heart in {steps:,} steps: {values}.")
    mend = (
        "A network that cannot do this has a mistake, or is too small. Look at the labels, the learning rate "
        f"(fittool lr-find {config}), the last layer and the loss."
    )
    return Verdict(False, f"overfit: {what} not learnt by heart in {steps:,} steps: {values}. {mend}")


def tell_verdict(experiment: Experiment, trainer: Trainer, config: str) -> None:
    """Say at the end of a training on few batches whether they could be learnt by heart."""
    batches = experiment.first.overfit_batches
    if batches is None:
        return
    verdict = verdict_of(trainer.history.rows, trainer.position.step, batches, config)
    if verdict is not None:
        trainer.say(verdict.text)
