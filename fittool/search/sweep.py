"""A sweep from its beginning, or from where it stands, to its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittool.callbacks import ModelCheckpoint
from fittool.config.checks import objectives_without_data
from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sweeping.section import DEFAULT_TRIALS, Sweep
from fittool.config.written import validates
from fittool.errors import ExperimentError, Problem, UsageError
from fittool.experiment.resuming.changes import counting_settings
from fittool.nn.objectives import directions
from fittool.runs.files.lock import RunLock
from fittool.runs.listing.order import is_less_better
from fittool.search.optuna_search import OptunaStrategy, check_optuna, without_password
from fittool.search.record import Record, Trial, make_directory, open_record
from fittool.search.running import Job, Running, Watch
from fittool.search.space import Space
from fittool.search.strategy import OwnStrategy, Strategy
from fittool.settings import plain

_MARK = "(all by default)"


@dataclass(frozen=True)
class SweepOptions:
    """The additions of a command line to an experiment's `sweep:`.

    Attributes:
        overrides: Those of `--set`.
        trials: Instead of the section's.
        workers: How many trials are trained at once.
        storage: Where Optuna remembers trials; None: in the sweep's directory.
        directory: Where the trials go; None: `sweep` beside the runs of the experiment's name.
        command: The call, for the record.
    """

    overrides: tuple[str, ...] = ()
    trials: int | None = None
    workers: int = 1
    storage: str | None = None
    directory: Path | None = None
    command: tuple[str, ...] = field(default_factory=lambda: tuple(sys.argv))

    @property
    def shown_command(self) -> tuple[str, ...]:
        """The call without passwords: it is printed, and kept in each trial's run."""
        return tuple(map(without_password, self.command))


