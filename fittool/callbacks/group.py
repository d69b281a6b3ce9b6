"""All callbacks of a training as one, in order; knows which hooks anybody listens to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Control, Logs
from fittool.callbacks.snapshot import Position


class CallbackGroup:
    """Calls each hook on every callback.

    Args:
        callbacks: In the order in which they are called.
        control: The training that they see.
        prefix: What comes before their names in a checkpoint.

    Attributes:
        callbacks: All of them.
        named: Each with its name in a checkpoint; further ones of one name are numbered.
        train_batch_begin, train_batch_end, test_batch_begin, test_batch_end, epoch_settled, train_batch_settled: Those that
            really have the hook.
        needs_batch_logs: Whether anybody looks at the running values after each training step.
    """

    def __init__(self, callbacks: Sequence[Callback], control: Control, prefix: str = "") -> None:
        for callback in callbacks:
            callback.set_run(control)
        self._take(tuple(_by_key(callbacks, prefix)))

    @classmethod
    def joined(cls, *groups: CallbackGroup) -> CallbackGroup:
        """The callbacks of several groups, one group after the other."""
        whole = cls.__new__(cls)
        whole._take(tuple(entry for group in groups for entry in group.named))
        return whole

    def _take(self, named: tuple[tuple[str, Callback], ...]) -> None:
        self.named = named
        self.callbacks = tuple(callback for _, callback in named)
        self.epoch_settled = self._listening("on_epoch_settled")
        self.train_batch_settled = self._listening("on_train_batch_settled")
        self.train_batch_begin = self._listening("on_train_batch_begin", "on_batch_begin")
        self.train_batch_end = self._listening("on_train_batch_end", "on_batch_end")
        self.needs_batch_logs = any(callback.needs_batch_logs for callback in self.train_batch_end)
        self.test_batch_begin = self._listening("on_test_batch_begin")
        self.test_batch_end = self._listening("on_test_batch_end")

    def _listening(self, *hooks: str) -> tuple[Callback, ...]:
        return tuple(callback for callback in self.callbacks if callback.overrides(*hooks))

    def restore(self) -> None:
        """Before everything else."""
        for callback in self.callbacks:
            callback.restore()

    def release(self) -> None:
        """After everything else, however the training ended."""
        for callback in self.callbacks:
            callback.release()

    def on_train_begin(self) -> None:
        """Before the first epoch."""
        for callback in self.callbacks:
            callback.on_train_begin({})

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch; every callback gets its turn, then the first error is raised."""
        first: Exception | None = None
        for callback in self.callbacks:
            try:
                callback.on_train_end(logs)
            except Exception as error:
                first = first or error
        if first is not None:
            raise first

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch; all share one dictionary."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_epoch_settled(self, position: Position) -> None:
        """After an epoch that is written down."""
        for callback in self.epoch_settled:
            callback.on_epoch_settled(position)

    def on_train_batch_settled(self, position: Position) -> None:
        """After a training step and its hooks."""
        for callback in self.train_batch_settled:
            callback.on_train_batch_settled(position)

    def on_train_batch_begin(self, batch: int) -> None:
        """Before a training step."""
        for callback in self.train_batch_begin:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a training step."""
        for callback in self.train_batch_end:
            callback.on_train_batch_end(batch, logs)

    def on_test_begin(self) -> None:
        """Before a validation."""
        for callback in self.callbacks:
            callback.on_test_begin({})

    def on_test_end(self, logs: Logs) -> None:
        """After a validation."""
        for callback in self.callbacks:
            callback.on_test_end(logs)

    def on_test_batch_begin(self, batch: int) -> None:
        """Before a batch of a validation."""
        for callback in self.test_batch_begin:
            callback.on_test_batch_begin(batch, {})

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch of a validation."""
        for callback in self.test_batch_end:
            callback.on_test_batch_end(batch, logs)

    def state(self) -> dict[str, dict[str, Any]]:
        """The state of each callback by its name."""
        return {key: callback.state() for key, callback in self.named}

    def load_state(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from `state()`; callbacks that were not there then begin anew."""
        for key, callback in self.named:
            if key in states:
                callback.load_state(states[key])


def _by_key(callbacks: Sequence[Callback], prefix: str) -> Iterator[tuple[str, Callback]]:
    seen: Counter[str] = Counter()
    for callback in callbacks:
        name = prefix + _name_in_checkpoints(callback)
        yield (f"{name}_{seen[name]}" if seen[name] else name), callback
        seen[name] += 1


def _name_in_checkpoints(callback: Callback) -> str:
    """The name of a custom callback's class, and Keras's name for our own: `EarlyStopping`, whatever our class is called."""
    kind = type(callback)
    return kind.__name__.removesuffix("Callback") if kind.__module__.startswith("fittool.callbacks.") else kind.__name__
