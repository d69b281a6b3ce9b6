"""The base of all callbacks: Keras's hooks, the training they look at, their state, and the settings they are made from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from numpy.typing import NDArray

from fittool.callbacks.control import Control, Logs
from fittool.callbacks.snapshot import Position
from fittool.errors import ExperimentError
from fittool.settings import Named, setting


class Callback:
    """Something that is called at set moments of a training; subclass it and override Keras's hooks.

    Epochs and batches count from 0. `logs` hold Keras's keys and `learning_rate`; those of an epoch are complete before
    any callback sees them, and what `on_epoch_end` adds to them is recorded with the epoch.

    Attributes:
        run: The training: `stop(reason)`, `say(text)`, `learning_rate`, and the weights by name.
        model: The `fittool.Model` that is trained, in Python and in an experiment.
        params: `epochs` and `steps`.
    """

    run: Control
    model: Any
    params: Mapping[str, Any]
    adds_to_logs: ClassVar[bool] = True
    """True where the callback may add values to an epoch's logs, so that names watched are looked for only after an epoch."""
    needs_batch_logs: ClassVar[bool] = True
    """True where `on_train_batch_end` looks at its logs; reading them costs waiting for the device after every step."""

    def set_run(self, run: Control) -> None:
        """Say which training the callback belongs to."""
        self.run = run
        self.set_model(run.model)
        self.set_params(run.params)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Keras's hook: the training's length."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Keras's hook: the model that is trained."""
        self.model = model

    def state(self) -> dict[str, Any]:
        """Plain data (JSON) that a checkpoint has to hold, so that a resumed training goes on the same."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; comes before `on_train_begin`."""

    def kept_weights(self) -> Mapping[str, NDArray[Any]] | None:
        """Weights that the callback will need later, for whoever saves the training; the same object as long as they are."""
        return None

    def keep_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `kept_weights` gave; comes after `load_state`."""

    def go_on_after_stop(self) -> None:
        """The training goes on although its end was asked for, maybe by this callback; comes after `load_state`."""

    def restore(self) -> None:
        """Put the training back to where an earlier one stood; comes before everything else."""

    def release(self) -> None:
        """Give back what the callback holds, such as a lock; comes last, also where training never began."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, however training ended (`run.reason`)."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation."""

    def on_epoch_settled(self, position: Position) -> None:
        """After an epoch, when all callbacks had their turn and its row is known: a moment to save the whole training."""

    def on_train_batch_settled(self, position: Position) -> None:
        """The same after a training step."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step, with the epoch's running values."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keras's older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before a validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After a validation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of a validation, with its running values."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of a prediction."""

    def overrides(self, *hooks: str) -> bool:
        """True where one of these hooks does anything; hooks that do nothing cost nothing."""
        return any(hook in vars(self) or getattr(type(self), hook) is not getattr(Callback, hook) for hook in hooks)


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The names of all hooks."""


class Trial(Protocol):
    """The rules of a training that must change nothing outside of a folder of its own."""

    def admitted(self, callback: CallbackSetting | Callback) -> CallbackSetting | Callback | None:
        """The callback as it may run in the trial, or None."""


def _no_functions(name: str) -> Callable[..., Any]:
    raise ExperimentError(f"{name} names a function in a module, which only an experiment file can do. Give the function itself.")


@dataclass(frozen=True)
class CallbackContext:
    """The surroundings in which a callback starts to work.

    Attributes:
        directory: What relative file names are relative to.
        function: Finds the function that `module:function` names.
        trial: The rules of a training that must change nothing; None for a training that counts.
        run: The identity of the run; "" where there is none.
        name: What the experiment is called; "" where there is none.
        settings: Gives each setting of the experiment by its dotted key.
    """

    directory: Path = field(default_factory=Path)
    function: Callable[[str], Callable[..., Any]] = _no_functions
    trial: Trial | None = None
    run: str = ""
    name: str = ""
    settings: Callable[[], Mapping[str, Any]] = dict

    def name_of(self, path: Path) -> str | None:
        """The name of a file below the directory, for the state of a callback that counts on it; None for one elsewhere."""
        found = os.path.relpath(os.path.normpath(self.directory / path), self.directory)
        return None if found.split(os.sep)[0] == os.pardir else found


class _LastTraining:
    """Beside a setting: the callback that it last became.

    A table by setting would keep every training alive: the callback knows its training, and so, by way of other callbacks or
    of functions of the user's, often the setting again. Held by the setting, all of them go together.
    """

    callback: Callback | None = None


@setting
class CallbackSetting(Named):
    """A callback by its arguments, as a file or a program names it; it stays as it is, so several trainings may share it.

    Beside its arguments it shows what the callback has that it last became (`stopped_epoch`, `best`, …), where people who come
    from Keras look for it after training.

    Others learn from here what they must know about a callback, so that nobody else keeps a list of names.
    """

    writes_only: ClassVar[bool] = False
    """True where the numbers of a training are the same without the callback: it only writes, shows or sends."""
    publishes: ClassVar[bool] = False
    """True where the callback tells others of the training, whether or not the experiment says whom."""
    steers: ClassVar[bool] = False
    """True where the callback may change weights, learning rate or length of the training, so that a replay needs it."""
    adds_to_logs: ClassVar[bool] = False
    """True where the callback may add values to an epoch's logs."""

    __slots__ = ("_last",)
    _last: ClassVar[_LastTraining]  # of each object: a slot, and no field

    def __new__(cls, *args: Any, **named: Any) -> Self:
        """An object that was in no training yet."""
        made = super().__new__(cls)
        object.__setattr__(made, "_last", _LastTraining())
        return made

    def __getstate__(self) -> dict[str, Any]:
        """The arguments alone: a copy was in no training."""
        return dict(vars(self))

    def files(self) -> Mapping[str, str]:
        """Files and folders that the callback writes, by the argument that names them: absolute, or relative to the run."""
        return {}

    def addresses(self) -> Mapping[str, str]:
        """Web addresses that the callback sends to, by the argument that names them."""
        return {}

    def start(self, surroundings: CallbackContext) -> Callback:
        """The callback at work, with fresh state."""
        raise NotImplementedError

    def started(self, surroundings: CallbackContext) -> Callback:
        """The same, and remembered as that of the last training."""
        callback = self._last.callback = self.start(surroundings)
        return callback

    def __getattr__(self, name: str) -> Any:
        """An attribute of the callback of the last training."""
        if name.startswith("_") or self._last.callback is None:
            raise AttributeError(f"{self.public_name()} has no {name}.", name=name, obj=self)
        return getattr(self._last.callback, name)


def started(callbacks: Sequence[CallbackSetting | Callback], surroundings: CallbackContext | None = None) -> list[Callback]:
    """Callbacks at work, in the same order: those given as settings are made, custom ones taken as they are."""
    place = CallbackContext() if surroundings is None else surroundings
    admitted = callbacks if place.trial is None else [one for one in map(place.trial.admitted, callbacks) if one is not None]
    return [callback.started(place) if isinstance(callback, CallbackSetting) else callback for callback in admitted]
