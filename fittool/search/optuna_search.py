"""TPE and pruners of Optuna, which remembers trials in one of its storages. Needs the extra `sweep`.

A trial is put into the storage as running, with a mark that says whose it is, in one transaction: a kill at any moment leaves
either nothing or a trial that this directory knows for its own and goes on with.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fittool import rng
from fittool.config.sweeping.section import HyperbandPruner, MedianPruner, Range, SuccessiveHalvingPruner, Sweep
from fittool.config.sweeping.values import text_of
from fittool.errors import MachineError, StorageError, UsageError, visible
from fittool.search.record import Record, Trial
from fittool.search.space import Space

if TYPE_CHECKING:
    from optuna import Study

FILE = "optuna.db"
"""The storage in a sweep's directory. SQLite, as Optuna's journal waits 30 seconds for the lock of a process that was killed."""
Direction = Literal["minimize", "maximize"]
_MARK = "fittool"
_JOURNALS = (".journal", ".log")
_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/@\s]*@")


def without_password(text: str) -> str:
    """A text with `***` in the place of passwords in addresses."""
    return _PASSWORD.sub(r"\1***@", text)


def check_optuna() -> None:
    """Refuse to begin without Optuna.

    Raises:
        MachineError: It is missing; says the pip command.
    """
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise MachineError("sweep.method tpe needs optuna. Install the extra with: pip install 'fittool[sweep]'")


class OptunaStrategy:
    """Trials by what earlier ones have reached.

    Args:
        sweep: The search.
        space: Its parameters.
        less_is_better: Of the metric.
        name: What the study is called in a storage that several share.
        storage: The address of an RDB storage or the path of a journal file; None: a file in the sweep's directory.
        record: The trials of the directory.
        workers: How many trials are at work at once.

    Raises:
        UsageError: The storage cannot be opened, or has a study of that name with the other direction.
    """

    def __init__(
        self, sweep: Sweep, space: Space, less_is_better: bool, *, name: str, storage: str | None, record: Record, workers: int
    ) -> None:
        self._space, self._record, self._workers = space, record, workers
        direction: Direction = "minimize" if less_is_better else "maximize"
        with _speaking_of(storage):
            self._study = _study(name, storage, record.root, direction, sweep)
        if self._study.direction.name.lower() != direction:
            text = (
                f"The study {name} in --storage is to {self._study.direction.name.lower()} its value, this sweep to {direction}"
            )
            raise UsageError(f"{text} it. Choose another name: for the experiment.")
        marks = [trial.user_attrs.get(_MARK) for trial in self._study.get_trials(deepcopy=False)]
        self._numbers = {mark: number for number, mark in enumerate(marks) if mark is not None}
        self._reported: dict[int, Any] = {}

    def values(self, number: int) -> dict[str, Any]:
        """What TPE draws; a trial that was drawn and not begun is the same once more."""
        import optuna

        with _speaking_of(None):
            if self._mark(number) not in self._numbers:
                self._add(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, user_attrs=self._attributes(number)))
            # Its numbers would begin anew in each process that goes on, and so does the seed: it is that of the trial.
            seed = rng.key_of(self._space.seed, "sweep tpe", number) & 0xFFFFFFFF
            self._study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=self._workers > 1)
            trial = self._trial(number)
            return {key: self._suggest(trial, key, one) for key, one in self._space.parameters.items()}

    def go_on(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Bring the storage to where the trial stands; it may be another one than before."""
        import optuna

        with _speaking_of(None):
            if self._mark(trial.number) not in self._numbers:
                self._add(self._frozen(trial, optuna.trial.TrialState.RUNNING, {}))
            for epoch, value in curve.items():
                self._report(trial, epoch, value)

    def reported(self, trial: Trial, epoch: int, value: float) -> bool:
        """As the pruner says."""
        with _speaking_of(None):
            self._report(trial, epoch, value)
            return bool(self._trial(trial.number).should_prune())

    def ended(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Tell the study, unless it knows."""
        import optuna

        states = optuna.trial.TrialState
        state = {"finished": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[str(trial.end)]
        with _speaking_of(None):
            if self._mark(trial.number) not in self._numbers:
                self._add(self._frozen(trial, state, curve))
                return
            place = self._numbers[self._mark(trial.number)]
            known = self._study.get_trials(deepcopy=False)[place]
            if not known.state.is_finished():
                self._study.tell(place, trial.value if state is states.COMPLETE else None, state=state)

    def close(self) -> None:
        """Let the storage go."""
        with _speaking_of(None):
            remove = getattr(self._study._storage, "remove_session", None)
            if remove is not None:
                remove()

    def _mark(self, number: int) -> str:
        return f"{self._record.identity}/{number}"

    def _attributes(self, number: int) -> dict[str, str]:
        return {_MARK: self._mark(number)}

    def _add(self, frozen: Any) -> None:
        self._study.add_trial(frozen)
        mark = frozen.user_attrs[_MARK]
        trials = self._study.get_trials(deepcopy=False)  # others may have added theirs
        self._numbers[mark] = next(one.number for one in reversed(trials) if one.user_attrs.get(_MARK) == mark)

    def _trial(self, number: int) -> Any:
        import optuna

        if number not in self._reported:
            frozen = self._study.get_trials(deepcopy=False)[self._numbers[self._mark(number)]]
            self._reported = {number: optuna.trial.Trial(self._study, frozen._trial_id)} | self._reported
        return self._reported[number]

    def _report(self, trial: Trial, epoch: int, value: float) -> None:
        known = self._study.get_trials(deepcopy=False)[self._numbers[self._mark(trial.number)]]
        if epoch not in known.intermediate_values:
            self._trial(trial.number).report(value, epoch)

    def _suggest(self, trial: Any, key: str, one: list[Any] | Range) -> Any:
        if isinstance(one, list):
            # As texts: Optuna takes 1, 1.0 and true for the same choice, and knows no mappings.
            known = {text_of(value): value for value in one}
            return known[trial.suggest_categorical(key, list(known))]
        name = "suggest_int" if one.is_whole else "suggest_float"
        step = {} if one.step is None else {"step": one.step}
        return getattr(trial, name)(key, one.low, one.last, log=one.log, **step)

    def _frozen(self, trial: Trial, state: Any, curve: Mapping[int, float]) -> Any:
        """A trial that the storage does not know, with what the directory knows of it."""
        import optuna

        parameters = self._space.parameters.items()
        values = {key: text_of(trial.values[key]) if isinstance(one, list) else trial.values[key] for key, one in parameters}
        return optuna.trial.create_trial(
            state=state,
            value=trial.value if state.name in ("COMPLETE", "PRUNED") else None,
            params=values,
            distributions={key: _distribution(one) for key, one in parameters},
            intermediate_values=dict(curve),
            user_attrs=self._attributes(trial.number),
        )


def _distribution(one: list[Any] | Range) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, list):
        return CategoricalDistribution(list(map(text_of, one)))
    if one.is_whole:
        return IntDistribution(int(one.low), int(one.last), log=one.log, step=int(one.step or 1))
    return FloatDistribution(float(one.low), float(one.last), log=one.log, step=one.step)


def _study(name: str, storage: str | None, root: Path, direction: Direction, sweep: Sweep) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        study_name=name, storage=_storage(storage, root), direction=direction, load_if_exists=True, pruner=_pruner(sweep)
    )


def _storage(storage: str | None, root: Path) -> Any:
    import optuna

    if storage is None:
        from sqlalchemy import URL

        address = URL.create("sqlite", database=str(root.absolute() / FILE))  # which takes any letters in a path
        return optuna.storages.RDBStorage(address.render_as_string())
    if "://" not in storage and storage.endswith(_JOURNALS):
        from optuna.storages.journal import JournalFileBackend

        return optuna.storages.JournalStorage(JournalFileBackend(storage))
    if "://" not in storage:
        raise UsageError(f"--storage must be an address such as sqlite:///file.db, or a file ending in .journal; got {storage}.")
    return storage


def _pruner(sweep: Sweep) -> Any:
    import optuna

    setting = sweep.pruner
    if isinstance(setting, MedianPruner):
        # Epochs count from 1, and Optuna ends trials from step n_warmup_steps on.
        return optuna.pruners.MedianPruner(n_startup_trials=setting.startup_trials, n_warmup_steps=setting.warmup_epochs + 1)
    if isinstance(setting, SuccessiveHalvingPruner):
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=setting.min_epochs, reduction_factor=setting.reduction_factor)
    if isinstance(setting, HyperbandPruner):
        return optuna.pruners.HyperbandPruner(min_resource=setting.min_epochs, reduction_factor=setting.reduction_factor)
    return optuna.pruners.NopPruner()


@contextmanager
def _speaking_of(storage: str | None) -> Iterator[None]:
    """Without Optuna's warnings; what goes wrong with the storage is told as fittool's errors, without a password in it.

    Raises:
        UsageError: A storage that the user names cannot be opened.
        StorageError: The storage fails later.
        MachineError: The driver of a database is missing.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (UsageError, MachineError, KeyboardInterrupt):
            raise
        except ImportError as error:
            raise MachineError(f"--storage needs a package that is not there: {error.name or error}.") from error
        except Exception as error:
            said = visible(without_password(str(error).partition("\n")[0]))
            if storage is not None:
                raise UsageError(f"--storage {without_password(storage)} cannot be opened: {said}") from error
            raise StorageError(f"Optuna's storage failed: {said}") from error
