"""The training part of an epoch: the walk over batches that learns, from its first batch or from where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fittool.callbacks.control import Control, Logs
from fittool.callbacks.snapshot import Position
from fittool.data.batch import Batch
from fittool.errors import DataError
from fittool.process_group import ALONE, ProcessGroup
from fittool.training.display.progress import Progress
from fittool.training.display.view import View
from fittool.training.evaluation import metrics_of_all, running_metrics_of_all
from fittool.training.monitoring.divergence import DivergenceWatch
from fittool.training.monitoring.throughput import Throughput
from fittool.training.stage_schedule import StageSchedule
from fittool.training.stages import Loop
from fittool.training.steps import check_enough, run_steps
from fittool.training.user_loop import LoopBatches, run_loop

if TYPE_CHECKING:
    from fittool.engines.base import Engine


class TrainingEpoch:
    """Does the training steps of epochs, one epoch after the other.

    Args:
        engine: Does the steps.
        walk: The stage at work, with its data and callbacks.
        control: What a user's own loop sees of the training.
        position: Where training stands; moved on with each step.
        divergence: Looks at the losses.
        progress: Shows the steps.
        settled: Called after each step and its hooks; may save, or raise. True where the training is to end.
        stopping: Asks whether the training is to end, the same in all processes.
        group: The processes that train together.

    Attributes:
        pace: How long the epoch under way takes.
        logs: Its loss and metrics once its training steps are done; None before.
    """

    def __init__(
        self,
        engine: Engine,
        walk: StageSchedule,
        control: Control,
        position: Position,
        divergence: DivergenceWatch,
        progress: Progress,
        *,
        settled: Callable[[], bool],
        stopping: Callable[[], bool],
        group: ProcessGroup = ALONE,
    ) -> None:
        self._engine, self._walk, self._control, self._position = engine, walk, control, position
        self._divergence, self._progress = divergence, progress
        self._settled, self._stopping, self._group = settled, stopping, group
        self._reads_together = False
        self.pace = Throughput()
        self.logs: Logs | None = None

    def run(self, epoch: int) -> Logs:
        """Do the training steps of an epoch (from 0) that are not done yet.

        Returns:
            Loss and metrics of the epoch.

        Raises:
            DivergedError: A loss is not finite.
            UserCodeError: The data ended early.
        """
        if self.logs is None:
            self._reads_together = self._is_read_by_any()
            # Resumed in mid-epoch, it keeps pace and running values of the checkpoint, and its callbacks saw the epoch begin.
            if not self._position.step_in_epoch:
                self.pace = Throughput()
                self._engine.reset_metrics()
                self._walk.callbacks.on_epoch_begin(epoch)
            if self._walk.stage.loop is None:
                self._loader_steps(epoch)
            else:
                self._user_loop(self._walk.stage.loop, epoch)
            self._divergence.check(self._position)
            self.logs = metrics_of_all(self._engine, self._group)
            self.pace.trained()
            # Only now the loop is surely done with its last batch; with `logs` set, a resumed training does not call it again.
            if self._walk.stage.loop is not None:
                self._settled()
        return self.logs

    def state(self) -> dict[str, Any]:
        """Pace and values so far, for a checkpoint in the middle of an epoch."""
        return {"pace": self.pace.state(), "train_logs": self.logs}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.pace, self.logs = Throughput.from_state(state["pace"]), state["train_logs"]

    def _loader_steps(self, epoch: int) -> None:
        """One step for each batch of the loader."""
        steps = self._walk.steps
        done = run_steps(
            self._walk.stream.from_step(self._position.step),
            self._position.step_in_epoch,
            steps,
            before=self._walk.callbacks.on_train_batch_begin,
            step=self._loader_step,
            after=self._after_step,
        )
        # Where the end was asked for, missing steps are meant so, and no fault of the data.
        if not self._stopping():
            check_enough(done, steps, f"training data in epoch {epoch + 1}")

    def _user_loop(self, loop: Loop, epoch: int) -> None:
        """The steps that the user's own loop does."""
        steps, begun = self._walk.steps, self._position.step_in_epoch
        batches = LoopBatches(
            self._walk.stream.from_step(self._position.step),
            None if steps is None else steps - begun,
            stopping=self._stopping,
            begun=self._position.advance,
            settled=self._settled,
        )
        run_loop(
            loop,
            self._walk.stage.loop_name,
            epoch,
            batches,
            self._control,
            self._engine,
            first=begun,
            before=self._walk.callbacks.on_train_batch_begin,
            step=lambda batch: self._step(batch, is_counted=batches.is_counted),
            after=self._step_done,
            group=self._group,
        )

    def _step(self, batch: Batch, *, is_counted: bool = False) -> None:
        try:
            self._engine.train_step(batch)
        except DataError as error:
            # A loop's further steps on one batch come behind the position that its first step has moved on.
            step = self._position.step - is_counted
            raise DataError(f"{error} This is in {self._walk.train.contents(step)}.") from error
        self.pace.stepped(batch.whole_size, self._walk.stream.waited)

    def _loader_step(self, batch: Batch) -> None:
        self._step(batch)
        self._position.advance()

    def _after_step(self, step: int, batch: Batch) -> bool:
        self._step_done(step, batch)
        return self._settled()

    def _is_read_by_any(self) -> bool:
        """True where a callback of any process looks at the running values after each step, so that all have to add them up."""
        callbacks = self._walk.callbacks
        reads = bool(callbacks.train_batch_end) and callbacks.needs_batch_logs
        return self._group.size > 1 and self._group.agree(True if reads else None) is not None

    def _step_done(self, step: int, batch: Batch) -> None:
        self._divergence.check(self._position)
        together = running_metrics_of_all(self._engine, self._group) if self._reads_together else None
        if self._walk.callbacks.train_batch_end:
            own = self._read_metrics() if self._walk.callbacks.needs_batch_logs and together is None else {}
            self._walk.callbacks.on_train_batch_end(step, own if together is None else together)
        if self._progress.due():
            self._look()

    def _read_metrics(self) -> Logs:
        self._divergence.check(self._position)
        return self._engine.metrics()

    def _look(self) -> None:
        pace, position, walk = self.pace, self._position, self._walk
        epoch, step = position.epoch + 1, position.step_in_epoch
        self._progress.look(View(epoch, walk.last_epoch, step, walk.steps, pace.seconds, pace.examples, self._read_metrics()))
