"""The one training loop. Batches come from a loader, steps are done by an engine; everything else listens.

Stopping is asked for, by callbacks or a signal, and done between two steps, so that a checkpoint can continue there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Control, Directions, Kind, Logs, Reason, TrainedModel
from fittool.callbacks.group import CallbackGroup
from fittool.callbacks.snapshot import Position, Snapshot
from fittool.errors import DivergedError, FittoolError
from fittool.process_group import ALONE, ProcessGroup
from fittool.training.agreement import Agreement, stand_with_leader
from fittool.training.best_epoch import BestEpoch
from fittool.training.display.choose import display_of
from fittool.training.display.progress import NullProgress, Progress
from fittool.training.epoch import TrainingEpoch
from fittool.training.evaluation import Evaluation
from fittool.training.history import History, Row, logs_of, make_row
from fittool.training.monitoring.divergence import DivergenceWatch, FloatingPointWarnings
from fittool.training.monitoring.resource_monitor import ResourceMonitor
from fittool.training.outcome import Outcome, outcome_of, reason_of, second_fault
from fittool.training.plan import Plan
from fittool.training.recording.final_weights import final_weights
from fittool.training.recording.recorder import Recorder, recorder_in
from fittool.training.stage_schedule import StageSchedule
from fittool.training.stages import Stage

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader
    from fittool.engines.base import Engine


class Trainer:
    """Trains an engine's network on a loader.

    Args:
        engine: Does the steps.
        train: The training data.
        validation: The validation data, or None.
        callbacks: At work, in the order in which they are called; History, recorder and progress come after them.
        plan: How long to train.
        names: The running values that the engine gives, in the order of logs.
        directions: For each metric whether more (`max`) or less (`min`) is better.
        recorder: Writes the run down; by default nobody.
        progress: Shows it; by default nobody.
        stop_on_divergence: Whether a loss that is not finite is an error.
        interruption: Asked after each step; the error that it gives ends the training, with a checkpoint.
        model: The model that callbacks and a user's own loop get; told of this training.
        header: One line about the training, for the display.
        stages: The parts of the training, if it has several; `train`, `validation` and `plan` are then the first one's.
        group: The processes that train together; the leader writes and shows, all decide as one.
        identity: What tells the training from others, as in `Backups.identity`.
        next_command: Asked at the end, with its kind, for what the user would call next.

    Attributes:
        resumed_at: Where the training goes on from a checkpoint; None where it begins anew.
        history: The rows of the epochs so far.
        position: Where training stands.
        best: The best epoch so far.
    """

    def __init__(
        self,
        engine: Engine,
        train: BatchLoader,
        validation: BatchLoader | None,
        callbacks: Sequence[Callback],
        plan: Plan,
        *,
        names: Sequence[str] = ("loss",),
        directions: Directions | None = None,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
        stop_on_divergence: bool = False,
        interruption: Callable[[], FittoolError | None] = lambda: None,
        model: TrainedModel | None = None,
        header: str = "",
        stages: Sequence[Stage] = (),
        group: ProcessGroup = ALONE,
        identity: Callable[[], Mapping[str, str]] = dict,
        next_command: Callable[[Reason], str] = lambda _: "",
    ) -> None:
        self.engine, self._group = engine, group
        self.identity, self._next_command = identity, next_command
        self.resumed_at: Position | None = None
        put = engine.put if engine.copies_ahead else None
        self._walk = StageSchedule(tuple(stages) or (Stage(train, validation, plan),), plan.initial_epoch, put)
        self._recorder = recorder_in(group, recorder)
        self._progress: Progress = display_of(progress, callbacks) if group.rank == 0 else NullProgress()
        self._header = header
        self._saves = self._recorder.saves and group.rank == 0  # the state is the same in all processes
        self._agreement = Agreement(group, self._recorder, interruption, lambda: (self._control, self._walk.control))
        self._names, self._directions, self._model = tuple(names), directions, model
        self.history = next((callback for callback in callbacks if isinstance(callback, History)), None) or History()
        self.best = BestEpoch.following(callbacks, validation is not None)
        self._divergence = DivergenceWatch(engine, lambda step: self.train.contents(step), stop_on_divergence)
        self._faults = FloatingPointWarnings(engine)
        self._leaks = ResourceMonitor()
        self._last_logs: Logs = {}
        self.position = Position(plan.initial_epoch, 0, plan.initial_epoch * (plan.steps(train) or 0))
        self._control = self._make_control(callbacks)
        if model is not None:
            model.run = self._control
        self._own = CallbackGroup([*callbacks, *([] if self.history in callbacks else [self.history])], self._control)
        self._attach_stage()
        self._train_part = TrainingEpoch(
            engine, self._walk, self._control, self.position, self._divergence, self._progress,
            settled=self._step_settled, stopping=self._agreement.stops, group=group,
        )  # fmt: skip

    def _make_control(self, callbacks: Sequence[Callback]) -> Control:
        trained = self._names
        validated = () if self.validation is None else tuple(f"val_{name}" for name in trained)
        return Control(
            self.engine,
            names=(*trained, *validated, "learning_rate"),
            directions=self._directions,
            names_may_grow=any(callback.adds_to_logs for callback in callbacks),
            keeps_best=self._recorder.saves,
            params={"epochs": self.last_epoch, "steps": self._walk.steps},
            save=self.save,
            say=self.say,
            model=self._model,
            backups=self,
        )

    @property
    def train(self) -> BatchLoader:
        """The training data of the stage at work."""
        return self._walk.train

    @property
    def validation(self) -> BatchLoader | None:
        """Its validation data, or None."""
        return self._walk.validation

    @property
    def plan(self) -> Plan:
        """Its length."""
        return self._walk.plan

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch of all, as far as it is known: stages may end early."""
        return self._walk.last_epoch

    @property
    def in_validation(self) -> bool:
        """True where the training steps of the epoch are done, but not its validation."""
        return self._train_part.logs is not None

    def _attach_stage(self) -> None:
        self._walk.attach(self._make_control, self._own)
        self._callbacks = self._walk.callbacks
        self._validation = self._make_validation()

    def _next_stage(self) -> bool:
        """Leave a stage that is over for the next one; False where there is none."""
        if self._control.stop_reason is not None or self._walk.is_last:
            return False
        self._walk.leave(self.position.epoch, self._last_logs, self.say)
        self._attach_stage()
        self._walk.begin(self.engine, self.position, self.say)
        self.save("last")
        return True

    @property
    def _stop_reason(self) -> str | None:
        """The reason why this stage, and with it perhaps the training, is to end."""
        return self._walk.control.stop_reason if self._control.stop_reason is None else self._control.stop_reason

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The rows of the epochs so far."""
        return self.history.rows

    def callbacks(self) -> Sequence[tuple[str, Callback]]:
        """All callbacks with their names in a checkpoint."""
        return self._callbacks.named

    def _make_validation(self) -> Evaluation | None:
        if self.validation is None:
            return None
        return Evaluation(
            self.engine,
            self.validation,
            self.plan.steps_of_validation(self.validation),
            self._callbacks,
            self._progress,
            epochs=lambda: self.plan.epochs,
            between_steps=lambda: self._obey(self._agreement.interruption()),
            group=self._group,
        )

    def run(self) -> Outcome:
        """Train to the end of the plan, or until someone asks for the end.

        Returns:
            How it ended: completed or stopped.

        Raises:
            DivergedError, Interrupted: What the names say; the run was recorded so.
            ExperimentError: The plan or a callback does not fit the data, found before the first step.
            UserCodeError: The data ended early.
        """
        error: BaseException | None = None
        try:
            self._run()
        except BaseException as raised:
            error = raised
            self._group.fail(raised)
            raise
        finally:
            outcome = self._finish(error)
        return outcome

    def _run(self) -> None:
        self._walk.check()
        self.best.begin(self._control)
        self._callbacks.restore()
        stand_with_leader(self, self._group)
        self._agreement.begin(self._callbacks)
        self._recorder.begin(self.position, self.best.best)
        self._progress.begin(self._header, self.best.monitor.name)
        self._walk.begin(self.engine, self.position, self.say)
        self._own.on_train_begin()
        try:
            self._stages_to_the_end()
        except BaseException as error:
            if isinstance(error, DivergedError) and self._saves:
                # Past the checks of `take_snapshot`, which refuse just such a state.
                self._recorder.save(self._snapshot(self.engine.state()), "diverged")
            self._end_callbacks(error)
            raise
        with final_weights(self.engine, self._recorder, self._snapshot):
            self.engine.finish_training()
            self._end_callbacks(None)

    def _stages_to_the_end(self) -> None:
        goes_on = True
        while goes_on:
            while self.position.epoch < self.plan.epochs and not self._agreement.stops():
                self._epoch(self.position.epoch)
            goes_on = self._next_stage()

    def _end_callbacks(self, error: BaseException | None) -> None:
        for control in (self._walk.control, self._control):
            control.reason = reason_of(error, self._stop_reason)
        with second_fault(error, "Ending the callbacks"):
            self._callbacks.on_train_end(self._last_logs)

    def _finish(self, error: BaseException | None) -> Outcome:
        """Whatever happened: end the loader's workers, tell the recorder, clear the display."""
        outcome = self._outcome(error)
        with second_fault(error, "Ending the run"), ExitStack() as stack:
            # An ExitStack runs backwards, and all of it although one raises: workers end first, the callbacks' locks go last.
            stack.callback(self._callbacks.release)
            stack.callback(self._progress.finished, outcome)
            stack.callback(self._recorder.finished, outcome)
            stack.callback(self._walk.stream.close)
        return outcome

    def _outcome(self, error: BaseException | None) -> Outcome:
        restored = self._control.restored_epoch
        restored = self._walk.control.restored_epoch if restored is None else restored
        return outcome_of(error, self._stop_reason, self.position, self.best.best, restored, self._next_command)

    def _epoch(self, epoch: int) -> None:
        part = self._train_part
        trained = part.run(epoch)
        validated = self._validation.run(epoch) if self._validation is not None and self.plan.validates(epoch) else {}
        logs: Logs = {**trained, **validated, "learning_rate": self.engine.learning_rate}
        pace = part.pace.seconds, part.pace.examples_per_second, part.pace.waited
        part.logs = None
        self.position.begin_epoch(epoch + 1, self._walk.steps)
        self._callbacks.on_epoch_end(epoch, logs)
        self._last_logs = logs
        self._settle(epoch, make_row(epoch, logs, *pace, stage=self._walk.stage.name))

    def _settle(self, epoch: int, row: Row) -> None:
        """The epoch is done: write it down, save it, show it."""
        self.history.append(row)
        improved = self.best.see(epoch, row)
        self._recorder.epoch_finished(row, self.best.best, improved)
        for line in self._faults.of_epoch(self.position.epoch):
            self._recorder.say(line)
        self._save_epoch(improved)
        self._progress.epoch_finished(row, self.last_epoch, improved)
        for leak in self._leaks.look(self._walk.number):
            self.say(f"warning: {leak}")
        self._callbacks.on_epoch_settled(self.position)
        if (interruption := self._agreement.interruption()) is not None and self.position.epoch < self.last_epoch:
            raise interruption

    def _save_epoch(self, improved: bool) -> None:
        if self._saves:
            snapshot = self.take_snapshot()
            self._recorder.save(snapshot, "last")
            self._divergence.saved(snapshot.position)
            if improved:
                self._recorder.save(snapshot, "best")

    def _step_settled(self) -> bool:
        """After a training step and its hooks; True where the training is to end."""
        decided = self._agreement.after_step(self.position.step, self.engine)
        if decided.saves:
            self.save("last")
        self._callbacks.on_train_batch_settled(self.position)
        self._obey(decided.interruption)
        return decided.stops

    def _obey(self, interruption: FittoolError | None) -> None:
        if interruption is not None:
            self.save("last")
            raise interruption

    def say(self, text: str) -> None:
        """Show a message and write it to the log."""
        self._progress.say(text)
        self._recorder.say(text)

    def save(self, kind: Kind, path: str | None = None) -> None:
        """Have the present state saved.

        Raises:
            DivergedError: It is not worth saving.
            StorageError: It could not be saved.
        """
        if self._saves or (self._group.rank == 0 and kind in ("model", "weights")):
            self._recorder.save(snapshot := self.take_snapshot(), kind, path)
            if kind == "last":
                self._divergence.saved(snapshot.position)

    def take_snapshot(self) -> Snapshot:
        """The present state.

        Raises:
            DivergedError: It is not worth saving.
        """
        self._divergence.check(self.position)
        tensors = self.engine.state()
        self._divergence.check_tensors(tensors, self.position)
        return self._snapshot(tensors)

    def _snapshot(self, tensors: Mapping[str, NDArray[np.generic]]) -> Snapshot:
        training = {
            **self._train_part.state(),
            "best": self.best.state(),
            "stopped": self._control.stop_reason,
            "stage": self._walk.state(),
        }
        kept = {name: weights for name, callback in self.callbacks() if (weights := callback.kept_weights()) is not None}
        return Snapshot(replace(self.position), tensors, self._callbacks.state(), training, kept)

    def load_snapshot(self, snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a snapshot, before `run`: the next step is the one that would have followed.

        Args:
            snapshot: What a recorder saved.
            rows: The rows of the epochs that were finished then.
        """
        # The stage comes first: its callbacks and its data are those to which the rest of the state belongs.
        self._walk.go_to(snapshot.training.get("stage", {}), self._attach_stage)
        self.engine.load_state(snapshot.tensors)
        self.position.go_to(snapshot.position)
        self.history.replace(rows)
        self._callbacks.load_state(snapshot.callbacks)
        self._train_part.load_state(snapshot.training)
        self.best.load_state(snapshot.training["best"])
        self._control.stop_reason = snapshot.training["stopped"]
        self.resumed_at = replace(self.position)
        self._last_logs = {} if not rows else logs_of(rows[-1])
        self._divergence.saved(self.position)
        for name, callback in self.callbacks():
            if name in snapshot.kept:
                callback.keep_weights(snapshot.kept[name])

    def go_on_after_stop(self) -> None:
        """Forget that the end was asked for, because there is to be more training; callbacks are patient anew."""
        for control in (self._control, self._walk.control):
            control.stop_reason = None
        for _, callback in self.callbacks():
            callback.go_on_after_stop()

    def go_on_from(self, snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a snapshot beside the run, and record those of its rows that are not recorded yet."""
        recorded = {row["epoch"] for row in self.history.rows}
        self.load_snapshot(snapshot, rows)
        for row in rows:
            if row["epoch"] not in recorded:
                self._recorder.epoch_finished(dict(row), self.best.best, False)
