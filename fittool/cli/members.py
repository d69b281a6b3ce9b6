"""`train --seeds N` and `--kfold N`: runs of one experiment below one folder, and the mean of their results."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittool.cli.children import options_as_typed, run_fittool, signals_passed_on
from fittool.errors import Interrupted, TimeLimitReached, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fittool.cli.tables import Column
    from fittool.cli.thresholds import Requirement
    from fittool.config.experiment_file import LoadedExperiment
    from fittool.experiment.ensembles.members import Member, Plan
    from fittool.experiment.ensembles.statistics import Spread
    from fittool.runs.ensemble import Ensemble

_OWN = ("seeds", "kfold", "run_dir", "resume", "timeout", "requirements")
"""Options that mean something else for the whole than for a member."""
_ALIKE = (2, 3, 4, 5, 6, 7, 8)
"""Exit codes of what is wrong with all members if it is wrong with one, so that the others are not begun."""
_STOPPED = 75
_PATIENCE, _LOOK = 60.0, 0.1
"""Seconds to wait for a run that is still being saved, and between two looks at it."""


@dataclass(frozen=True)
class Series:
    """A call of `train` for several members.

    Attributes:
        context: The call, with its options.
        loaded: The experiment.
        plan: The members.
        run_dir: The folder that the user names.
        resume: Go on with what is in it.
        timeout: Seconds for all of them together.
        asked: What their mean must reach.
    """

    context: click.Context
    loaded: LoadedExperiment
    plan: Plan
    run_dir: Path | None
    resume: bool
    timeout: float | None
    asked: Sequence[Requirement] = ()

    @property
    def is_trial(self) -> bool:
        """True for --smoke, of which nothing is kept."""
        return bool(self.context.params.get("smoke"))


@dataclass
class _Done:
    """The members that were called so far, with their exit codes."""

    codes: dict[str, int] = field(default_factory=dict)

    @property
    def worst(self) -> int:
        """The lowest code that is not 0; 0 where there is none."""
        return min(filter(None, self.codes.values()), default=0)


def train_members(series: Series) -> int:
    """Train one member after the other, and say what came of them.

    Args:
        series: What is to be trained.

    Returns:
        0 where all went well, else the lowest of the other codes.

    Raises:
        Interrupted, TimeLimitReached: The member at work has saved its state; those behind it were not begun.
        RequirementError: The mean misses what was asked for.
    """
    if series.resume and series.run_dir is None:
        raise UsageError("--resume needs --run-dir, which names the runs to go on with.")
    if series.resume and series.is_trial:
        raise UsageError("--smoke keeps nothing, so there is nothing to --resume.")
    quiet = bool(series.context.params.get("quiet"))
    if not quiet:
        for remark in series.plan.remarks:
            click.echo(f"warning: {remark}", err=True)
    with ExitStack() as stack:
        ensemble = _ensemble_of(series, stack)
        done = _train_all(series, ensemble)
        results = _results(ensemble)
        if results and not series.is_trial:
            ensemble.write({name: one.plain() for name, one in results.items()})
        if not quiet:
            _show(series, ensemble, done, results)
        begun = any(path.exists() for path in ensemble.members)
        if begun and not quiet and not series.context.params.get("events") and not series.is_trial:
            click.echo(ensemble.root)
    if done.worst:
        return done.worst
    means = {name: one.mean for name, one in results.items()}
    for requirement in series.asked:
        requirement.check(means)
    return 0


def _ensemble_of(series: Series, stack: ExitStack) -> Ensemble:
    """The folder of the members, held against others; of a trial one that is removed again."""
    from fittool.runs import latest
    from fittool.runs.ensemble import new_folder, take_folder
    from fittool.runs.files.lock import RunLock

    names = [member.name for member in series.plan.members]
    if series.is_trial and series.run_dir is None:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fittool-smoke-", ignore_cleanup_errors=True)))
    else:
        output = series.loaded.experiment.output.dir
        root = series.run_dir or new_folder(Path(output), str(series.loaded.experiment.name))
    found = take_folder(root, series.plan.kind, names, resume=series.resume)
    stack.enter_context(RunLock(root))
    if series.run_dir is None and not series.is_trial:
        latest.point_to(root.absolute())
        stack.callback(_drop_unless_begun, found)
    return found


def _drop_unless_begun(ensemble: Ensemble) -> None:
    """Remove the folder that was made for members of which none has begun."""
    from fittool.runs import latest

    if not any(path.exists() for path in ensemble.members):
        shutil.rmtree(ensemble.root, ignore_errors=True)
        latest.leave(ensemble.root.absolute())


def _train_all(series: Series, ensemble: Ensemble) -> _Done:
    end = None if series.timeout is None else time.monotonic() + series.timeout
    done = _Done()
    for member in series.plan.members:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            done.codes[member.name] = _STOPPED
        else:
            if not series.context.params.get("quiet"):
                click.echo(f"\n{member.name}, {len(done.codes) + 1} of {len(ensemble.names)}", err=True)
            _await_end_of(ensemble.root / member.name)
            with signals_passed_on() as received:
                done.codes[member.name], _ = run_fittool(
                    ["train", *_arguments(series, ensemble, member, left)], received, _stdout(series)
                )
            if received.number is not None:
                text = f"The runs so far are in {ensemble.root}."
                stop = Interrupted(received.number, f"{Interrupted(received.number)} {text}")
                stop.next_command = _again(series, ensemble)
                raise stop
        if done.codes[member.name] == _STOPPED:
            limit = TimeLimitReached(f"The time is up. The runs so far are in {ensemble.root}.")
            limit.next_command = _again(series, ensemble)
            raise limit
        if done.codes[member.name] in _ALIKE:
            break
    return done


def _await_end_of(run: Path) -> None:
    """Wait for a process whose call was killed, and which is still saving the same run."""
    from fittool.runs.files.lock import is_held

    end = time.monotonic() + _PATIENCE
    while run.is_dir() and is_held(run) and time.monotonic() < end:
        time.sleep(_LOOK)


def _stdout(series: Series) -> int | None:
    """Events go out as they come; else the folder is all that there is to print."""
    return None if series.context.params.get("events") else subprocess.DEVNULL


def _arguments(series: Series, ensemble: Ensemble, member: Member, seconds: float | None) -> list[str]:
    options = options_as_typed(series.context, without=_OWN)
    options += [f"--set={override}" for override in member.overrides]
    options += [f"--run-dir={ensemble.root / member.name}", *([] if series.is_trial else ["--resume"])]
    options += [] if seconds is None else [f"--timeout={seconds:.3f}s"]
    return [*options, "--", str(series.loaded.root.place.source.name)]


def _again(series: Series, ensemble: Ensemble) -> str:
    """The same call, which goes on."""
    added = [] if series.run_dir is not None else ["--run-dir", str(ensemble.root)]
    added += [] if series.resume else ["--resume"]
    return shlex.join(["fittool", *sys.argv[1:], *added])


def _results(ensemble: Ensemble) -> dict[str, Spread]:
    """The results of all members; nothing unless all are finished."""
    from fittool.experiment.ensembles.statistics import results_of, summaries_of

    found = [
        one for one in summaries_of(ensemble.members) if one is not None and one.status is not None and one.status.is_finished
    ]
    return results_of(found) if len(found) == len(ensemble.members) else {}


def _show(series: Series, ensemble: Ensemble, done: _Done, results: Mapping[str, Spread]) -> None:
    """A line for each member, their mean and deviation, and what comes next."""
    from fittool.cli.tables import echo_table
    from fittool.runs.ensemble import in_words
    from fittool.training.display.formatting import number

    click.echo(err=True)
    echo_table(_columns(ensemble, done, results), err=True)
    if results:
        validated = {name: one for name, one in results.items() if name.startswith("val_")} or results
        told = ", ".join(f"{name} {number(one.mean)} ± {number(one.deviation)}" for name, one in validated.items())
        click.echo(f"{told}: mean and standard deviation of {in_words(ensemble)}.", err=True)
    if done.worst and done.worst not in _ALIKE and not series.is_trial:
        click.echo(f"Go on with: {_again(series, ensemble)}", err=True)
    elif results and not series.is_trial:
        click.echo(f"Next: fittool evaluate {shlex.quote(str(ensemble.root))}{_consent(series, ensemble)}", err=True)


def _consent(series: Series, ensemble: Ensemble) -> str:
    """The option that names the experiment's file, where its code is not to be run without."""
    from fittool.experiment.resuming.next_command import consent_option
    from fittool.runs.directory import RunDirectory

    return consent_option(RunDirectory.open(ensemble.members[0]), series.loaded, trains=False)


def _columns(ensemble: Ensemble, done: _Done, results: Mapping[str, Spread]) -> list[Column]:
    from fittool.cli.tables import Column
    from fittool.experiment.ensembles.statistics import summaries_of
    from fittool.training.display.formatting import number

    found = summaries_of(ensemble.members)
    rows = [{} if one is None else one.best_row() for one in found]
    names = list(results) or [name for name in (rows[0] if rows else {}) if name.startswith("val_")]
    below = ["", ""] if results else []
    columns = [
        Column(
            ensemble.kind.removesuffix("s"),
            [name.partition("-")[2] for name in ensemble.names] + (["mean", "±"] if results else []),
        ),
        Column("exit", [str(done.codes.get(name, "-")) for name in ensemble.names] + below, is_number=True),
        Column("state", ["-" if one is None else one.state for one in found] + below),
        Column("epochs", ["-" if one is None else f"{one.epochs:,}" for one in found] + below, is_number=True),
    ]
    for name in names:
        cells = [number(row[name]) if name in row else "-" for row in rows]
        last = [number(results[name].mean), number(results[name].deviation)] if name in results else below
        columns.append(Column(name, cells + last, is_number=True))
    return columns
