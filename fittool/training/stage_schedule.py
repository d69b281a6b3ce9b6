"""The place of a training among its stages: the data, the plan and the callbacks of the one that is at work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Control, Logs
from fittool.callbacks.group import CallbackGroup
from fittool.callbacks.snapshot import Position
from fittool.errors import CheckpointError
from fittool.training.plan import Plan
from fittool.training.stages import Stage
from fittool.training.steps import BatchStream

if TYPE_CHECKING:
    from fittool.data.batch import Batch
    from fittool.data.loading.batch_loader import BatchLoader
    from fittool.engines.base import Engine


class StageSchedule:
    """Goes from stage to stage. A training without stages is one stage.

    Args:
        stages: All of them, in order.
        first_epoch: Epochs that count as done.
        put: Brings batches to a device ahead of their step, or None.

    Attributes:
        number: Which stage it is, from 0.
        train: Its training data.
        validation: Its validation data, or None.
        plan: How long it lasts, in epochs of the whole training.
        stream: The batches of its training data.
        control: What its callbacks see.
        callbacks: Its callbacks and then those of the whole training, as one.
    """

    train: BatchLoader
    validation: BatchLoader | None
    plan: Plan
    control: Control
    callbacks: CallbackGroup

    def __init__(self, stages: Sequence[Stage], first_epoch: int, put: Callable[[Batch], Batch] | None = None) -> None:
        self._stages, self._put = tuple(stages), put
        self.stream = BatchStream(stages[0].train)
        self._begins = True
        self._stand_in(0, first_epoch)

    @property
    def stage(self) -> Stage:
        """The stage at work."""
        return self._stages[self.number]

    @property
    def is_last(self) -> bool:
        """True where no stage follows."""
        return self.number + 1 == len(self._stages)

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch of all, as far as it is known: stages may end early."""
        return self.plan.epochs + sum(stage.length for stage in self._stages[self.number + 1 :])

    @property
    def steps(self) -> int | None:
        """Batches in an epoch; None where nobody knows."""
        return self.plan.steps(self.train)

    def check(self) -> None:
        """Hold each stage's plan against its data.

        Raises:
            ExperimentError: They do not fit.
        """
        for stage in self._stages:
            stage.plan.check(stage.train, stage.validation)

    def _stand_in(self, number: int, first_epoch: int) -> None:
        """Take the data and the plan of a stage that begins, or began, with an epoch (from 0)."""
        self.number = number
        stage = self.stage
        stage.prepare()
        self.train, self.validation = stage.train, stage.validation
        self.plan = replace(stage.plan, initial_epoch=first_epoch, epochs=first_epoch + stage.length)
        # The first stage counts the steps of `initial_epoch` as done, so it begins at 0; a later one at its own first epoch.
        stage.begin((first_epoch if number else 0) * (self.steps or 0))
        # The workers of the stage that is left would go on drawing batches.
        self.stream.close()
        self.stream = BatchStream(stage.train, self._put)

    def attach(self, make_control: Callable[[Sequence[Callback]], Control], whole: CallbackGroup) -> None:
        """Let the callbacks of the stage listen, before those of the whole training."""
        self.control = make_control(self.stage.callbacks)
        self._own = CallbackGroup(self.stage.callbacks, self.control, f"{self.number + 1}.")
        self.callbacks = CallbackGroup.joined(self._own, whole)

    def begin(self, engine: Engine, position: Position, say: Callable[[str], None]) -> None:
        """The first moment in a stage, or the first of a training that goes on in it."""
        stage = self.stage
        # Resumed in mid-stage, the training keeps its place and the rate, which callbacks may have changed since.
        if self._begins:
            position.begin_epoch(position.epoch, self.steps)
            if stage.learning_rate is not None:
                engine.learning_rate = stage.learning_rate
            if stage.name is not None:
                say(f"Stage {stage.name}: epochs {self.plan.initial_epoch + 1} to {self.plan.epochs}.")
        self._begins = False
        self._own.on_train_begin()

    def leave(self, epoch: int, logs: Logs, say: Callable[[str], None]) -> None:
        """End the stage after so many epochs, and stand in the next one; its callbacks are to be attached."""
        stopped = self.control.stop_reason
        # Before `on_train_end`, where EarlyStopping puts the best weights back only after a good end.
        self.control.reason = "completed" if stopped is None else "stopped"
        self._own.on_train_end(logs)
        if stopped is not None:
            say(f"Stage {self.stage.name} stopped at epoch {epoch}: {stopped}.")
        self._stand_in(self.number + 1, epoch)
        self._begins = True

    def state(self) -> dict[str, Any]:
        """The stage at work and its first epoch, plain data for a checkpoint."""
        return {"number": self.number, "first_epoch": self.plan.initial_epoch, "stopped": self.control.stop_reason}

    def go_to(self, state: Mapping[str, Any], attach: Callable[[], None]) -> None:
        """Stand where `state` says.

        Args:
            state: What `state()` gave; empty for a training that never had stages.
            attach: Called where that is another stage.

        Raises:
            CheckpointError: There are fewer stages now.
        """
        number, first_epoch = state.get("number", 0), state.get("first_epoch", self.plan.initial_epoch)
        if number >= len(self._stages):
            raise CheckpointError(f"The state is of stage {number + 1}, but there are only {len(self._stages)} stages now.")
        if number != self.number:
            self._stand_in(number, first_epoch)
            attach()
        self.control.stop_reason = state.get("stopped")
        self._begins = False