@dataclass(frozen=True)
class Goal:
    """What a sweep is after.

    Attributes:
        metric: The value of a trial's best epoch.
        less_is_better: Whether the least is the best.
        trials: How many combinations are tried.
    """

    metric: str
    less_is_better: bool
    trials: int

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The best finished trial, of several equal ones the first; None where there is none."""
        finished = [(trial, trial.value) for trial in trials if trial.end == "finished" and trial.value is not None]
        known = [(value if self.less_is_better else -value, trial.number, trial) for trial, value in finished if value == value]
        return min(known, key=lambda one: one[:2])[2] if known else None


def goal_of(loaded: LoadedExperiment, options: SweepOptions) -> Goal:
    """What the sweep of an experiment is after.

    Raises:
        ExperimentError: The experiment has no sweep.
    """
    sweep = sweep_of(loaded)
    metric = sweep.metric or _watched(loaded)
    size = sweep.combinations if sweep.method == "grid" else None
    wanted = options.trials or sweep.trials or size or DEFAULT_TRIALS
    return Goal(metric, _less_is_better(loaded, sweep, metric), min(wanted, size) if size is not None else wanted)


def sweep_of(loaded: LoadedExperiment) -> Sweep:
    """The section.

    Raises:
        ExperimentError: There is none.
    """
    sweep = loaded.experiment.sweep
    if sweep is None:
        text = "There is no section sweep: in this experiment. Write one: sweep: {parameters: {train.batch_size: [16, 32, 64]}}."
        raise ExperimentError(Problem(text, place=loaded.root.place.source.name))
    return sweep


def _watched(loaded: LoadedExperiment) -> str:
    """The value by which the best epoch of a run is chosen (`BestEpoch.following`)."""
    checkpoints = [one for _, one in loaded.experiment.all_callbacks() if isinstance(one, ModelCheckpoint)]
    checkpoint = next((one for one in checkpoints if one.save_best_only or not one.has_own_file), None)
    if checkpoint is not None:
        return checkpoint.monitor
    return "val_loss" if validates(loaded.experiment) else "loss"


def _less_is_better(loaded: LoadedExperiment, sweep: Sweep, metric: str) -> bool:
    if sweep.mode != "auto":
        return sweep.mode == "min"
    known = directions(objectives_without_data(loaded.experiment))
    found = known.get(metric.removeprefix("val_"))
    return is_less_better(metric) if found is None else found == "min"


def directory_of(loaded: LoadedExperiment, options: SweepOptions) -> Path:
    """Where the trials go."""
    return options.directory or Path(loaded.experiment.output.dir) / str(loaded.experiment.name) / "sweep"


@dataclass(frozen=True)
class OpenSweep:
    """A sweep in its directory, which is locked.

    Attributes:
        loaded: The experiment.
        options: What a command line adds.
        goal: What it is after.
        record: Its trials.
        strategy: Chooses values.
    """

    loaded: LoadedExperiment
    options: SweepOptions
    goal: Goal
    record: Record
    strategy: Strategy

    def run(self, watch: Watch | None = None) -> None:
        """Try what is left to try.

        Args:
            watch: Is told of each trial.

        Raises:
            Interrupted: A signal came; the trials at work have saved their state.
            FittoolError: What would end every trial.
        """
        sweep = sweep_of(self.loaded)
        task = {
            "config": str(self.loaded.root.place.source.name),
            "overrides": list(self.options.overrides),
            "metric": self.goal.metric,
            "parameters": list(sweep.parameters),
        }
        asks = sweep.pruner is not None
        job = Job(task, self.goal.metric, self.goal.trials, self.options.workers, asks, self.options.shown_command)
        Running(job, self.record, self.strategy, watch or Watch()).run()


@contextmanager
def open_sweep(loaded: LoadedExperiment, options: SweepOptions) -> Iterator[OpenSweep]:
    """Open a sweep where it stands, or begin it.

    Args:
        loaded: The experiment.
        options: What a command line adds.

    Raises:
        UsageError: The directory holds something else, or `--storage` does not fit.
        ExperimentError: The experiment has no sweep, or the directory holds another one.
        RunInUseError: Another process is at it.
        MachineError: Optuna is missing.
    """
    sweep, goal = sweep_of(loaded), goal_of(loaded, options)
    if options.storage is not None and sweep.method != "tpe":
        raise UsageError(f"--storage is for method tpe; {sweep.method} needs none, as its values follow from the seed.")
    if sweep.method == "tpe":
        check_optuna()
    root = directory_of(loaded, options)
    make_directory(root)
    with ExitStack() as stack:
        stack.enter_context(RunLock(root))
        space = Space.of(sweep, loaded.experiment.seed)
        record = open_record(root, _described(loaded, sweep, goal, space))
        strategy = _strategy(loaded, sweep, goal, space, options, record)
        stack.callback(strategy.close)
        yield OpenSweep(loaded, options, goal, record, strategy)


def _described(loaded: LoadedExperiment, sweep: Sweep, goal: Goal, space: Space) -> dict[str, Any]:
    """What must be the same when a sweep goes on; more trials and another pruner are welcome."""
    return {
        "method": sweep.method,
        "metric": goal.metric,
        "mode": "min" if goal.less_is_better else "max",
        "seed": space.seed,
        "parameters": plain(dict(sweep.parameters), defaults=False),
        # Without defaults, as a later release may have further settings.
        "experiment": counting_settings(_with_marks(plain(loaded.experiment, defaults=False))),
    }


def _with_marks(data: Any) -> Any:
    """Plain data in which a name without arguments, such as a loss, is not nothing."""
    if isinstance(data, dict):
        return {key: _with_marks(value) for key, value in data.items()} or {_MARK: True}
    return [_with_marks(item) for item in data] if isinstance(data, list) else data


def _strategy(
    loaded: LoadedExperiment, sweep: Sweep, goal: Goal, space: Space, options: SweepOptions, record: Record
) -> Strategy:
    if sweep.method != "tpe":
        return OwnStrategy(sweep, space, goal.less_is_better)
    return OptunaStrategy(
        sweep, space, goal.less_is_better, name=str(loaded.experiment.name), storage=options.storage, record=record,
        workers=options.workers,
    )  # fmt: skip


def command_to_go_on(options: SweepOptions) -> str:
    """The same call, without passwords."""
    return shlex.join(["fittool", *options.shown_command[1:]])
