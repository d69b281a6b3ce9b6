"""The one training loop. Batches come from a feed, steps are done by an engine; everything else listens.

Stopping is asked for, by callbacks or a signal, and done between two steps, so that a checkpoint can continue there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fittool.data.batch import Batch
from fittool.errors import FittoolError
from fittool.training.best import BestEpoch
from fittool.training.callbacks.base import Callback
from fittool.training.callbacks.group import CallbackGroup
from fittool.training.control import Control, Directions, Kind, Logs
from fittool.training.divergence import DivergenceWatch
from fittool.training.history import History, Row, make_row
from fittool.training.outcome import Outcome, exit_code_of, reason_of, text_of
from fittool.training.pace import Pace
from fittool.training.plan import Plan, Position
from fittool.training.progress import NullProgress, Progress, View
from fittool.training.recorder import NullRecorder, Recorder, Snapshot
from fittool.training.steps import Stream, check_enough, run_steps
from fittool.training.validation import Validation

if TYPE_CHECKING:
    from fittool.data.feed import Feed
    from fittool.engines.base import Engine


def never() -> FittoolError | None:
    """No interruption."""
    return None


class Trainer:
    """Trains an engine's network on a feed.

    Args:
        engine: Does the steps.
        train: The training data.
        validation: The validation data, or None.
        callbacks: At work, in the order in which they are called; History, recorder and progress come after them.
        plan: How long to train.
        directions: For each metric whether more (`max`) or less (`min`) is better.
        recorder: Writes the run down; by default nobody.
        progress: Shows it; by default nobody.
        stop_on_divergence: Whether a loss that is not finite is an error.
        interruption: Asked after each step; the error that it gives ends the training, with a checkpoint.
        model: What callbacks find behind `model`, beside the training itself.
        header: One line about the training, for the display.

    Attributes:
        history: The rows of the epochs so far.
        position: Where training stands.
        best: The best epoch so far.
    """

    def __init__(
        self,
        engine: Engine,
        train: Feed,
        validation: Feed | None,
        callbacks: Sequence[Callback],
        plan: Plan,
        *,
        directions: Directions | None = None,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
        stop_on_divergence: bool = False,
        interruption: Callable[[], FittoolError | None] = never,
        model: object | None = None,
        header: str = "",
    ) -> None:
        self.engine, self.train, self.validation, self.plan = engine, train, validation, plan
        self._recorder: Recorder = NullRecorder() if recorder is None else recorder
        self._progress: Progress = NullProgress() if progress is None else progress
        self._interruption, self._header = interruption, header
        self.history = next((callback for callback in callbacks if isinstance(callback, History)), None) or History()
        self.position = Position(plan.initial_epoch, 0, plan.initial_epoch * (plan.steps(train) or 0))
        self.best = BestEpoch.following(callbacks, validation is not None)
        self._control = self._make_control(callbacks, directions, model)
        self._callbacks = CallbackGroup([*callbacks, *([] if self.history in callbacks else [self.history])], self._control)
        self._divergence = DivergenceWatch(engine, stop_on_divergence)
        self._validation = self._make_validation()
        self._stream = Stream(train)
        self._pace = Pace()
        self._train_logs: Logs | None = None
        self._last_logs: Logs = {}

    def _make_control(self, callbacks: Sequence[Callback], directions: Directions | None, model: object | None) -> Control:
        trained = tuple(self.engine.metrics())
        validated = () if self.validation is None else tuple(f"val_{name}" for name in trained)
        return Control(
            self.engine,
            names=(*trained, *validated, "learning_rate"),
            directions=directions,
            names_may_grow=any(callback.adds_to_logs for callback in callbacks),
            keeps_best=self._recorder.saves,
            params={"epochs": self.plan.epochs, "steps": self.plan.steps(self.train)},
            save=self.save,
            say=self.say,
            model=model,
        )

    def _make_validation(self) -> Validation | None:
        if self.validation is None:
            return None
        return Validation(self.engine, self.validation, self.plan, self._callbacks, self._progress, self._obey_interruption)

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
            raise
        finally:
            outcome = self._finish(error)
        return outcome

    def _run(self) -> None:
        self.plan.check(self.train, self.validation)
        self.best.begin(self._control)
        self._recorder.begin(self.position.step)
        self._progress.begin(self._header)
        self._callbacks.on_train_begin()
        try:
            while self.position.epoch < self.plan.epochs and self._control.stop_reason is None:
                self._epoch(self.position.epoch)
        except BaseException as error:
            self._end_callbacks(error)
            raise
        self._end_callbacks(None)

    def _end_callbacks(self, error: BaseException | None) -> None:
        self._control.reason = reason_of(error, self._control.stop_reason)
        try:
            self._callbacks.on_train_end(self._last_logs)
        except Exception as second:
            if error is None:
                raise
            error.add_note(f"Ending the callbacks failed as well: {second}")

    def _finish(self, error: BaseException | None) -> Outcome:
        """Whatever happened: end the feed's workers, tell the recorder, clear the display."""
        outcome = self._outcome(error)
        try:
            with ExitStack() as stack:
                stack.callback(self._progress.finished, outcome)
                stack.callback(self._recorder.finished, outcome)
                stack.callback(self._stream.close)
        except Exception as second:
            if error is None:
                raise
            error.add_note(f"Ending the run failed as well: {second}")
        return outcome

    def _outcome(self, error: BaseException | None) -> Outcome:
        stop = self._control.stop_reason
        best = self.best.best
        restored = self._control.restored_epoch
        return Outcome(
            reason=reason_of(error, stop),
            text=text_of(error, stop, self.position),
            epochs=self.position.epoch,
            step=self.position.step,
            best=best,
            restored=best is not None and restored is not None and restored + 1 == best.epoch,
            exit_code=exit_code_of(error),
        )

    def _epoch(self, epoch: int) -> None:
        if self._train_logs is None:
            self._train_logs = self._train_part(epoch)
        validated = self._validation.run(epoch) if self._validation is not None and self.plan.validates(epoch) else {}
        logs: Logs = {**self._train_logs, **validated, "learning_rate": self.engine.learning_rate}
        pace = self._pace.seconds, self._pace.examples_per_second
        self._train_logs = None
        self.position.begin_epoch(epoch + 1, self.plan.steps(self.train))
        self._callbacks.on_epoch_end(epoch, logs)
        self._last_logs = logs
        self._settle(epoch, make_row(epoch, logs, *pace))

    def _settle(self, epoch: int, row: Row) -> None:
        """The epoch is done: write it down, save it, show it."""
        self.history.append(row)
        improved = self.best.see(epoch, row)
        self._recorder.epoch_finished(row, self.best.best, improved)
        self._save_epoch(improved)
        self._progress.epoch_finished(row, self.plan.epochs, improved)
        interruption = self._interruption()
        if interruption is not None and self.position.epoch < self.plan.epochs:
            raise interruption

    def _save_epoch(self, improved: bool) -> None:
        if self._recorder.saves:
            snapshot = self._snapshot()
            self._recorder.save(snapshot, "last")
            self._divergence.saved(snapshot.position)
            if improved:
                self._recorder.save(snapshot, "best")

    def _train_part(self, epoch: int) -> Logs:
        """The training steps of an epoch that are not done yet; the epoch's loss and metrics."""
        if not self.position.step_in_epoch:
            self._pace = Pace()
            self.engine.reset_metrics()
            self._callbacks.on_epoch_begin(epoch)
        steps = self.plan.steps(self.train)
        done = run_steps(
            self._stream.from_step(self.position.step),
            self.position.step_in_epoch,
            steps,
            before=self._callbacks.on_train_batch_begin,
            step=self._train_step,
            after=self._after_train_step,
        )
        if self._control.stop_reason is None:
            check_enough(done, steps, f"training data in epoch {epoch + 1}")
        logs = self._read_metrics()
        self._pace.trained()
        return logs

    def _train_step(self, batch: Batch) -> None:
        self.engine.train_step(batch)
        self.position.advance()
        self._pace.stepped(batch.size)

    def _after_train_step(self, step: int, batch: Batch) -> bool:
        if self._callbacks.train_batch_end:
            self._callbacks.on_train_batch_end(step, self._read_metrics())
        if self._progress.due():
            self._look()
        if self._recorder.due(self.position.step):
            self.save("last")
        self._obey_interruption()
        return self._control.stop_reason is not None

    def _read_metrics(self) -> Logs:
        metrics = self.engine.metrics()
        self._divergence.see(metrics, self.position)
        return metrics

    def _look(self) -> None:
        pace, position, steps = self._pace, self.position, self.plan.steps(self.train)
        metrics = self._read_metrics()
        self._progress.look(
            View(position.epoch + 1, self.plan.epochs, position.step_in_epoch, steps, pace.seconds, pace.examples, metrics)
        )

    def _obey_interruption(self) -> None:
        interruption = self._interruption()
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
        if self._recorder.saves:
            snapshot = self._snapshot()
            self._recorder.save(snapshot, kind, path)
            if kind == "last":
                self._divergence.saved(snapshot.position)

    def _snapshot(self) -> Snapshot:
        self._divergence.check(self.position)
        tensors = self.engine.state()
        self._divergence.check_tensors(tensors, self.position)
        training = {
            "pace": self._pace.state(),
            "train_logs": self._train_logs,
            "best": self.best.state(),
            "stopped": self._control.stop_reason,
        }
        return Snapshot(replace(self.position), tensors, self._callbacks.state(), training)

    def load_snapshot(self, snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a snapshot, before `run`: the next step is the one that would have followed.

        Args:
            snapshot: What a recorder saved.
            rows: The rows of the epochs that were finished then.
        """
        self.engine.load_state(snapshot.tensors)
        self.position = replace(snapshot.position)
        self.history.replace(rows)
        self._callbacks.load_state(snapshot.callbacks)
        self._pace = Pace.from_state(snapshot.training["pace"])
        self._train_logs = snapshot.training["train_logs"]
        self.best.load_state(snapshot.training["best"])
        self._control.stop_reason = snapshot.training["stopped"]
